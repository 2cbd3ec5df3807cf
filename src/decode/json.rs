//! JSON tokens over the original bytes, with the whole grammar of RFC 8259 checked.
//!
//! Nothing malformed gets past it, because what a scanner skips in a malformed text is what leaks. The input must be UTF-8
//! (the caller has checked it once for the whole record).
//!
//! [`Tokens::new`] walks byte by byte. [`Tokens::guided`] gives the same tokens and errors, but jumps to the ends of strings,
//! which a kernel has found for the whole text before.

use crate::kernels::quotes::Quotes;
use std::ops::Range;
use thiserror::Error;

/// Why a text is not JSON. Names the place, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JsonError {
    /// The grammar of RFC 8259 is broken here.
    #[error("not JSON at byte {offset}")]
    Grammar {
        /// Byte offset of the first byte that does not fit.
        offset: usize,
    },
    /// Arrays and objects nest deeper than the limit.
    #[error("JSON nested deeper than {depth_max} at byte {offset}")]
    TooDeep {
        /// Byte offset of the bracket that goes too deep.
        offset: usize,
        /// The limit.
        depth_max: usize,
    },
}

/// A string token: the bytes between its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    /// Range between the quotes.
    pub inner: Range<usize>,
    /// Whether a backslash stands in it, so that its bytes are not yet its text.
    pub escaped: bool,
}

/// One token of a JSON text. Commas and colons are checked and not reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// The name of a member.
    Name(Quoted),
    /// A string value.
    Text(Quoted),
    /// A number, as written.
    Number(Range<usize>),
    /// `true` or `false`.
    Bool(Range<usize>),
    /// `null`
    Null,
}

impl Token {
    /// Where a name or value stands that is no bracket and not `null`, without its quotes.
    pub fn span(&self) -> Option<&Range<usize>> {
        match self {
            Self::Name(quoted) | Self::Text(quoted) => Some(&quoted.inner),
            Self::Number(span) | Self::Bool(span) => Some(span),
            Self::ObjectStart | Self::ObjectEnd | Self::ArrayStart | Self::ArrayEnd | Self::Null => None,
        }
    }
}

/// A member's name as programs write it, in quotes and with a colon behind, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    words: [u64; Head::WORDS],
    /// All ones in the place of each byte that counts.
    mask: [u64; Head::WORDS],
    len: usize,
}

impl Head {
    /// Words of the longest one.
    const WORDS: usize = 4;
    const BYTES_MAX: usize = Self::WORDS * size_of::<u64>();

    /// The head of a member that is called `name`; `None` where that is too long, or has to be escaped.
    pub fn new(name: &[u8]) -> Option<Self> {
        if name.iter().any(|byte| matches!(byte, b'"' | b'\\' | ..=0x1F)) {
            return None;
        }
        let len = name.len() + b"\"\":".len();
        let mut bytes = [0; Self::BYTES_MAX];
        let [first, inner @ .., quote, colon] = bytes.get_mut(..len)? else { return None };
        inner.copy_from_slice(name);
        [*first, *quote, *colon] = *b"\"\":";
        let mut mask = [0; Self::BYTES_MAX];
        mask[..len].fill(u8::MAX);
        Some(Self { words: words(&bytes), mask: words(&mask), len })
    }

    /// Whether the text goes on with it at `at`.
    #[inline]
    fn stands_at(&self, text: &[u8], at: usize) -> bool {
        let Some(rest) = text.get(at..) else { return false };
        let found = match rest.first_chunk() {
            Some(found) => words(found),
            None => {
                let mut found = [0; Self::BYTES_MAX];
                found[..rest.len()].copy_from_slice(rest);
                words(&found)
            }
        };
        let differs = |word: usize| (found[word] ^ self.words[word]) & self.mask[word];
        (0..Self::WORDS).fold(0, |all, word| all | differs(word)) == 0
    }
}

