//! Layers around a text, and out of them again.

use crate::input::Input;
use crate::undo;
use data_encoding::{BASE64, BASE64URL_NOPAD};

/// A layer that a text can stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrap {
    /// A member of an object, spelled as JSON.
    Json,
    /// As above, every character as `\uXXXX`.
    JsonUnits,
    /// A parameter of a URL.
    Query,
    /// A field of a form: blanks are `+`.
    Form,
    /// A word of base64.
    Base64,
    /// Quoted among words.
    Words,
    /// A quoted string with escapes, behind a name.
    Escaped,
    /// Text of a web page.
    Html,
    /// The way Python prints a dictionary.
    Python,
    /// A claim of an unsigned token.
    Jwt,
}

/// Every layer.
pub(crate) const WRAPS: [Wrap; 10] = [
    Wrap::Json,
    Wrap::JsonUnits,
    Wrap::Query,
    Wrap::Form,
    Wrap::Base64,
    Wrap::Words,
    Wrap::Escaped,
    Wrap::Html,
    Wrap::Python,
    Wrap::Jwt,
];

const JWT_HEADER: &str = r#"{"alg":"none","typ":"JWT"}"#;

impl Wrap {
    /// Some layers, the innermost first.
    pub(crate) fn some(input: &mut Input<'_>, most: usize) -> Vec<Self> {
        (0..input.below(most + 1)).map(|_| input.of(&WRAPS)).collect()
    }

    pub(crate) fn wrap(self, text: &str) -> String {
        match self {
            Self::Json => format!("{{\"body\":{}}}", json(text)),
            Self::JsonUnits => {
                let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
                format!("{{\"body\":\"{units}\"}}")
            }
            Self::Query => format!("/x?q={}", percent(text)),
            Self::Form => format!("a=1&q={}", percent(text).replace("%20", "+")),
            Self::Base64 => format!("data={} end", BASE64.encode(text.as_bytes())),
            Self::Words => format!("got \"{text}\" back"),
            Self::Escaped => format!("message: {}", json(text)),
            Self::Html => format!("<p>{}</p>", html(text)),
            Self::Python => format!("{{'body': '{}'}}", text.replace('\\', "\\\\").replace('\'', "\\'")),
            Self::Jwt => {
                let part = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
                format!("got {}.{}.", part(JWT_HEADER), part(&Self::Json.wrap(text)))
            }
        }
    }

    /// The text inside; `None` when the layer is not what it was.
    pub(crate) fn unwrap(self, text: &str) -> Option<String> {
        match self {
            Self::Json | Self::JsonUnits => {
                let value: serde_json::Value = serde_json::from_str(text).ok()?;
                Some(value.get("body")?.as_str()?.to_owned())
            }
            Self::Query => from_percent(text.strip_prefix("/x?q=")?),
            Self::Form => from_percent(&text.strip_prefix("a=1&q=")?.replace('+', "%20")),
            Self::Base64 => from_base64(text.strip_prefix("data=")?.strip_suffix(" end")?),
            Self::Words => Some(text.strip_prefix("got \"")?.strip_suffix("\" back")?.to_owned()),
            Self::Escaped => serde_json::from_str(text.strip_prefix("message: ")?).ok(),
            Self::Html => Some(from_html(text.strip_prefix("<p>")?.strip_suffix("</p>")?)),
            Self::Python => {
                let inside = text.strip_prefix("{'body': '")?.strip_suffix("'}")?;
                Some(inside.replace("\\'", "'").replace("\\\\", "\\"))
            }
            Self::Jwt => {
                let (header, rest) = text.strip_prefix("got ")?.split_once('.')?;
                let part = |part: &str| String::from_utf8(BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok();
                (part(header)? == JWT_HEADER).then_some(())?;
                // What stands for the signature is logveil's to decide.
                Self::Json.unwrap(&part(rest.split('.').next()?)?)
            }
        }
    }
}

/// The text as a JSON string.
pub(crate) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn percent(text: &str) -> String {
    let spell = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'~' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(spell).collect()
}

fn from_percent(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        bytes.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
        rest = after.get(2..)?;
    }
    bytes.extend(rest.bytes());
    String::from_utf8(bytes).ok()
}

fn from_base64(text: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(text.as_bytes()).ok()?).ok()
}

fn html(text: &str) -> String {
    let spell = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        '@' => "&#x40;".to_owned(),
        _ => c.to_string(),
    };
    text.chars().map(spell).collect()
}

fn from_html(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, after) = rest.split_at(at);
        let end = after.find(';').map_or(after.len(), |end| end + 1);
        let (reference, behind) = after.split_at(end);
        out.push_str(before);
        out.push_str(&undo::unescaped(reference));
        rest = behind;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_comes_back() {
        for text in ["client 192.0.2.1 done", "a\"b'c\\d&e<f>g%h+i=j é 😀 {\"k\":1}"] {
            for wrap in WRAPS {
                assert_eq!(wrap.unwrap(&wrap.wrap(text)).as_deref(), Some(text), "{wrap:?}");
            }
        }
    }
}
