//! `logveil keys`: makes and extends keyrings, and tells which times they cover. Key bytes are never printed.

use super::exit::{Exit, Failure};
use super::terminal;
use super::text::{count, table};
use crate::calendar::Date;
use crate::keys::{EPOCH_DAYS_DEFAULT, epoch_range_ms};
use crate::keystore::{self, EPOCHS_FUTURE_DEFAULT, EPOCHS_PAST_DEFAULT, KeyringFile, KeystoreError};
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::PathBuf;

/// Makes and extends keyrings, and tells which times they cover.
#[derive(Args)]
#[command(after_help = "Examples:
  logveil keys init --tenant acme
  logveil keys status
  logveil keys extend        # from a timer, say once a month")]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Draws the keys of a new tenant and writes them to a file that only its owner may read
    Init {
        #[command(flatten)]
        file: FileArgs,
        /// Name of the tenant: no two tenants share a pseudonym
        #[arg(long, default_value = "default", value_name = "NAME")]
        tenant: String,
        /// Days of one key: pseudonyms of different epochs cannot be linked
        #[arg(long, default_value_t = EPOCH_DAYS_DEFAULT, value_name = "DAYS")]
        epoch_days: u32,
        /// Epochs before the present one that get a key, for late events
        #[arg(long, default_value_t = EPOCHS_PAST_DEFAULT, value_name = "COUNT")]
        past: u32,
        /// Epochs after the present one that get a key
        #[arg(long, default_value_t = EPOCHS_FUTURE_DEFAULT, value_name = "COUNT")]
        future: u32,
    },
    /// Draws keys for times to come; what is there stays as it is
    Extend {
        #[command(flatten)]
        file: FileArgs,
        /// Epochs after the present one that shall have a key
        #[arg(long, default_value_t = EPOCHS_FUTURE_DEFAULT, value_name = "COUNT")]
        future: u32,
    },
    /// Tells which times have a key
    Status {
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Args)]
struct FileArgs {
    /// Keyring file
    #[arg(long, default_value = "keyring.toml", value_name = "FILE")]
    keyring: PathBuf,
}

pub(super) fn run(args: KeysArgs, now_ms: i64, out: &mut impl Write) -> Result<Exit, Failure> {
    match args.command {
        KeysCommand::Init { file, tenant, epoch_days, past, future } => {
            KeyringFile::generate(&tenant, epoch_days, now_ms, past, future)?.save(&file.keyring)?;
            writeln!(
                out,
                "wrote {}: {}",
                file.keyring.display(),
                count(u64::from(past) + u64::from(future) + 1, "key")
            )?;
            terminal::say("note: keep a backup apart from the logs; whoever has this file can re-identify everyone");
            Ok(Exit::Done)
        }
        KeysCommand::Extend { file, future } => {
            let added = keystore::extend(&file.keyring, now_ms, future)?;
            writeln!(out, "{}: {} added", file.keyring.display(), count(added as u64, "key"))?;
            Ok(Exit::Done)
        }
        KeysCommand::Status { file } => status(&file, now_ms, out),
    }
}

fn status(file: &FileArgs, now_ms: i64, out: &mut impl Write) -> Result<Exit, Failure> {
    let keyring = keystore::load(&file.keyring)?;
    let days = keyring.epoch_days();
    writeln!(out, "tenant {}, epochs of {}", keyring.tenant(), count(days, "day"))?;
    let present = keyring.epoch_at(now_ms).ok_or(KeystoreError::Clock { now_ms })?;
    let mut rows = vec![["epoch", "key id", "from", "to", ""].map(str::to_owned).to_vec()];
    for keys in keyring.epochs() {
        let range = epoch_range_ms(days, keys.epoch());
        let (from, to) = (Date::at(range.start).to_string(), Date::at(range.end - 1).to_string());
        let mark = if keys.epoch() == present { "present" } else { "" };
        rows.push(vec![keys.epoch().to_string(), keys.kid().to_owned(), from, to, mark.to_owned()]);
    }
    write!(out, "{}", table(&rows))?;
    let coverage = keystore::coverage(&keyring, now_ms)?;
    writeln!(out, "covered until {} (exclusive)", Date::at(coverage.ends_ms))?;
    Ok(Exit::Done)
}