#[inline]
fn words(bytes: &[u8; Head::BYTES_MAX]) -> [u64; Head::WORDS] {
    let mut words = [0; Head::WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// Reads a JSON text token by token.
///
/// Cost: one pass, one bit of memory per level. After an error the reader stays at its end.
pub struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    depth_max: usize,
    open: Brackets,
    expect: Expect,
    /// Where strings end, if that is known and no control character stands in one.
    quotes: Option<&'a Quotes>,
}

/// Most brackets that [`Tokens`] can keep open.
pub const DEPTH_MAX: usize = u128::BITS as usize;

/// The open brackets, the innermost last: a bit for each, set for objects.
#[derive(Debug, Clone, Copy, Default)]
struct Brackets {
    kinds: u128,
    count: usize,
}

impl Brackets {
    fn push(&mut self, bracket: Bracket) {
        self.kinds = self.kinds << 1 | u128::from(bracket == Bracket::Object);
        self.count += 1;
    }

    fn pop(&mut self) {
        self.kinds >>= 1;
        self.count -= 1;
    }

    fn last(self) -> Option<Bracket> {
        let kind = if self.kinds & 1 == 1 { Bracket::Object } else { Bracket::Array };
        (self.count > 0).then_some(kind)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Object,
    Array,
}

/// What the grammar allows next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    /// After `[`: a value or `]`.
    ValueOrEnd,
    /// After `{`: a name or `}`.
    NameOrEnd,
    /// After `,` in an object.
    Name,
    /// After a value: `,`, a closing bracket, or the end of the text.
    Comma,
    Nothing,
}

impl<'a> Tokens<'a> {
    /// Starts at the beginning of `text`, which must be UTF-8. `depth_max` is at most [`DEPTH_MAX`].
    pub fn new(text: &'a [u8], depth_max: usize) -> Self {
        let depth_max = depth_max.min(DEPTH_MAX);
        Self { text, at: 0, depth_max, open: Brackets::default(), expect: Expect::Value, quotes: None }
    }

    /// The same, with the `quotes` of this text.
    pub fn guided(text: &'a [u8], quotes: &'a Quotes, depth_max: usize) -> Self {
        let quotes = Some(quotes).filter(|quotes| !quotes.has_control());
        Self { quotes, ..Self::new(text, depth_max) }
    }

    /// Goes behind the name of the next member and its colon, if the text has them as they are in `head`; where this is
    /// `false`, [`Self::next_token`] tells what stands there.
    #[inline]
    pub fn member(&mut self, head: &Head) -> bool {
        let at = match self.expect {
            Expect::NameOrEnd => self.at,
            Expect::Comma if self.open.last() == Some(Bracket::Object) && self.peek() == Some(b',') => {
                // Some programs have a blank behind each comma and colon.
                self.at + 1 + usize::from(self.text.get(self.at + 1) == Some(&b' '))
            }
            Expect::Comma | Expect::Value | Expect::ValueOrEnd | Expect::Name | Expect::Nothing => return false,
        };
        let stands = head.stands_at(self.text, at);
        if stands {
            self.at = at + head.len + usize::from(self.text.get(at + head.len) == Some(&b' '));
            self.expect = Expect::Value;
        }
        stands
    }

    /// Passes by the value behind a name, if it is a text without escapes, a number or a literal; where this is `false`,
    /// [`Self::next_token`] tells what stands there, or what is wrong with it.
    #[inline]
    pub fn pass_value(&mut self) -> bool {
        if self.expect != Expect::Value {
            return false;
        }
        let start = self.at;
        let passed = match self.peek() {
            Some(b'"') => self.pass_text(),
            Some(b'-' | b'0'..=b'9') => self.number().is_ok(),
            Some(b't') => self.literal(b"true").is_ok(),
            Some(b'f') => self.literal(b"false").is_ok(),
            Some(b'n') => self.literal(b"null").is_ok(),
            _ => false,
        };
        if passed {
            self.expect = Expect::Comma;
        } else {
            self.at = start;
        }
        passed
    }

    /// Goes behind a text without escapes, if its end is known.
    #[inline]
    fn pass_text(&mut self) -> bool {
        let start = self.at + 1;
        let end = self.quotes.and_then(|quotes| {
            let end = quotes.next(start)?;
            quotes.next_backslash(start, end).is_none().then_some(end)
        });
        let Some(end) = end else { return false };
        self.at = end + 1;
        true
    }

    /// The next token, or `None` at the end of a complete text.
    ///
    /// # Errors
    /// [`JsonError`] when the text is not one JSON value, or nests too deep.
    #[inline]
    pub fn next_token(&mut self) -> Result<Option<Token>, JsonError> {
        self.skip_space();
        if self.expect == Expect::Comma {
            let Some(bracket) = self.open.last() else {
                self.expect = Expect::Nothing;
                return if self.at == self.text.len() { Ok(None) } else { Err(self.grammar()) };
            };
            if self.peek() != Some(b',') {
                return self.close(bracket).map(Some);
            }
            self.at += 1;
            self.skip_space();
            self.expect = match bracket {
                Bracket::Object => Expect::Name,
                Bracket::Array => Expect::Value,
            };
        }
        match self.expect {
            Expect::Value => self.value().map(Some),
            Expect::ValueOrEnd if self.peek() == Some(b']') => self.close(Bracket::Array).map(Some),
            Expect::ValueOrEnd => self.value().map(Some),
            Expect::NameOrEnd if self.peek() == Some(b'}') => self.close(Bracket::Object).map(Some),
            Expect::NameOrEnd | Expect::Name => self.name().map(Some),
            Expect::Comma | Expect::Nothing => Ok(None),
        }
    }

    #[inline]
    fn value(&mut self) -> Result<Token, JsonError> {
        let start = self.at;
        let token = match self.peek() {
            Some(b'{') => return self.open(Bracket::Object),
            Some(b'[') => return self.open(Bracket::Array),
            Some(b'"') => Token::Text(self.quoted()?),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Token::Number(start..self.at))?,
            Some(b't') => self.literal(b"true").map(|()| Token::Bool(start..self.at))?,
            Some(b'f') => self.literal(b"false").map(|()| Token::Bool(start..self.at))?,
            Some(b'n') => self.literal(b"null").map(|()| Token::Null)?,
            _ => return Err(self.grammar()),
        };
        self.expect = Expect::Comma;
        Ok(token)
    }

    fn name(&mut self) -> Result<Token, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.grammar());
        }
        let name = self.quoted()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.grammar());
        }
        self.at += 1;
        self.expect = Expect::Value;
        Ok(Token::Name(name))
    }

    fn open(&mut self, bracket: Bracket) -> Result<Token, JsonError> {
        if self.open.count == self.depth_max {
            return Err(JsonError::TooDeep { offset: self.at, depth_max: self.depth_max });
        }
        self.at += 1;
        self.open.push(bracket);
        Ok(match bracket {
            Bracket::Object => {
                self.expect = Expect::NameOrEnd;
                Token::ObjectStart
            }
            Bracket::Array => {
                self.expect = Expect::ValueOrEnd;
                Token::ArrayStart
            }
        })
    }

    fn close(&mut self, bracket: Bracket) -> Result<Token, JsonError> {
        let (byte, token) = match bracket {
            Bracket::Object => (b'}', Token::ObjectEnd),
            Bracket::Array => (b']', Token::ArrayEnd),
        };
        if self.peek() != Some(byte) {
            return Err(self.grammar());
        }
        self.at += 1;
        self.open.pop();
        self.expect = Expect::Comma;
        Ok(token)
    }

    /// Reads a string from its opening quote (RFC 8259, section 7).
    #[inline]
    fn quoted(&mut self) -> Result<Quoted, JsonError> {
        self.at += 1;
        let start = self.at;
        // As far as the text is JSON, quotes outside strings are those that open one.
        if let Some(quotes) = self.quotes
            && let Some(end) = quotes.next(start)
        {
            return self.quoted_until(quotes, start..end);
        }
        self.quoted_by_bytes(start)
    }

    /// Reads a string from its first byte, one by one.
    fn quoted_by_bytes(&mut self, start: usize) -> Result<Quoted, JsonError> {
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Quoted { inner: start..self.at - 1, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0x20..) => self.at += 1,
                Some(_) | None => return Err(self.grammar()),
            }
        }
    }

    /// Reads a string whose closing quote is known, from escape to escape.
    #[inline]
    fn quoted_until(&mut self, quotes: &Quotes, inner: Range<usize>) -> Result<Quoted, JsonError> {
        let mut escaped = false;
        while let Some(backslash) = quotes.next_backslash(self.at, inner.end) {
            escaped = true;
            self.at = backslash;
            self.escape()?;
        }
        self.at = inner.end + 1;
        Ok(Quoted { inner, escaped })
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let unit = self.code_unit()?;
                // A surrogate must come as a pair: alone it is no character, and text that cannot be decoded cannot be
                // checked.
                match unit {
                    0xD800..=0xDBFF => {
                        if self.peek() != Some(b'\\') {
                            return Err(self.grammar());
                        }
                        self.at += 1;
                        if self.peek() != Some(b'u') || !(0xDC00..=0xDFFF).contains(&self.code_unit()?) {
                            return Err(self.grammar());
                        }
                    }
                    0xDC00..=0xDFFF => return Err(self.grammar()),
                    _ => {}
                }
            }
            _ => return Err(self.grammar()),
        }
        Ok(())
    }

    /// Reads `uXXXX`.
    fn code_unit(&mut self) -> Result<u16, JsonError> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return Err(self.grammar());
            };
            unit = unit << 4 | digit as u16;
            self.at += 1;
        }
        Ok(unit)
    }

    /// Reads a number (RFC 8259, section 6).
    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.grammar()) } else { Ok(()) }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.grammar());
        }
        self.at += word.len();
        Ok(())
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn grammar(&self) -> JsonError {
        JsonError::Grammar { offset: self.at }
    }
}

