//! `logveil scrub`: lines in, clean lines out.

mod chunk;
mod report;
mod threads;

use super::exit::{Exit, Failure};
use super::{packs, terminal, time};
use crate::files::LINE_BYTES_MAX;
use crate::keys::Keyring;
use crate::keystore::{self, KeyringFile};
use crate::veil::{Choice, Veil};
use anyhow::anyhow;
use chunk::{Input, Inputs, Worker};
use clap::Args;
use indicatif::ProgressBar;
use report::Report;
use std::fs::{self, File};
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// The keyring that is used when none is named and this one is there.
const KEYRING_DEFAULT: &str = "keyring.toml";

/// The file that is standard input.
const STDIN: &str = "-";

/// Most threads that can be asked for. Each holds compiled packs of its own.
const THREADS_MAX: u16 = 256;

/// Tenant of the keyring that is drawn when there is none.
const TENANT_EPHEMERAL: &str = "ephemeral";

/// Pseudonymises lines of files or of standard input.
///
/// Line in, line out, in order. A line that cannot be veiled for certain becomes a marker line
/// `logveil: quarantined line 17: not-json`, and the exit code is 4.
#[derive(Args)]
#[command(after_help = "Examples:
  logveil scrub access.log > clean.log
  journalctl -f | logveil scrub --keyring keyring.toml
  logveil scrub --pack nginx --at 2026-11-01 --json-report report.json access.log.1")]
pub(super) struct ScrubArgs {
    /// Files to read one after the other; `-` or none is standard input
    files: Vec<PathBuf>,
    /// Rule pack; `auto` chooses one for each line
    #[arg(long, default_value = "auto", value_name = "NAME")]
    pack: String,
    /// Folder of rule packs, or of one pack; goes before shipped packs of the same name
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Keyring file [default: ./keyring.toml, or else a random key for this run]
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// Day or time of the events, which decides their key epoch [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<i64>,
    /// Threads that veil; changes nothing in what is written [default: processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(THREADS_MAX)))]
    threads: Option<u16>,
    /// Write the counts to this file as JSON
    #[arg(long, value_name = "FILE")]
    json_report: Option<PathBuf>,
    /// Exit with 0 even when lines were quarantined
    #[arg(long)]
    allow_quarantine: bool,
    /// Print no counts
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: ScrubArgs, now_ms: i64, out: &mut impl Write) -> Result<Exit, Failure> {
    let veil = Veil::new(&packs::load(args.rules.as_deref())?, &Choice::new(&args.pack))?;
    let veil = veil.with_record_bytes_max(LINE_BYTES_MAX);
    let bytes_total = bytes_total(&args.files)?;
    let timestamp_ms = args.at.unwrap_or(now_ms);
    let keys = keyring(args.keyring.as_deref(), timestamp_ms)?;

    let progress = terminal::progress(bytes_total);
    let threads = args.threads.map_or_else(processors, usize::from);
    let inputs = inputs(args.files.clone(), progress.clone());
    let veil = Arc::new(veil);
    let report = scrub(&veil, &Arc::new(keys), timestamp_ms, inputs, threads, out)?;
    finish(&args, &report, &veil, &progress)
}

/// The processors that the system lets this process use.
fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(usize::from(THREADS_MAX))
}

/// The inputs in their order, each opened when the one before it has ended.
fn inputs(mut files: Vec<PathBuf>, progress: ProgressBar) -> impl Iterator<Item = Result<Input, Failure>> + Send {
    if files.is_empty() {
        files.push(PathBuf::from(STDIN));
    }
    files.into_iter().map(move |file| {
        if is_stdin(&file) {
            return Ok::<Input, _>(("standard input".into(), Box::new(progress.wrap_read(io::stdin()))));
        }
        let name = file.display().to_string();
        let input = File::open(&file).map_err(|error| Failure::file("read", &name, error))?;
        Ok((name.into(), Box::new(progress.wrap_read(input))))
    })
}

