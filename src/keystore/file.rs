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
use toml::de::DeTable;
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
///
/// Key text is wiped wherever it is copied, but for one place out of reach: the parser's own syntax errors hold a copy
/// of the file until they are dropped here.
fn parse(path: &Path, bytes: &[u8]) -> Result<KeyringFile, KeystoreError> {
    let malformed = |offset| {
        let (line, column) = line_and_column(bytes, offset);
        KeystoreError::Malformed { path: path.to_owned(), line, column }
    };
    let start = |error: toml::de::Error| malformed(error.span().map_or(0, |span| span.start));
    let text = str::from_utf8(bytes).map_err(|error| malformed(error.valid_up_to()))?;
    let table = DeTable::parse(text).map_err(start)?;
    let Head { version } = Head::deserialize(toml::Deserializer::from(table.clone())).map_err(start)?;
    if version != VERSION {
        return Err(KeystoreError::Version { path: path.to_owned(), version });
    }
    let document = Document::deserialize(toml::Deserializer::from(table)).map_err(start)?;

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
        // An administrator may extend what the service owns. The group does not matter: it has no rights.
        let replaced = fs::metadata(&self.path)
            .and_then(|old| fchown(&self.file, Some(old.uid()), None))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::EpochKeys;
    use crate::keystore::{EPOCHS_FUTURE_DEFAULT, EPOCHS_PAST_DEFAULT, load};
    use crate::rules::Class;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    /// 2026-11-23, in epoch 692 of 30 days.
    const NOW_MS: i64 = 1_795_392_000_000;

    fn generate() -> KeyringFile {
        KeyringFile::generate("acme", 30, NOW_MS, EPOCHS_PAST_DEFAULT, EPOCHS_FUTURE_DEFAULT).unwrap()
    }

    fn folder() -> TempDir {
        tempfile::tempdir().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    /// Writes a keyring file with the right permissions and any text.
    fn write_text(path: &Path, text: impl AsRef<[u8]>) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn epochs(keyring: &Keyring) -> Vec<u32> {
        keyring.epochs().map(|keys| keys.epoch().0).collect()
    }

    /// One token of every epoch: what changes when a key does.
    fn tokens(keyring: &Keyring) -> Vec<String> {
        let token = |keys: &EpochKeys| keys.token(Class::User, b"alice").to_string();
        keyring.epochs().map(token).collect()
    }

    /// Loads a file of this text, which must fail, and returns the message without the folder's name.
    #[track_caller]
    fn refusal(text: impl AsRef<[u8]>) -> String {
        let folder = folder();
        let path = folder.path().join("keyring.toml");
        write_text(&path, text);
        let error = load(&path).unwrap_err();
        error.to_string().replace(&format!("{}/", folder.path().display()), "")
    }

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

    /// A keyring file's text with one epoch, whose lines are then changed.
    fn text(version: &str, tenant: &str, seal: &str, epoch_key: &str) -> String {
        format!(
            "version = {version}\ntenant = \"{tenant}\"\nepoch_days = 30\n\n[seal]\nkey = {seal}\n\n\
             [[epoch]]\nnumber = 692\nkey = {epoch_key}\n"
        )
    }

    fn quoted(key: &str) -> String {
        format!("\"{key}\"")
    }

    #[test]
    fn saved_keys_come_back() {
        let folder = folder();
        let path = folder.path().join("keyring.toml");
        let file = generate();
        file.save(&path).unwrap();
        let loaded = load(&path).unwrap();
        assert_eq!(loaded.tenant(), "acme");
        assert_eq!(loaded.epoch_days(), 30);
        assert_eq!(epochs(&loaded), (692 - 13..=692 + 12).collect::<Vec<_>>());
        let generated = file.into_keyring().unwrap();
        assert_eq!(tokens(&loaded), tokens(&generated));
        assert_eq!(loaded.seal_key().kid(), generated.seal_key().kid());
    }

    #[test]
    fn the_format_is_stable() {
        let folder = folder();
        let path = folder.path().join("keyring.toml");
        write_text(&path, text("1", "acme", &quoted(OTHER_KEY), &quoted(KEY)));
        let keyring = load(&path).unwrap();
        let keys = keyring.at(KeyEpoch(692)).unwrap();
        assert_eq!((keys.kid(), keyring.seal_key().kid()), ("uj7i", "rpis"));
        let rendered = KeyringFile::read(&path).unwrap().render();
        let expect = text("1", "acme", &quoted(OTHER_KEY), &quoted(KEY));
        assert_eq!(rendered.split_once('\n').unwrap().1, expect);
    }

    #[test]
    fn the_text_fits_what_is_reserved_for_it() {
        let tenant = "a".repeat(63);
        let mut file = KeyringFile::generate(&tenant, 366, 0, 0, 0).unwrap();
        assert!(file.render().len() <= HEAD_BYTES_MAX + EPOCH_TEXT_BYTES_MAX);
        file.epochs = vec![(KeyEpoch(u32::MAX), EpochSecret::new(&[1; 32]))];
        assert!(file.render().len() <= HEAD_BYTES_MAX + EPOCH_TEXT_BYTES_MAX);
        assert!((HEAD_BYTES_MAX + EPOCH_TEXT_BYTES_MAX * EPOCHS_MAX) as u64 <= KEYRING_BYTES_MAX);
    }

    #[test]
    fn keys_are_drawn_anew_each_time() {
        let (first, second) = (generate().into_keyring().unwrap(), generate().into_keyring().unwrap());
        for (one, other) in tokens(&first).iter().zip(tokens(&second)) {
            assert_ne!(*one, other);
        }
    }

    #[test]
    fn the_first_epochs_have_no_past() {
        let keyring = KeyringFile::generate("acme", 30, 0, 13, 1).unwrap().into_keyring().unwrap();
        assert_eq!(epochs(&keyring), [0, 1]);
    }

    #[test]
    fn files_are_private_from_the_start() {
        let folder = folder();
        let path = folder.path().join("keyring.toml");
        let draft = Draft::create(&path).unwrap();
        assert_eq!(mode(&draft.draft_path), 0o600);
        drop(draft);
        generate().save(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        extend(&path, NOW_MS, 13).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn files_open_to_others_are_refused() {
        let folder = folder();
        let path = folder.path().join("keyring.toml");
        generate().save(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let message = load(&path).unwrap_err().to_string();
            let shown = path.display();
            let expect = format!("keyring {shown} is open to other users (mode {mode:04o})\n  hint: chmod 600 {shown}");
            assert_eq!(message, expect);
        }
        for mode in [0o600, 0o400] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(load(&path).is_ok());
        }
    }

    #[test]
    fn a_missing_file_says_how_to_make_one() {
        let folder = folder();
        let path = folder.path().join("keyring.toml");
        let expect = format!("there is no keyring at {}\n  hint: logveil keys init", path.display());
        assert_eq!(load(&path).unwrap_err().to_string(), expect);
        assert_eq!(extend(&path, NOW_MS, 12).unwrap_err().to_string(), expect);
    }

    #[test]
    fn folders_and_endless_files_are_refused() {
        let folder = folder();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(load(folder.path()), Err(KeystoreError::Io { action: "read", .. })));
        let path = folder.path().join("keyring.toml");
        write_text(&path, vec![b' '; KEYRING_BYTES_MAX as usize + 1]);
        assert!(matches!(load(&path), Err(KeystoreError::TooLarge { .. })));
    }

    #[test]
    fn another_version_is_named() {
        let newer = format!("{}\nunknown = true\n", text("2", "acme", "7", "8"));
        assert_eq!(refusal(newer), "keyring keyring.toml has version 2, this logveil reads version 1");
    }

    #[test]
    fn malformed_files_are_named_by_line_and_column() {
        for (text, place) in [
            (String::new(), "1:1"),
            ("version = \"1\"".to_owned(), "1:11"),
            ("version = 1\ntenant = \"acme\"\nepoch_days = 30\n".to_owned(), "1:1"),
            (format!("version = 1\n# \u{e9}\u{e9}\n{KEY}\n"), "3:45"),
            (text("1", "acme", &quoted(OTHER_KEY), KEY), "10:50"),
            (text("1", "acme", "7", &quoted(KEY)), "6:7"),
            (text("1", "acme", &quoted(OTHER_KEY), &format!("\"{KEY}")), "10:52"),
            (text("1", "acme", &quoted(OTHER_KEY), &format!("\"{KEY}\"\n{KEY}")), "11:45"),
            (format!("{}\"{KEY}\" = 1\n", text("1", "acme", &quoted(OTHER_KEY), &quoted(KEY))), "11:1"),
        ] {
            let expect = format!("keyring keyring.toml:{place} is malformed (its text is not shown, it may be a key)");
            assert_eq!(refusal(text), expect);
        }
        let expect = "keyring keyring.toml:2:3 is malformed (its text is not shown, it may be a key)";
        assert_eq!(refusal(b"version = 1\n# \xff"), expect);
    }

    #[test]
    fn malformed_keys_are_named_by_line() {
        let short = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==";
        for key in [short, "", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "not base64"] {
            let epoch = refusal(text("1", "acme", &quoted(OTHER_KEY), &quoted(key)));
            assert_eq!(epoch, "keyring keyring.toml:10: this key is not 32 bytes in base64");
            let seal = refusal(text("1", "acme", &quoted(key), &quoted(KEY)));
            assert_eq!(seal, "keyring keyring.toml:6: this key is not 32 bytes in base64");
        }
    }

    #[test]
    fn no_error_shows_a_key() {
        let good = text("1", "acme", &quoted(OTHER_KEY), &quoted(KEY));
        let mut faults = vec![good.replace("epoch_days = 30", "epoch_days = 0")];
        // One byte lost or changed anywhere: whatever is refused, and however, no part of a key is shown.
        for at in 0..good.len() {
            let mut lost = good.clone();
            lost.remove(at);
            let changed = format!("{}\u{7}{}", &good[..at], &good[at + 1..]);
            faults.extend([lost, changed]);
        }
        for fault in faults {
            let folder = folder();
            let path = folder.path().join("keyring.toml");
            write_text(&path, fault);
            let Err(error) = load(&path) else { continue };
            let shown = format!("{error} {error:?}").replace(&path.display().to_string(), "");
            for key in [KEY, OTHER_KEY] {
                for part in key.as_bytes().windows(8) {
                    assert!(!shown.contains(str::from_utf8(part).unwrap()));
                }
            }
        }
    }

    #[test]
    fn unusable_keys_are_refused() {
        let zero = quoted("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert_eq!(
            refusal(text("1", "acme", &quoted(OTHER_KEY), &zero)),
            "keyring keyring.toml is unusable: the key of epoch 692 is not random"
        );
        assert_eq!(
            refusal(text("1", "acme", &zero, &quoted(KEY))),
            "keyring keyring.toml is unusable: the key for sealing is not random"
        );
        assert_eq!(
            refusal(text("1", "Acme", &quoted(OTHER_KEY), &quoted(KEY))),
            "keyring keyring.toml is unusable: \
             a tenant name wants 1 to 63 lower-case letters, digits and inner hyphens"
        );
        let twice = format!(
            "{}[[epoch]]\nnumber = 692\nkey = \"{OTHER_KEY}\"\n",
            text("1", "acme", &quoted(OTHER_KEY), &quoted(KEY))
        );
        assert_eq!(refusal(twice), "keyring keyring.toml is unusable: epoch 692 has two keys");
    }

    #[test]
    fn an_existing_file_is_not_overwritten() {
        let folder = folder();
        let path = folder.path().join("keyring.toml");
        generate().save(&path).unwrap();
        let before = fs::read(&path).unwrap();
        let error = generate().save(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{} exists already and is not overwritten", path.display()));
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_writer_at_a_time() {
        let folder = folder();
        let path = folder.path().join("keyring.toml");
        generate().save(&path).unwrap();
        let other = Draft::create(&path).unwrap();
        assert!(matches!(extend(&path, NOW_MS, 13), Err(KeystoreError::Busy { .. })));
        drop(other);
        assert_eq!(extend(&path, NOW_MS, 13).unwrap(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_extension_leaves_the_file_as_it_was() {
        let folder = folder();
        let path = folder.path().join("keyring.toml");
        write_text(&path, text("1", "acme", "7", "8"));
        let before = fs::read(&path).unwrap();
        assert!(extend(&path, NOW_MS, 12).is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn extending_keeps_the_old_keys() {
        let folder = folder();
        let path = folder.path().join("keyring.toml");
        generate().save(&path).unwrap();
        let before = load(&path).unwrap();
        assert_eq!(extend(&path, NOW_MS, 12).unwrap(), 0);
        assert_eq!(extend(&path, NOW_MS + 60 * 86_400_000, 12).unwrap(), 2);
        let after = load(&path).unwrap();
        assert_eq!(epochs(&after), (692 - 13..=694 + 12).collect::<Vec<_>>());
        assert_eq!(tokens(&after)[..26], tokens(&before));
        assert_eq!(after.seal_key().kid(), before.seal_key().kid());
    }

    #[test]
    fn extending_a_linked_file_keeps_the_link() {
        let folder = folder();
        let (path, link) = (folder.path().join("keyring.toml"), folder.path().join("link.toml"));
        generate().save(&path).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(extend(&link, NOW_MS, 13).unwrap(), 1);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(epochs(&load(&path).unwrap()), epochs(&load(&link).unwrap()));
    }

    #[test]
    fn a_key_that_was_taken_out_stays_out() {
        let mut file = generate();
        file.epochs.retain(|(epoch, _)| !(680..=690).contains(&epoch.0));
        assert_eq!(file.extend(NOW_MS, 13).unwrap(), 1);
        let keyring = file.into_keyring().unwrap();
        for number in 680..=690 {
            let epoch = KeyEpoch(number);
            assert_eq!(keyring.at(epoch).unwrap_err(), KeyError::NeverProvisioned(epoch));
        }
    }

    #[test]
    fn an_overdue_extension_leaves_no_gap() {
        let mut file = KeyringFile::generate("acme", 30, NOW_MS, 0, 0).unwrap();
        assert_eq!(file.extend(NOW_MS + 90 * 86_400_000, 1).unwrap(), 4);
        assert_eq!(epochs(&file.into_keyring().unwrap()), [692, 693, 694, 695, 696]);
    }

    #[test]
    fn what_no_keyring_can_be_is_refused_before_keys_are_drawn() {
        let refused =
            |tenant, days, now_ms, past| KeyringFile::generate(tenant, days, now_ms, past, 0).unwrap_err().to_string();
        assert!(refused("Acme", 30, NOW_MS, 0).starts_with("cannot make a keyring: a tenant name wants"));
        assert!(refused("acme", 0, NOW_MS, 0).starts_with("cannot make a keyring: an epoch of 0 days"));
        assert_eq!(refused("acme", 30, -1, 0), "the clock says -1 ms since 1970, which is in no epoch");
        assert_eq!(refused("acme", 1, NOW_MS, 5_000), "a keyring holds at most 4096 epochs");
    }

    #[test]
    fn debug_prints_no_key() {
        assert_eq!(format!("{:?}", generate()), "KeyringFile(acme, 26 epochs of 30 days)");
    }
}