/// Finds where JSON may stand in a text, whole or among words: balanced brackets that begin as an object, or as an array of
/// strings or objects, does.
pub struct Enclosed<'a> {
    text: &'a [u8],
    at: usize,
    /// Bytes that may still be looked at.
    budget: usize,
}

/// How often all bytes of a text are looked at together: brackets that nothing closes are soon given up.
const LOOKS_MAX: usize = 4;

impl<'a> Enclosed<'a> {
    /// Starts at the beginning of `text`.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, budget: LOOKS_MAX.saturating_mul(text.len()) }
    }

    /// The next place where JSON may stand. Places overlap unless [`Self::skip_to`] passes over one.
    pub fn next_candidate(&mut self) -> Option<Range<usize>> {
        loop {
            let start = self.at + memchr::memchr2(b'{', b'[', self.text.get(self.at..)?)?;
            self.at = start + 1;
            let rest = self.text.get(self.at..)?;
            let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let begins = match (self.text.get(start), rest.get(blank)) {
                (Some(b'{'), Some(b'"' | b'}')) => true,
                (Some(b'['), Some(b'"' | b'{' | b'[')) => true,
                (Some(_) | None, Some(_) | None) => false,
            };
            if !begins {
                continue;
            }
            let end = self.balanced_end(start);
            let looked = end.unwrap_or(self.text.len()) - start;
            self.budget = self.budget.checked_sub(looked)?;
            if let Some(end) = end {
                return Some(start..end);
            }
        }
    }

    /// Goes on behind `end`.
    pub fn skip_to(&mut self, end: usize) {
        self.at = self.at.max(end);
    }

    /// Where the bracket at `start` is closed, outside strings.
    fn balanced_end(&self, start: usize) -> Option<usize> {
        let mut depth = 0_usize;
        let mut at = start;
        loop {
            match self.text.get(at)? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at + 1);
                    }
                }
                b'"' => {
                    at += 1;
                    while *self.text.get(at)? != b'"' {
                        at += if self.text.get(at) == Some(&b'\\') { 2 } else { 1 };
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Level;
    use proptest::prelude::*;

    /// All tokens, read byte by byte and, with the same result, from quote to quote and by foretold names.
    fn tokens(text: &[u8]) -> Result<Vec<Token>, JsonError> {
        let plain = all(Tokens::new(text, 64));
        let mut quotes = Quotes::default();
        for level in Level::available() {
            quotes.read(level, text);
            assert_eq!(all(Tokens::guided(text, &quotes, 64)), plain, "{level:?}");
            assert_eq!(all_foretold(Tokens::guided(text, &quotes, 64), &plain.0), plain, "{level:?}");
        }
        let (tokens, error) = plain;
        error.map_or(Ok(tokens), Err)
    }

    /// The tokens up to an error.
    fn all(mut reader: Tokens<'_>) -> (Vec<Token>, Option<JsonError>) {
        let mut tokens = Vec::new();
        loop {
            match reader.next_token() {
                Ok(Some(token)) => tokens.push(token),
                Ok(None) => return (tokens, None),
                Err(error) => return (tokens, Some(error)),
            }
        }
    }

    /// The same, where it is known which names come. Others are foretold, too, and in vain.
    fn all_foretold(mut reader: Tokens<'_>, plain: &[Token]) -> (Vec<Token>, Option<JsonError>) {
        let mut tokens = Vec::new();
        loop {
            assert!(!reader.member(&Head::new(b"another").unwrap()));
            if let Some(Token::Name(name)) = plain.get(tokens.len())
                && let Some(head) = Head::new(&reader.text[name.inner.clone()])
                && reader.member(&head)
            {
                tokens.push(Token::Name(name.clone()));
                if reader.pass_value() {
                    let is_passed = match &plain[tokens.len()] {
                        Token::Text(text) => !text.escaped,
                        Token::Number(_) | Token::Bool(_) | Token::Null => true,
                        Token::ObjectStart
                        | Token::ObjectEnd
                        | Token::ArrayStart
                        | Token::ArrayEnd
                        | Token::Name(_) => false,
                    };
                    assert!(is_passed);
                    tokens.push(plain[tokens.len()].clone());
                }
                continue;
            }
            match reader.next_token() {
                Ok(Some(token)) => tokens.push(token),
                Ok(None) => return (tokens, None),
                Err(error) => return (tokens, Some(error)),
            }
        }
    }

    #[test]
    fn members_are_read_by_their_heads() {
        let text = br#"{"a":"x", "bc": "\"", "d" :1, "e":-1.5e3,"f": true,"g":nul}"#;
        let mut quotes = Quotes::default();
        quotes.read(Level::best(), text);
        let mut reader = Tokens::guided(text, &quotes, 64);
        let head = |name: &[u8]| Head::new(name).unwrap();
        assert!(!reader.member(&head(b"a")));
        assert_eq!(reader.next_token(), Ok(Some(Token::ObjectStart)));
        assert!(!reader.member(&head(b"bc")) && reader.member(&head(b"a")) && reader.pass_value());
        // An escape in a text is looked at, and white space before a colon.
        assert!(reader.member(&head(b"bc")) && !reader.pass_value());
        assert_eq!(reader.next_token(), Ok(Some(Token::Text(Quoted { inner: 17..19, escaped: true }))));
        assert!(!reader.member(&head(b"d")));
        assert_eq!(reader.next_token(), Ok(Some(Token::Name(Quoted { inner: 23..24, escaped: false }))));
        assert_eq!(reader.next_token(), Ok(Some(Token::Number(27..28))));
        for name in [b"e", b"f"] {
            assert!(reader.member(&head(name)) && reader.pass_value());
        }
        // What is wrong with a value is told by the next token.
        assert!(reader.member(&head(b"g")) && !reader.pass_value());
        assert_eq!(reader.next_token(), Err(JsonError::Grammar { offset: 55 }));
        assert_eq!(Head::new(b"a\"b").or_else(|| Head::new(&[b'a'; 30])), None);
    }

    #[track_caller]
    fn check_broken(text: &str, offset: usize) {
        assert_eq!(tokens(text.as_bytes()), Err(JsonError::Grammar { offset }), "{text}");
    }

    #[test]
    fn tokens_are_ranges_of_the_text() {
        let text = br#" {"a":[1,-2.5e+3,"x\n"],"b":{"c":null,"d":true}} "#;
        let quoted = |inner, escaped| Quoted { inner, escaped };
        assert_eq!(
            tokens(text),
            Ok(vec![
                Token::ObjectStart,
                Token::Name(quoted(3..4, false)),
                Token::ArrayStart,
                Token::Number(7..8),
                Token::Number(9..16),
                Token::Text(quoted(18..21, true)),
                Token::ArrayEnd,
                Token::Name(quoted(25..26, false)),
                Token::ObjectStart,
                Token::Name(quoted(30..31, false)),
                Token::Null,
                Token::Name(quoted(39..40, false)),
                Token::Bool(42..46),
                Token::ObjectEnd,
                Token::ObjectEnd,
            ])
        );
    }

    #[test]
    fn broken_texts_name_their_place() {
        check_broken("", 0);
        check_broken("{", 1);
        check_broken(r#"{"a"}"#, 4);
        check_broken(r#"{"a":}"#, 5);
        check_broken(r#"{"a":1,}"#, 7);
        check_broken("[1,]", 3);
        check_broken("[1 2]", 3);
        check_broken("[1}", 2);
        check_broken("01", 1);
        check_broken("1.", 2);
        check_broken("-", 1);
        check_broken("+1", 0);
        check_broken("tru", 0);
        check_broken("1 1", 2);
        check_broken("\"a\nb\"", 2);
        check_broken(r#""\x""#, 2);
        check_broken(r#""\u12g4""#, 5);
        check_broken(r#""\ud800""#, 7);
        check_broken(r#""\udc00""#, 7);
        check_broken(r#""\ud800\u0041""#, 13);
        check_broken("\u{feff}{}", 0);
    }

    #[test]
    fn json_among_words() {
        let found = |text: &str| {
            let mut enclosed = Enclosed::new(text.as_bytes());
            let mut found = Vec::new();
            while let Some(span) = enclosed.next_candidate() {
                if tokens(text[span.clone()].as_bytes()).is_ok() {
                    enclosed.skip_to(span.end);
                    found.push(text[span].to_owned());
                }
            }
            found
        };
        assert_eq!(found(r#"got {"a":"}"} and {"b":[1]}."#), [r#"{"a":"}"}"#, r#"{"b":[1]}"#]);
        assert_eq!(found(r#"{x} {"a":{"b":1} {"c":{}}"#), [r#"{"b":1}"#, r#"{"c":{}}"#]);
        assert_eq!(found(r#"[ {"a":1} ] [x] [1] ["b"]"#), [r#"[ {"a":1} ]"#, r#"["b"]"#]);
        assert_eq!(found(r#"{"a":"\"}"#), [r#"{"a":"\"}"#; 0]);
        assert_eq!(found(r#"{"a":"\\"}"#), [r#"{"a":"\\"}"#]);
        assert_eq!(found(&"{\"".repeat(100_000)), [""; 0]);
        assert_eq!(found(&"[[".repeat(100_000)), [""; 0]);
    }

    #[test]
    fn depth_has_a_limit() {
        assert!(tokens(&[b"[".repeat(64), b"]".repeat(64)].concat()).is_ok());
        let deep = b"[".repeat(10_000);
        assert_eq!(tokens(&deep), Err(JsonError::TooDeep { offset: 64, depth_max: 64 }));
    }

    /// Text that is JSON, or nearly.
    fn nearly_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
            "\"([a-z ]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}){0,6}\"",
        ];
        let tree = leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
                prop::collection::vec(("[a-z]{0,3}", inner), 0..4).prop_map(|members| {
                    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        });
        (tree, any::<prop::sample::Index>(), prop::option::of(any::<u8>())).prop_map(|(text, at, edit)| {
            let Some(edit) = edit else { return text };
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            match edit % 3 {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, b"\"\\{}[],:0a\x01 "[edit as usize % 12]),
                _ => bytes[at] = b"\"\\{}[],:0a\x01 "[edit as usize % 12],
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// The oracle is `serde_json`: what one accepts the other accepts.
        #[test]
        fn accepts_what_serde_json_accepts(text in nearly_json()) {
            let oracle = serde_json::from_str::<serde_json::Value>(&text);
            // The grammar has no largest number, the oracle has, and looks no further.
            prop_assume!(oracle.as_ref().err().is_none_or(|error| !error.to_string().starts_with("number out of range")));
            prop_assert_eq!(tokens(text.as_bytes()).is_ok(), oracle.is_ok(), "{}", text);
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,40}") {
            prop_assert!(tokens(text.as_bytes()).map_or(true, |tokens| !tokens.is_empty()));
        }
    }
}
