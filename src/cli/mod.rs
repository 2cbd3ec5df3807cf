//! The command line: arguments in, text and an exit code out. Wires the rooms together.
//!
//! Knows: everything that is printed; nothing below prints. Must not know how anything is done. Start at [`main`]; each
//! command is a file.

mod config;
mod demo;
mod discover;
mod exit;
mod explain;
mod generate;
mod init;
mod keys;
mod packs;
mod quarantine;
mod retention;
mod rules;
mod run;
mod scrub;
mod terminal;
mod text;
mod time;

pub use exit::Exit;

use clap::{Parser, Subcommand};
use exit::Failure;
use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::Location;
use std::time::SystemTime;

/// Pseudonymises logs: on Kafka, in files, and on standard input.
///
/// Addresses, user names, e-mails, device and session ids, tokens and user agents are replaced by keyed pseudonyms.
/// A record comes out clean or it is quarantined; nothing passes raw.
#[derive(Parser)]
#[command(name = "logveil", version, arg_required_else_help = true, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Run(run::RunArgs),
    Quarantine(quarantine::QuarantineArgs),
    Retention(retention::RetentionArgs),
    Scrub(scrub::ScrubArgs),
    Explain(explain::ExplainArgs),
    Discover(discover::DiscoverArgs),
    Generate(generate::GenerateArgs),
    Rules(rules::RulesArgs),
    Keys(keys::KeysArgs),
    Config(config::ConfigArgs),
    Init(init::InitArgs),
}

/// Runs the program with these arguments; `clock` tells the present time. Prints what there is to say.
pub fn main(arguments: impl IntoIterator<Item = OsString>, clock: fn() -> SystemTime) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            // Nobody is left to tell when the terminal is gone.
            return error.print().map_or(Exit::Done, |()| exit);
        }
    };
    match run(arguments.command, clock) {
        Ok(exit) => exit,
        Err(Failure::OutputClosed) => Exit::Done,
        Err(failure) => {
            terminal::say(&format!("error: {failure}"));
            failure.exit()
        }
    }
}

/// Says where the program stopped because of its own fault. Prints no message of the panic: it may quote data.
pub fn report_bug(location: Option<&Location<'_>>) {
    let place = location.map_or("an unknown place".to_owned(), ToString::to_string);
    terminal::say(&format!("error: bug in logveil at {place}; what was not written yet stays unwritten"));
}

fn run(command: Command, clock: fn() -> SystemTime) -> Result<Exit, Failure> {
    let (mut out, now_ms) = (io::stdout().lock(), time::timestamp_ms(clock()));
    let exit = match command {
        Command::Demo(args) => demo::run(&args, clock, &mut out),
        Command::Run(args) => run::run(args, clock),
        Command::Quarantine(args) => quarantine::run(args, &mut out),
        Command::Retention(args) => retention::run(args, clock, &mut out),
        Command::Scrub(args) => scrub::run(args, now_ms, &mut out),
        Command::Explain(args) => explain::run(args, now_ms, &mut out),
        Command::Discover(args) => discover::run(&args, &mut out),
        Command::Generate(args) => generate::run(args, &mut out),
        Command::Rules(args) => rules::run(args, &mut out),
        Command::Keys(args) => keys::run(args, now_ms, &mut out),
        Command::Config(args) => config::run(args, now_ms, &mut out),
        Command::Init(args) => init::run(args, now_ms, &mut out),
    }?;
    out.flush()?;
    Ok(exit)
}
