//! Reading requests. Nothing that a request announces is believed before it is there.

/// The request ends early, announces what it does not have, or is not what its version says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request does not have the shape of its version")]
pub(crate) struct Malformed;

/// Most elements of all arrays of a request: what a request costs is bounded, however small its elements are.
const ELEMENTS_MAX: usize = 200_000;

/// Longest text. Compact lengths could announce more, but Kafka takes no more in any version.
const TEXT_BYTES_MAX: usize = i16::MAX as usize;

/// Reads the fields of a request one after another.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    flexible: bool,
    elements_left: usize,
}

impl<'a> Reader<'a> {
    /// `flexible`: whether lengths are compact and structures end with tagged fields (KIP-482).
    pub(crate) fn new(bytes: &'a [u8], flexible: bool) -> Self {
        Self { rest: bytes, flexible, elements_left: ELEMENTS_MAX }
    }

    /// From here on, as a version of this kind reads.
    pub(crate) fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn i8(&mut self) -> Result<i8, Malformed> {
        self.fixed().map(i8::from_be_bytes)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Malformed> {
        self.i8().map(|byte| byte != 0)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Malformed> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        self.fixed().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Malformed> {
        self.fixed().map(i64::from_be_bytes)
    }

    fn unsigned_varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.fixed()?;
            let low = u32::from(byte & 0x7f);
            value |= low.checked_shl(shift).filter(|shifted| shifted >> shift == low).ok_or(Malformed)?;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A length of which `short` reads the old form; none is null.
    fn length(&mut self, short: impl FnOnce(&mut Self) -> Result<i32, Malformed>) -> Result<Option<usize>, Malformed> {
        if self.flexible {
            return Ok((self.unsigned_varint()? as usize).checked_sub(1));
        }
        match short(self)? {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| Malformed),
        }
    }

    pub(crate) fn nullable_string(&mut self) -> Result<Option<String>, Malformed> {
        let Some(length) = self.length(|reader| reader.i16().map(i32::from))? else { return Ok(None) };
        if length > TEXT_BYTES_MAX {
            return Err(Malformed);
        }
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Malformed)?;
        Ok(Some(text.to_owned()))
    }

    pub(crate) fn string(&mut self) -> Result<String, Malformed> {
        self.nullable_string()?.ok_or(Malformed)
    }

    /// Null reads as empty.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.length(Self::i32)?.unwrap_or(0);
        self.take(length)
    }

    /// An array of values that are no structures; none is null.
    pub(crate) fn nullable_array<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<Vec<T>>, Malformed> {
        let Some(count) = self.length(Self::i32)? else { return Ok(None) };
        // Every element has at least one byte.
        if count > self.rest.len() {
            return Err(Malformed);
        }
        self.elements_left = self.elements_left.checked_sub(count).ok_or(Malformed)?;
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// Null reads as empty.
    pub(crate) fn array<T>(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        self.nullable_array(element).map(Option::unwrap_or_default)
    }

    /// An array of structures, each with its tagged fields behind it; null reads as empty.
    pub(crate) fn structs<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        self.array(|reader| {
            let element = element(reader)?;
            reader.tags()?;
            Ok(element)
        })
    }

    /// Skips the tagged fields at the end of a structure.
    pub(crate) fn tags(&mut self) -> Result<(), Malformed> {
        if self.flexible {
            for _ in 0..self.unsigned_varint()? {
                self.unsigned_varint()?;
                let length = self.unsigned_varint()? as usize;
                self.take(length)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announced_length_is_not_believed() {
        let huge = i32::MAX.to_be_bytes();
        assert_eq!(Reader::new(&huge, false).bytes(), Err(Malformed));
        assert_eq!(Reader::new(&huge, false).array(Reader::i8), Err(Malformed));
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f], true).array(Reader::i8), Err(Malformed));
        assert_eq!(Reader::new(&[0x7f, 0xff], false).nullable_string(), Err(Malformed));
        assert_eq!(Reader::new(&(-2i32).to_be_bytes(), false).bytes(), Err(Malformed));
    }

    #[test]
    fn a_request_has_a_largest_number_of_elements() {
        let half = ELEMENTS_MAX / 2;
        let bytes = [&(half as i32).to_be_bytes()[..], &vec![0; half]].concat().repeat(3);
        let mut reader = Reader::new(&bytes, false);
        assert!(reader.array(Reader::i8).is_ok() && reader.array(Reader::i8).is_ok());
        assert_eq!(reader.array(Reader::i8), Err(Malformed));
    }

    #[test]
    fn null_is_not_empty() {
        assert_eq!(Reader::new(&[0xff, 0xff], false).nullable_string(), Ok(None));
        assert_eq!(Reader::new(&[0], true).nullable_string(), Ok(None));
        assert_eq!(Reader::new(&[0, 0], false).nullable_string(), Ok(Some(String::new())));
        assert_eq!(Reader::new(&[1], true).nullable_string(), Ok(Some(String::new())));
        assert_eq!(Reader::new(&[0xff, 0xff], false).string(), Err(Malformed));
    }

    #[test]
    fn a_text_is_no_longer_than_in_any_version() {
        let text = |length: usize| {
            let announced = length as u32 + 1;
            let compact = [announced as u8 | 0x80, (announced >> 7) as u8 | 0x80, (announced >> 14) as u8];
            [&compact[..], &vec![b'a'; length]].concat()
        };
        assert!(Reader::new(&text(TEXT_BYTES_MAX), true).string().is_ok());
        assert_eq!(Reader::new(&text(TEXT_BYTES_MAX + 1), true).string(), Err(Malformed));
    }

    #[test]
    fn a_varint_has_at_most_32_bits() {
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f], true).unsigned_varint(), Ok(u32::MAX));
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x1f], true).unsigned_varint(), Err(Malformed));
        assert_eq!(Reader::new(&[0xff; 6], true).unsigned_varint(), Err(Malformed));
    }

    #[test]
    fn tagged_fields_are_skipped() {
        let mut reader = Reader::new(&[1, 9, 2, 7, 7, 42], true);
        assert_eq!(reader.tags(), Ok(()));
        assert_eq!(reader.i8(), Ok(42));
    }
}
