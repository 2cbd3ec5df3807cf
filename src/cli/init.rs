//! `logveil init`: a configuration and a keyring to start with.

use super::exit::{Exit, Failure};
use crate::keys::EPOCH_DAYS_DEFAULT;
use crate::keystore::{EPOCHS_FUTURE_DEFAULT, EPOCHS_PAST_DEFAULT, KeyringFile};
use anyhow::anyhow;
use clap::Args;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The configuration that is written: every key with its default and the reason.
const STARTER: &str = include_str!("starter.toml");

/// The brokers in [`STARTER`].
const BOOTSTRAP_DEFAULT: &str = "127.0.0.1:9092";

/// Writes a commented logveil.toml and a keyring to start with; overwrites nothing.
#[derive(Args)]
#[command(after_help = "Example:
  logveil init --bootstrap broker-1:9092,broker-2:9092")]
pub(super) struct InitArgs {
    /// Folder to write to; made if it is not there
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Kafka brokers
    #[arg(long, default_value = BOOTSTRAP_DEFAULT, value_name = "HOST:PORT,…", value_parser = bootstrap)]
    bootstrap: String,
    /// Name of the tenant: no two tenants share a pseudonym
    #[arg(long, default_value = "default", value_name = "NAME")]
    tenant: String,
}

pub(super) fn run(args: InitArgs, now_ms: i64, out: &mut impl Write) -> Result<Exit, Failure> {
    // Paths are shown as one would type them, without `./`.
    let folder = args.dir.strip_prefix(".").unwrap_or(&args.dir);
    let (config, keyring) = (folder.join("logveil.toml"), folder.join("keyring.toml"));
    for file in [&config, &keyring] {
        if file.exists() {
            return Err(Failure::Usage(anyhow!("{} exists already and is not overwritten", file.display())));
        }
    }
    let keys =
        KeyringFile::generate(&args.tenant, EPOCH_DAYS_DEFAULT, now_ms, EPOCHS_PAST_DEFAULT, EPOCHS_FUTURE_DEFAULT)?;
    let failed = |path: &Path, error| Failure::file("write", &path.display().to_string(), error);
    fs::create_dir_all(&args.dir).map_err(|error| failed(&args.dir, error))?;
    keys.save(&keyring)?;
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(&config).map_err(|error| failed(&config, error))?;
    let text = STARTER.replacen(BOOTSTRAP_DEFAULT, &args.bootstrap, 1);
    file.write_all(text.as_bytes()).map_err(|error| failed(&config, error))?;

    let (config, keyring) = (config.display(), keyring.display());
    writeln!(out, "wrote {config}: names the topics and states every default")?;
    writeln!(out, "wrote {keyring}: keep a backup apart from the logs; it can re-identify everyone")?;
    writeln!(out, "\nnext:")?;
    writeln!(out, "  1. create the topics raw-logs, clean-logs and quarantine-logs, or name yours in {config}")?;
    writeln!(out, "  2. logveil config check {config}")?;
    writeln!(out, "  3. logveil run --config {config}")?;
    Ok(Exit::Done)
}

/// Refuses what would need escapes in the file; whether a broker is there shows when it runs.
fn bootstrap(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:,[]".contains(c);
    if text.is_empty() || !text.chars().all(plain) {
        return Err("write host:port, or several with commas between".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Surroundings};
    use std::time::Duration;

    fn load(text: &str) -> Config {
        let surroundings = Surroundings { variable: &|_| None, processors: 2, host_name: "host-1" };
        Config::parse(Path::new("logveil.toml"), text, surroundings).unwrap()
    }

    #[test]
    fn the_starter_states_the_defaults() {
        let commented = |line: &str| {
            // What stands further in is an example, no default.
            let assignment =
                line.strip_prefix("# ").filter(|line| line.contains(" = ") && !line.starts_with(['"', ' ']));
            assignment.unwrap_or(line).to_owned()
        };
        let stated: Vec<String> = STARTER.lines().map(commented).collect();
        assert_eq!(stated.iter().filter(|line| line.contains(" = ") && !line.starts_with('#')).count(), 20);
        assert_eq!(load(&stated.join("\n")), load(STARTER));
    }

    #[test]
    fn the_example_of_a_window_can_be_used() {
        let window = load(&STARTER.replace("#   retention.window", "retention.window")).routes[0].window;
        assert_eq!(window, Some(Duration::from_secs(30 * 86_400)));
    }
}