fn scrub(
    veil: &Arc<Veil>,
    keys: &Arc<Keyring>,
    timestamp_ms: i64,
    inputs: impl Iterator<Item = Result<Input, Failure>> + Send + 'static,
    threads: usize,
    out: impl Write,
) -> Result<Report, Failure> {
    let inputs = Inputs::new(Arc::clone(veil), inputs);
    let worker = || Worker::new(veil, Arc::clone(keys), timestamp_ms);
    match threads {
        ..=1 => threads::alone(inputs, worker(), out),
        _ => threads::together(inputs, (0..threads).map(|_| worker()).collect(), out),
    }
}

fn finish(args: &ScrubArgs, report: &Report, veil: &Veil, progress: &ProgressBar) -> Result<Exit, Failure> {
    progress.finish_and_clear();
    if !args.quiet {
        terminal::say(report.text(veil).trim_end());
    }
    if let Some(path) = &args.json_report {
        let text = format!("{:#}\n", report.json(veil));
        fs::write(path, text).map_err(|error| Failure::file("write", &path.display().to_string(), error))?;
    }
    let quarantined = report.quarantined() > 0 && !args.allow_quarantine;
    Ok(if quarantined { Exit::Quarantined } else { Exit::Done })
}

/// Makes sure that all files are there before the first line is written; their bytes together, if none is a stream.
pub(super) fn bytes_total(files: &[PathBuf]) -> Result<Option<u64>, Failure> {
    let mut total = (!files.is_empty()).then_some(0);
    for file in files.iter().filter(|file| !is_stdin(file)) {
        let failed = |error| Failure::file("read", &file.display().to_string(), error);
        let metadata = fs::metadata(file).map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        total = total.filter(|_| metadata.is_file()).map(|total| total + metadata.len());
    }
    Ok(total.filter(|_| !files.iter().any(|file| is_stdin(file))))
}

pub(super) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == STDIN
}

/// The keys for events of this time.
fn keyring(path: Option<&Path>, timestamp_ms: i64) -> Result<Keyring, Failure> {
    let default = Path::new(KEYRING_DEFAULT);
    let keyring = match path.or(default.exists().then_some(default)) {
        Some(path) => keystore::load(path)?,
        None => ephemeral(timestamp_ms)?,
    };
    let epoch =
        keyring.epoch_at(timestamp_ms).ok_or_else(|| Failure::Usage(anyhow!("this time is in no key epoch")))?;
    keyring.at(epoch).map_err(|error| {
        let hint = "logveil keys status, and logveil keys extend for times to come";
        Failure::Usage(anyhow!("{error}, so that every line would be quarantined\n  hint: {hint}"))
    })?;
    Ok(keyring)
}

