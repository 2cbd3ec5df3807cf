//! The keyring file: made, read, extended and written.

use super::{EPOCHS_MAX, KEYRING_BYTES_MAX, KeystoreError, random_key};
use crate::keys::{EpochSecret, KeyEpoch, KeyError, KeyId, Keyring, SealSecret, epoch_at};
use serde::Deserialize;
use serde::de::{self, Visitor};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::RangeInclusive;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::str;
use toml::Spanned;
use zeroize::Zeroizing;

/// Version of the file format.
pub(super) const VERSION: i64 = 1;

/// Permissions of the file: its owner reads and writes, nobody else does anything.
const MODE: u32 = 0o600;

/// Permission bits that must be off: everything for group and others.
const MODE_EXPOSED: u32 = 0o077;

/// Keys drawn for one epoch before giving up on an id of its own. With 2^20 ids, the second draw already fits.
const DRAWS_MAX: usize = 64;

/// Longest text before the first epoch, in bytes: a comment, short fields and a key.
const HEAD_BYTES_MAX: usize = 384;

/// Longest text of one epoch, in bytes.
const EPOCH_TEXT_BYTES_MAX: usize = 96;

/// The secrets of one tenant as they stand in a file. Wiped on drop; `Debug` prints no byte of them.
///
/// ```compile_fail
/// fn print(file: &logveil::keystore::KeyringFile) { println!("{file}"); } // no `Display`
/// ```
/// ```compile_fail
/// fn save(file: &logveil::keystore::KeyringFile) -> String { serde_json::to_string(file).unwrap() } // no `Serialize`
/// ```
pub struct KeyringFile {
    tenant: String,
    epoch_days: u32,
    seal: SealSecret,
    epochs: Vec<(KeyEpoch, EpochSecret)>,
}

impl KeyringFile {
    /// Draws the keys of a new tenant: for the epoch of `now_ms`, `past` epochs before and `future` epochs after it.
    ///
    /// `now_ms` is milliseconds since the Unix epoch. An event that comes so late that its epoch has no key is
    /// quarantined; see [`super::EPOCHS_PAST_DEFAULT`] and [`super::EPOCHS_FUTURE_DEFAULT`].
    ///
    /// # Errors
    /// [`KeystoreError::Invalid`] for a tenant name or epoch length that a keyring refuses,
    /// [`KeystoreError::TooManyEpochs`], [`KeystoreError::Clock`], [`KeystoreError::Random`].
    pub fn generate(tenant: &str, epoch_days: u32, now_ms: i64, past: u32, future: u32) -> Result<Self, KeystoreError> {
        Keyring::check(tenant, epoch_days)?;
        let KeyEpoch(present) = epoch_at(epoch_days, now_ms).ok_or(KeystoreError::Clock { now_ms })?;
        let seal = SealSecret::new(&*random_key()?);
        let mut file = Self { tenant: tenant.to_owned(), epoch_days, seal, epochs: Vec::new() };
        file.draw(present.saturating_sub(past)..=present.saturating_add(future))?;
        Ok(file)
    }

    /// Draws keys for the epochs after the last one, up to `future` epochs after that of `now_ms`; returns how many.
    ///
    /// Epochs before the last one are left as they are: a key that was taken out stays out, because another key for
    /// the same epoch would give its entities second pseudonyms.
    ///
    /// # Errors
    /// [`KeystoreError::TooManyEpochs`], [`KeystoreError::Clock`], [`KeystoreError::Random`].
    pub fn extend(&mut self, now_ms: i64, future: u32) -> Result<usize, KeystoreError> {
        let KeyEpoch(present) = epoch_at(self.epoch_days, now_ms).ok_or(KeystoreError::Clock { now_ms })?;
        let before = self.epochs.len();
        let next = self.epochs.iter().map(|(epoch, _)| epoch.0.saturating_add(1)).max().unwrap_or(present);
        self.draw(next..=present.saturating_add(future))?;
        Ok(self.epochs.len() - before)
    }

    /// Reads a keyring file.
    ///
    /// # Errors
    /// As [`super::load`], without [`KeystoreError::Unusable`].
    pub fn read(path: &Path) -> Result<Self, KeystoreError> {
        let bytes = read_private(path)?;
        parse(path, &bytes)
    }

