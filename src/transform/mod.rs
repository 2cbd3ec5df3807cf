//! transform

pub mod user_agent;