fn ephemeral(timestamp_ms: i64) -> Result<Keyring, Failure> {
    terminal::say(
        "note: no keyring.toml here, so a random key is used for this run only: no other run gives these pseudonyms\n  \
         hint: logveil keys init",
    );
    let file = KeyringFile::generate(TENANT_EPHEMERAL, crate::keys::EPOCH_DAYS_DEFAULT, timestamp_ms, 0, 0)?;
    file.into_keyring().map_err(|error| Failure::Halted(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::io::{ErrorKind, Read};
    use std::sync::LazyLock;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    /// The shipped packs are compiled once: it takes longer than all the rest.
    static VEIL: LazyLock<Arc<Veil>> = LazyLock::new(|| {
        let veil = Veil::new(&packs::load([]).unwrap(), &Choice::Auto).unwrap();
        Arc::new(veil.with_record_bytes_max(LINE_BYTES_MAX))
    });
    static KEYS: LazyLock<Arc<Keyring>> = LazyLock::new(|| {
        let file = KeyringFile::generate("test", 30, 0, 0, 0).unwrap();
        Arc::new(file.into_keyring().unwrap())
    });

    /// What a read brings, one after the other.
    struct Reads(VecDeque<io::Result<Vec<u8>>>);

    impl Reads {
        /// Cuts `bytes` into pieces of these lengths, over and over.
        fn cut(mut bytes: &[u8], lengths: &[usize]) -> Self {
            let mut reads = VecDeque::new();
            for length in lengths.iter().cycle() {
                let (read, rest) = bytes.split_at((*length).min(bytes.len()));
                if read.is_empty() {
                    break;
                }
                reads.push_back(Ok(read.to_vec()));
                bytes = rest;
            }
            Self(reads)
        }
    }

    impl Read for Reads {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(read) = self.0.pop_front() else { return Ok(0) };
            let mut read = read?;
            let length = read.len().min(buffer.len());
            buffer[..length].copy_from_slice(&read[..length]);
            if length < read.len() {
                self.0.push_front(Ok(read.split_off(length)));
            }
            Ok(length)
        }
    }

    fn try_scrub(threads: usize, inputs: Vec<Reads>, out: impl Write) -> Result<Report, Failure> {
        let inputs = inputs.into_iter().map(|reads| Ok::<Input, _>(("test".into(), Box::new(reads))));
        super::scrub(&VEIL, &KEYS, 0, inputs, threads, out)
    }

    /// What comes out for these inputs, by the shipped packs.
    fn scrub_on(threads: usize, inputs: Vec<Reads>) -> (Vec<u8>, Report) {
        let mut out = Vec::new();
        let report = try_scrub(threads, inputs, &mut out).unwrap();
        (out, report)
    }

    fn scrub(inputs: &[&[u8]]) -> (Vec<u8>, Report) {
        scrub_on(1, inputs.iter().map(|input| Reads::cut(input, &[usize::MAX])).collect())
    }

    fn line_count(text: &[u8]) -> usize {
        text.split_inclusive(|byte| *byte == b'\n').count()
    }

    #[test]
    fn inputs_follow_each_other_on_lines_of_their_own() {
        let (out, report) = scrub(&[b"one\ntwo", b"", b"\xff", b"four\r\n\r\n"]);
        assert_eq!(String::from_utf8(out).unwrap(), "one\ntwo\nlogveil: quarantined line 3: not-utf8\nfour\r\n\r\n");
        assert_eq!((report.lines, report.blank, report.quarantined()), (5, 1, 1));
    }

    #[test]
    fn a_header_holds_for_the_rest_of_its_file() {
        let first: &[u8] = b"time,user,action\n1,alice,x\n#Fields: a c-ip cs-username\n1 - alice\n";
        for lengths in [&[usize::MAX][..], &[17], &[28], &[1]] {
            for threads in [1, 3] {
                let inputs = [first, b"1,alice,x\n1 - alice\n"].map(|input| Reads::cut(input, lengths));
                let (out, report) = scrub_on(threads, inputs.into());
                let out = String::from_utf8(out).unwrap();
                let lines: Vec<&str> = out.lines().collect();
                assert!(lines[1].starts_with("1,user.") && lines[3].starts_with("1 - user."), "{out}");
                assert_eq!(lines[4..], ["1,alice,x", "1 - alice"]);
                assert_eq!(report.lines, 6);
            }
        }
    }

    #[test]
    fn what_was_read_before_an_error_is_written() {
        for threads in [1, 2] {
            let lines = (0..50).map(|number| Ok(format!("from 192.0.2.{number}\n").into_bytes()));
            let reads = lines.chain([Ok(b"no end".to_vec()), Err(ErrorKind::TimedOut.into())]).collect();
            let mut out = Vec::new();
            let failure = try_scrub(threads, vec![Reads(reads)], &mut out).unwrap_err();
            assert!(matches!(failure, Failure::Halted(_)), "{failure}");
            assert_eq!(failure.to_string(), "could not read test: timed out");
            assert_eq!(line_count(&out), 50);
        }
    }

    #[test]
    fn lines_over_the_limit_are_the_same_line_on_any_number_of_threads() {
        let mut input = b"from 192.0.2.1\r\n".to_vec();
        for extra in [1, 0] {
            input.resize(input.len() + LINE_BYTES_MAX + extra, b'x');
            input.extend_from_slice(b"\r\n#Fields: a c-ip cs-username\n1 - alice\n");
        }
        let cut = || vec![Reads::cut(&input, &[1_000_003])];
        let (out, report) = scrub_on(1, cut());
        assert!(out.get(..200).unwrap().windows(40).any(|text| text == b"\r\nlogveil: quarantined line 2: too-large"));
        assert_eq!((report.lines, report.quarantined(), out.ends_with(b"x")), (7, 1, false));
        assert!((out, report) == scrub_on(3, cut()));
    }

    /// Tells what is written, and fails when nobody listens any more.
    struct Told(Sender<Vec<u8>>);

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Waits for what is to be read.
    struct Awaited(Receiver<Vec<u8>>);

    impl Read for Awaited {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Ok(bytes) = self.0.recv() else { return Ok(0) };
            buffer[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }

    #[test]
    fn a_line_is_answered_before_the_next_one_comes() {
        for threads in [1, 4] {
            let ((say, said), (tell, told)) = (channel(), channel());
            let scrubbing = thread::spawn(move || {
                let input = std::iter::once_with(|| Ok::<Input, _>(("test".into(), Box::new(Awaited(said)))));
                super::scrub(&VEIL, &KEYS, 0, input, threads, Told(tell))
            });
            for number in 0..100 {
                say.send(format!("line {number}\n").into_bytes()).unwrap();
                let answer = told.recv_timeout(Duration::from_secs(60)).unwrap();
                assert_eq!(answer, format!("line {number}\n").as_bytes());
            }
            drop(say);
            assert_eq!(scrubbing.join().unwrap().unwrap().lines, 100);
        }
    }

    #[test]
    fn nothing_waits_for_the_input_when_nobody_reads_the_output() {
        let ((say, said), (tell, told)) = (channel(), channel());
        drop(told);
        say.send(b"a line\n".to_vec()).unwrap();
        let input = std::iter::once_with(|| Ok::<Input, _>(("test".into(), Box::new(Awaited(said)))));
        let failure = super::scrub(&VEIL, &KEYS, 0, input, 2, Told(tell)).unwrap_err();
        assert!(matches!(failure, Failure::OutputClosed));
        drop(say);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_line_is_answered_by_one_line(
            pieces in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..40),
                    Just(b"{\"user\":\"alice\"}".to_vec()),
                    Just(b"from 192.0.2.1 \r".to_vec()),
                    Just(b"\n".to_vec()),
                    Just(b"\r\n".to_vec()),
                ],
                0..40,
            ),
        ) {
            let input = pieces.concat();
            let (out, report) = scrub(&[&input]);
            prop_assert_eq!(line_count(&out), line_count(&input));
            prop_assert_eq!(report.lines as usize, line_count(&input));
            prop_assert_eq!(out.ends_with(b"\n"), input.ends_with(b"\n"));
        }

        /// The oracle is one thread over chunks that are as large as they get.
        #[test]
        fn threads_and_chunks_change_no_byte(
            inputs in proptest::collection::vec(
                proptest::collection::vec(
                    (
                        prop_oneof![
                            proptest::collection::vec(any::<u8>(), 0..12),
                            Just(b"{\"client_ip\":\"192.0.2.1\",\"user\":\"alice\"}".to_vec()),
                            Just(b"{\"user\":".to_vec()),
                            Just(b"user=alice from 192.0.2.1".to_vec()),
                            Just(b"time,user,action".to_vec()),
                            Just(b"1,alice,login".to_vec()),
                            Just(b"#Fields: date c-ip cs-username".to_vec()),
                            Just(b"#Fields: cs-username date x".to_vec()),
                            Just(b"#fields\tts\tuser\tid".to_vec()),
                            Just(b"alice bob carol".to_vec()),
                            Just(b"1\tbob\t7".to_vec()),
                            Just(b" \t".to_vec()),
                        ],
                        prop_oneof![8 => Just("\n"), 4 => Just("\r\n"), 1 => Just("")],
                    ),
                    0..60,
                ),
                1..4,
            ),
            lengths in proptest::collection::vec(1_usize..200, 1..6),
            threads in 2_usize..6,
        ) {
            let inputs: Vec<Vec<u8>> = inputs
                .iter()
                .map(|lines| lines.iter().flat_map(|(line, end)| [line, end.as_bytes()].concat()).collect())
                .collect();
            let whole = scrub(&inputs.iter().map(Vec::as_slice).collect::<Vec<_>>());
            for threads in [1, threads] {
                let cut = inputs.iter().map(|input| Reads::cut(input, &lengths)).collect();
                let (out, report) = scrub_on(threads, cut);
                prop_assert_eq!(&out, &whole.0, "{} threads", threads);
                prop_assert_eq!(&report, &whole.1);
            }
        }
    }
}