    /// Writes the keys to a new file that only its owner may read, and makes it durable.
    ///
    /// The file appears complete or not at all.
    ///
    /// # Errors
    /// [`KeystoreError::Exists`] when there is a file already, [`KeystoreError::Busy`] when another process is writing
    /// it, [`KeystoreError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), KeystoreError> {
        let mut draft = Draft::create(path)?;
        draft.write(&self.render())?;
        draft.publish()
    }

    /// Derives the keys.
    ///
    /// # Errors
    /// As [`Keyring::new`].
    pub fn into_keyring(self) -> Result<Keyring, KeyError> {
        Keyring::new(&self.tenant, self.epoch_days, self.epochs, self.seal)
    }

    /// Draws a key for each of these epochs. Its id is new to the file, so that pseudonyms tell their epoch.
    fn draw(&mut self, numbers: RangeInclusive<u32>) -> Result<(), KeystoreError> {
        let mut ids: BTreeSet<KeyId> = self.epochs.iter().map(|(_, secret)| secret.key_id()).collect();
        for number in numbers {
            if self.epochs.len() == EPOCHS_MAX {
                return Err(KeystoreError::TooManyEpochs);
            }
            self.epochs.push((KeyEpoch(number), draw_secret(&mut ids)?));
        }
        Ok(())
    }

    /// The text of the file.
    fn render(&self) -> Zeroizing<String> {
        // Reserved at once: a string that grows leaves copies of the keys behind.
        let mut text = Zeroizing::new(String::with_capacity(HEAD_BYTES_MAX + EPOCH_TEXT_BYTES_MAX * self.epochs.len()));
        text.push_str("# logveil keyring. Whoever reads it can re-identify everyone in the output: keep it private.\n");
        push_line(&mut text, "version", &VERSION.to_string());
        push_line(&mut text, "tenant", &format!("\"{}\"", self.tenant));
        push_line(&mut text, "epoch_days", &self.epoch_days.to_string());
        text.push_str("\n[seal]\n");
        push_key(&mut text, &self.seal.to_base64());
        for (epoch, secret) in &self.epochs {
            text.push_str("\n[[epoch]]\n");
            push_line(&mut text, "number", &epoch.to_string());
            push_key(&mut text, &secret.to_base64());
        }
        text
    }
}

/// Adds keys for later epochs to a keyring file, as [`KeyringFile::extend`] does; returns how many.
///
/// The file is replaced at once and stays its owner's. While that goes on, `<file>.draft` keeps a second process out,
/// so that no epoch gets two keys.
///
/// # Errors
/// As [`KeyringFile::read`], [`KeyringFile::extend`] and [`KeyringFile::save`], without [`KeystoreError::Exists`].
pub fn extend(path: &Path, now_ms: i64, future: u32) -> Result<usize, KeystoreError> {
    // A link stays one: the file it leads to is replaced.
    let path = fs::canonicalize(path).map_err(|source| read_error(path, source))?;
    let mut draft = Draft::create(&path)?;
    let mut file = KeyringFile::read(&path)?;
    let added = file.extend(now_ms, future)?;
    if added > 0 {
        draft.write(&file.render())?;
        draft.replace()?;
    }
    Ok(added)
}

/// Draws the secrets of an epoch whose key id is not among `ids`.
fn draw_secret(ids: &mut BTreeSet<KeyId>) -> Result<EpochSecret, KeystoreError> {
    for _ in 0..DRAWS_MAX {
        let secret = EpochSecret::new(&*random_key()?);
        if ids.insert(secret.key_id()) {
            return Ok(secret);
        }
    }
    Err(KeystoreError::NotRandom)
}

fn push_line(text: &mut String, name: &str, value: &str) {
    for part in [name, " = ", value, "\n"] {
        text.push_str(part);
    }
}

fn push_key(text: &mut String, key: &str) {
    for part in ["key = \"", key, "\"\n"] {
        text.push_str(part);
    }
}

/// Reads a file that only its owner may read.
fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    let failed = |source| read_error(path, source);
    let file = File::open(path).map_err(failed)?;
    // The open file is asked, not the path: nobody can swap it between the question and the reading.
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.mode() & 0o7777;
    if mode & MODE_EXPOSED != 0 {
        return Err(KeystoreError::Exposed { path: path.to_owned(), mode });
    }
    if metadata.len() > KEYRING_BYTES_MAX {
        return Err(KeystoreError::TooLarge { path: path.to_owned() });
    }
    // One buffer from the start: a vector that grows leaves copies of the keys behind.
    let mut bytes = Zeroizing::new(vec![0; KEYRING_BYTES_MAX as usize]);
    let length = fill(file, &mut bytes).map_err(failed)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Reads until the buffer is full or the file ends; returns how many bytes.
