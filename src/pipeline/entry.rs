//! The quarantine entry: a record sealed whole, bound to where it stood and why it is there.
//!
//! Plaintext under the seal, all numbers big-endian:
//! ```text
//! u8   version, 1
//! opt  timestamp: u8 0 | u8 1, i64 milliseconds
//! opt  key:       u8 0 | u8 1, u32 length, bytes
//! opt  payload:   u8 0 | u8 1, u32 length, bytes
//! u32  number of headers, each: u32 length, name; opt value as above
//! ```
//! Associated data, authenticated but not stored: `logveil/quarantine/v1`, u32 length and topic, i32 partition,
//! i64 offset, u32 length and code of the reason. An entry that was moved to another position does not open.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::{Keyring, OpenError, Sealed};
use crate::keystore;
use crate::record::{Header, Position, Record};
use crate::veil::Reason;

const VERSION: u8 = 1;
const LABEL: &[u8] = b"logveil/quarantine/v1";

/// A record that could not be veiled, sealed. Only [`SealedEntry::seal`] makes one, so a sink cannot be given raw bytes.
pub struct SealedEntry<'a> {
    position: Position<'a>,
    reason: Reason,
    sealed: Sealed,
}

/// Why a quarantine entry does not open. Tells nothing of its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EntryError {
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
    /// The seal does not open.
    #[error(transparent)]
    Seal(#[from] OpenError),
    /// The seal opened, but this release does not know what is in it.
    #[error("opened, but the record inside is of an unknown form, wrong at byte {0}")]
    Malformed(usize),
}

impl<'a> SealedEntry<'a> {
    /// Seals key, payload, headers and timestamp of `record` with fresh randomness.
    ///
    /// # Errors
    /// [`EntryError::NoRandomness`].
    pub fn seal(keys: &Keyring, record: &Record<'a>, reason: Reason) -> Result<Self, EntryError> {
        let random = keystore::seal_random().map_err(|_| EntryError::NoRandomness)?;
        let plaintext = encode(record);
        let aad = associated_data(record.position, reason);
        let sealed = keys.seal_key().seal(random, &aad, &plaintext);
        Ok(Self { position: record.position, reason, sealed })
    }

    /// Where the record stood.
    pub fn position(&self) -> Position<'a> {
        self.position
    }

    /// Why it is in quarantine.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The sealed bytes.
    pub fn payload(&self) -> &[u8] {
        self.sealed.as_bytes()
    }
}

/// A record taken out of its seal. Wiped on drop; it has no `Debug`.
pub struct OwnedRecord {
    plaintext: Zeroizing<Vec<u8>>,
}

/// Opens an entry's sealed bytes; `position` and `reason` are those of its headers.
///
/// # Errors
/// [`EntryError::Seal`] when the key is another one, or bytes, position or reason were changed;
/// [`EntryError::Malformed`] when the contents are of a later release's form.
pub fn open(keys: &Keyring, position: Position<'_>, reason: Reason, sealed: &[u8]) -> Result<OwnedRecord, EntryError> {
    let plaintext = keys.seal_key().open(&associated_data(position, reason), sealed)?;
    decode(&plaintext, position, |_| ())?;
    Ok(OwnedRecord { plaintext })
}

impl OwnedRecord {
    /// Calls `read` with the record as it was read from `position`.
    ///
    /// # Errors
    /// [`EntryError::Malformed`]; never for what [`open`] returned.
    pub fn with<T>(&self, position: Position<'_>, read: impl FnOnce(&Record<'_>) -> T) -> Result<T, EntryError> {
        decode(&self.plaintext, position, read)
    }
}

fn associated_data(position: Position<'_>, reason: Reason) -> Vec<u8> {
    let mut data = LABEL.to_vec();
    put_bytes(&mut data, position.topic.as_bytes());
    data.extend_from_slice(&position.partition.to_be_bytes());
    data.extend_from_slice(&position.offset.to_be_bytes());
    put_bytes(&mut data, reason.code().as_bytes());
    data
}

fn encode(record: &Record<'_>) -> Zeroizing<Vec<u8>> {
    // The capacity is exact, so that no half-written copy of the record is left behind by a reallocation.
    let names: usize = record.headers.len() * (4 + 1 + 4);
    let mut out = Vec::with_capacity(1 + 9 + 5 + 5 + 4 + names + record.size());
    out.push(VERSION);
    out.push(u8::from(record.timestamp_ms.is_some()));
    if let Some(timestamp_ms) = record.timestamp_ms {
        out.extend_from_slice(&timestamp_ms.to_be_bytes());
    }
    put_optional(&mut out, record.key);
    put_optional(&mut out, record.payload);
    put_length(&mut out, record.headers.len());
    for header in record.headers {
        put_bytes(&mut out, header.name.as_bytes());
        put_optional(&mut out, header.value);
    }
    Zeroizing::new(out)
}

