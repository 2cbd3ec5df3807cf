//! The records of an uncompressed batch, as far as the broker looks at them.

/// A record's place and time within its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) timestamp_delta_ms: i64,
    pub(super) offset_delta: i32,
    pub(super) has_key: bool,
}

/// The records one after another; the last element is none where the bytes are no record.
pub(super) fn records(mut bytes: &[u8]) -> impl Iterator<Item = Option<Record>> + '_ {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let record = next(&mut bytes);
        if record.is_none() {
            bytes = &[];
        }
        Some(record)
    })
}

fn next(bytes: &mut &[u8]) -> Option<Record> {
    let length = usize::try_from(varint(bytes)?).ok()?;
    let (mut record, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    // Attributes, of which none is defined.
    record = record.get(1..)?;
    let timestamp_delta_ms = varint(&mut record)?;
    let offset_delta = i32::try_from(varint(&mut record)?).ok()?;
    let has_key = varint(&mut record)? >= 0;
    Some(Record { timestamp_delta_ms, offset_delta, has_key })
}

/// A zigzag number of up to 64 bits.
fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_zigzag() {
        assert_eq!(varint(&mut [0].as_slice()), Some(0));
        assert_eq!(varint(&mut [1].as_slice()), Some(-1));
        assert_eq!(varint(&mut [0xd8, 0x04].as_slice()), Some(300));
        assert_eq!(varint(&mut [0x80].as_slice()), None);
        assert_eq!(varint(&mut [0x80; 11].as_slice()), None);
    }

    #[test]
    fn junk_ends_the_records() {
        let found: Vec<_> = records(&[12, 0, 0, 0, 0, 1, 0, 200, 1]).collect();
        let first = Record { timestamp_delta_ms: 0, offset_delta: 0, has_key: true };
        assert_eq!(found, [Some(first), None]);
    }
}