fn fill(mut file: File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Turns the file's text into secrets. Of the parser's errors only the place is kept: their words quote the file.
fn parse(path: &Path, bytes: &[u8]) -> Result<KeyringFile, KeystoreError> {
    let malformed = |offset| {
        let (line, column) = line_and_column(bytes, offset);
        KeystoreError::Malformed { path: path.to_owned(), line, column }
    };
    let start = |error: toml::de::Error| malformed(error.span().map_or(0, |span| span.start));
    let text = str::from_utf8(bytes).map_err(|error| malformed(error.valid_up_to()))?;
    let Head { version } = toml::from_str(text).map_err(start)?;
    if version != VERSION {
        return Err(KeystoreError::Version { path: path.to_owned(), version });
    }
    let document: Document = toml::from_str(text).map_err(start)?;

    let malformed_key = |key: &Spanned<KeyText>| {
        let (line, _) = line_and_column(bytes, key.span().start);
        KeystoreError::MalformedKey { path: path.to_owned(), line }
    };
    let seal = &document.seal.key;
    let seal = SealSecret::from_base64(&seal.get_ref().0).map_err(|_| malformed_key(seal))?;
    let mut epochs = Vec::with_capacity(document.epoch.len());
    for EpochTable { number, key } in &document.epoch {
        let secret = EpochSecret::from_base64(&key.get_ref().0).map_err(|_| malformed_key(key))?;
        epochs.push((KeyEpoch(*number), secret));
    }
    Ok(KeyringFile { tenant: document.tenant, epoch_days: document.epoch_days, seal, epochs })
}

/// Line and column of a byte offset, both from 1; the column counts characters.
fn line_and_column(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before[line_start..].iter().filter(|b| !is_utf8_continuation(**b)).count() + 1;
    (line, column)
}

fn is_utf8_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// Why a keyring that should be there cannot be read.
fn read_error(path: &Path, source: io::Error) -> KeystoreError {
    if source.kind() == io::ErrorKind::NotFound {
        return KeystoreError::Missing { path: path.to_owned() };
    }
    KeystoreError::Io { action: "read", path: path.to_owned(), source }
}

/// What is read first: another version may have other fields.
#[derive(Deserialize)]
struct Head {
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "version")]
    _version: i64,
    tenant: String,
    epoch_days: u32,
    seal: SealTable,
    epoch: Vec<EpochTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SealTable {
    key: Spanned<KeyText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EpochTable {
    number: u32,
    key: Spanned<KeyText>,
}

/// A key in base64, wiped on drop.
struct KeyText(Zeroizing<String>);

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyTextVisitor)
    }
}

/// Copies the text from the file's own buffer, so that no other copy is made on the way.
struct KeyTextVisitor;

impl Visitor<'_> for KeyTextVisitor {
    type Value = KeyText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key in base64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<KeyText, E> {
        Ok(KeyText(Zeroizing::new(text.to_owned())))
    }
}

/// The new file while it is written, beside its place. Removed on drop unless it took that place.
struct Draft {
    file: File,
    draft_path: PathBuf,
    path: PathBuf,
    /// Whether the draft still stands under its own name, so that it is ours to remove.
    pending: bool,
}

impl Draft {
    /// Creates the draft with its final permissions, so that its keys are never open to others, not for a moment.
    fn create(path: &Path) -> Result<Self, KeystoreError> {
        let mut draft_path = OsString::from(path);
        draft_path.push(".draft");
        let draft_path = PathBuf::from(draft_path);
        match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&draft_path) {
            Ok(file) => Ok(Self { file, draft_path, path: path.to_owned(), pending: true }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeystoreError::Busy { path: draft_path }),
            Err(source) => Err(KeystoreError::Io { action: "create", path: draft_path, source }),
        }
    }

    /// Writes the text and waits until it is on disk.
    fn write(&mut self, text: &str) -> Result<(), KeystoreError> {
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|source| self.failed("write", source))
    }

    /// Gives the draft its final name, which must be free.
    fn publish(self) -> Result<(), KeystoreError> {
        // A link, unlike a rename, fails when the name is taken; the draft's own name goes when `self` is dropped.
        match fs::hard_link(&self.draft_path, &self.path) {
            Ok(()) => self.sync_folder(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(KeystoreError::Exists { path: self.path.clone() })
            }
            Err(source) => Err(self.failed("write", source)),
        }
    }

    /// Puts the draft in the place of the present file, under the same owner.
    fn replace(mut self) -> Result<(), KeystoreError> {
        let replaced = fs::metadata(&self.path)
            .and_then(|old| fchown(&self.file, Some(old.uid()), Some(old.gid())))
            .and_then(|()| fs::rename(&self.draft_path, &self.path));
        replaced.map_err(|source| self.failed("replace", source))?;
        self.pending = false;
        self.sync_folder()
    }

    /// Waits until the new name is on disk.
    fn sync_folder(&self) -> Result<(), KeystoreError> {
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| self.failed("write", source))
    }

    fn failed(&self, action: &'static str, source: io::Error) -> KeystoreError {
        KeystoreError::Io { action, path: self.path.clone(), source }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.pending {
            // When this fails too, the next writer says `Busy` and names the file.
            fs::remove_file(&self.draft_path).ok();
        }
    }
}

impl fmt::Debug for KeyringFile {
    /// Tenant and number of epochs only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyringFile({}, {} epochs of {} days)", self.tenant, self.epochs.len(), self.epoch_days)
    }
}
