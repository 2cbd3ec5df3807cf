//! A member of a group.

use super::{JoinRequest, Joined};
use std::time::Duration;

/// Who a client says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) member_id: String,
    /// Set for static members (KIP-345).
    pub(crate) instance_id: Option<String>,
}

/// A way of assigning partitions that a member speaks, and what it has to say about itself in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) name: String,
    pub(crate) metadata: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) assignment: Vec<u8>,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    /// The preferred first.
    pub(super) protocols: Vec<Protocol>,
    /// When it was heard of last.
    pub(super) seen: Duration,
    /// It waits for the next generation.
    pub(super) is_joining: bool,
    /// It waits for the leader's word.
    pub(super) is_syncing: bool,
    /// Number of its latest request to join, the only one that is answered.
    pub(super) join: u64,
    /// What that request is to be answered with.
    pub(super) joined: Option<Joined>,
}

impl Member {
    pub(super) fn new(request: &JoinRequest, now: Duration) -> Self {
        Self {
            instance_id: request.identity.instance_id.clone(),
            client_id: request.client_id.clone(),
            client_host: request.client_host.clone(),
            assignment: Vec::new(),
            session_timeout: request.session_timeout,
            rebalance_timeout: request.rebalance_timeout,
            protocols: request.protocols.clone(),
            seen: now,
            is_joining: false,
            is_syncing: false,
            join: 0,
            joined: None,
        }
    }

    /// Takes over what a request to join says, and waits. An earlier request that still waits gets nothing any more: its
    /// connection may be cut, and it must not take the answer away from this one.
    pub(super) fn renew(&mut self, request: JoinRequest, now: Duration) {
        self.session_timeout = request.session_timeout;
        self.rebalance_timeout = request.rebalance_timeout;
        self.protocols = request.protocols;
        self.seen = now;
        self.is_joining = true;
        self.join += 1;
        self.joined = None;
    }

    /// Bytes that it says of itself, rounded up.
    pub(super) fn bytes(&self) -> usize {
        self.instance_id.as_ref().map_or(0, String::len) + self.client_id.len() + bytes_of(&self.protocols)
    }

    pub(super) fn speaks(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|spoken| spoken.name == protocol)
    }

    /// What it says about itself in this protocol.
    pub(crate) fn metadata(&self, protocol: &str) -> &[u8] {
        self.protocols.iter().find(|spoken| spoken.name == protocol).map_or(&[], |spoken| &spoken.metadata)
    }
}

/// Bytes that a member's protocols take, rounded up.
pub(super) fn bytes_of(protocols: &[Protocol]) -> usize {
    protocols.iter().map(|protocol| size_of::<Protocol>() + protocol.name.len() + protocol.metadata.len()).sum()
}