fn put_optional(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.push(u8::from(bytes.is_some()));
    if let Some(bytes) = bytes {
        put_bytes(out, bytes);
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("Kafka counts a record's bytes and headers in 31 bits");
    out.extend_from_slice(&length.to_be_bytes());
}

fn decode<T>(plaintext: &[u8], position: Position<'_>, read: impl FnOnce(&Record<'_>) -> T) -> Result<T, EntryError> {
    let mut rest = Reader { bytes: plaintext, at: 0 };
    if rest.take::<1>()? != [VERSION] {
        return Err(EntryError::Malformed(0));
    }
    let timestamp_ms = if rest.flag()? { Some(i64::from_be_bytes(rest.take()?)) } else { None };
    let key = rest.optional()?;
    let payload = rest.optional()?;
    let mut headers = Vec::new();
    for _ in 0..rest.length()? {
        let name = rest.sized()?;
        let name = std::str::from_utf8(name).map_err(|_| rest.malformed())?;
        headers.push(Header { name, value: rest.optional()? });
    }
    if rest.at != plaintext.len() {
        return Err(rest.malformed());
    }
    Ok(read(&Record { position, timestamp_ms, key, payload, headers: &headers }))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn malformed(&self) -> EntryError {
        EntryError::Malformed(self.at)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], EntryError> {
        let end = self.at.checked_add(length).ok_or(self.malformed())?;
        let slice = self.bytes.get(self.at..end).ok_or(self.malformed())?;
        self.at = end;
        Ok(slice)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], EntryError> {
        let at = self.at;
        self.slice(N)?.try_into().map_err(|_| EntryError::Malformed(at))
    }

    fn flag(&mut self) -> Result<bool, EntryError> {
        let at = self.at;
        match self.take()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [_] => Err(EntryError::Malformed(at)),
        }
    }

    fn length(&mut self) -> Result<usize, EntryError> {
        let at = self.at;
        usize::try_from(u32::from_be_bytes(self.take()?)).map_err(|_| EntryError::Malformed(at))
    }

    fn sized(&mut self) -> Result<&'a [u8], EntryError> {
        let length = self.length()?;
        self.slice(length)
    }

    fn optional(&mut self) -> Result<Option<&'a [u8]>, EntryError> {
        if self.flag()? { self.sized().map(Some) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{EpochSecret, KeyEpoch, SealSecret};
    use proptest::prelude::*;

    const POSITION: Position<'static> = Position { topic: "raw", partition: 3, offset: 17 };

    fn keyring() -> Keyring {
        let epochs = vec![(KeyEpoch(0), EpochSecret::new(&[1; 32]))];
        Keyring::new("test", 30, epochs, SealSecret::new(&[2; 32])).unwrap()
    }

    #[test]
    fn opens_only_at_its_own_position_and_reason() {
        let keys = keyring();
        let record = Record { position: POSITION, timestamp_ms: None, key: None, payload: Some(b"x"), headers: &[] };
        let entry = SealedEntry::seal(&keys, &record, Reason::NotJson).unwrap();
        assert!(open(&keys, POSITION, Reason::NotJson, entry.payload()).is_ok());
        let elsewhere = Position { offset: 18, ..POSITION };
        assert_eq!(open(&keys, elsewhere, Reason::NotJson, entry.payload()).err(), Some(OpenError::Forged.into()));
        assert_eq!(open(&keys, POSITION, Reason::NotUtf8, entry.payload()).err(), Some(OpenError::Forged.into()));
    }

    #[test]
    fn does_not_show_what_it_holds() {
        let record =
            Record { position: POSITION, timestamp_ms: None, key: None, payload: Some(b"canary-5417"), headers: &[] };
        let entry = SealedEntry::seal(&keyring(), &record, Reason::NotJson).unwrap();
        assert!(memchr::memmem::find(entry.payload(), b"canary").is_none());
    }

    proptest! {
        #[test]
        fn what_is_sealed_comes_back(
            timestamp_ms in any::<Option<i64>>(),
            key in any::<Option<Vec<u8>>>(),
            payload in any::<Option<Vec<u8>>>(),
            headers in proptest::collection::vec(any::<(String, Option<Vec<u8>>)>(), 0..4),
        ) {
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| Header { name, value: value.as_deref() }).collect();
            let record = Record {
                position: POSITION, timestamp_ms, key: key.as_deref(), payload: payload.as_deref(), headers: &headers,
            };
            let keys = keyring();
            let entry = SealedEntry::seal(&keys, &record, Reason::NotLine).unwrap();
            let opened = open(&keys, POSITION, Reason::NotLine, entry.payload()).unwrap();
            opened.with(POSITION, |back| {
                assert_eq!(back.timestamp_ms, timestamp_ms);
                assert_eq!(back.key, key.as_deref());
                assert_eq!(back.payload, payload.as_deref());
                let names = |record: &Record<'_>| {
                    record.headers.iter().map(|h| (h.name.to_owned(), h.value.map(<[u8]>::to_vec))).collect::<Vec<_>>()
                };
                assert_eq!(names(back), names(&record));
            }).unwrap();
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            if let Ok(encoded) = decode(&bytes, POSITION, |record| encode(record).to_vec()) {
                prop_assert_eq!(encoded, bytes);
            }
        }
    }
}
