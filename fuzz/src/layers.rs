//! Both spellings of an entity come out as one token in any layers, and the layers stay what they were; what is decoded
//! is encoded back.

use crate::entity::Entity;
use crate::input::Input;
use crate::undo;
use crate::veils;
use crate::wrap::Wrap;
use data_encoding::{BASE64, BASE64URL_NOPAD, Encoding};
use logveil::decode::base64;
use logveil::decode::escape::Undo;
use logveil::rules::Class;

/// Layers inside each other, of the eight that logveil reads: a token and a word of base64 are two.
const LAYERS_MAX: usize = 3;

/// Checks one input: choices first; the rest is text that is decoded and encoded again.
pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let entity = Entity::any(&mut input);
    let mut wraps = Wrap::some(&mut input, LAYERS_MAX);
    if entity.class == Class::Email {
        // A blank of a form is a `+`, which may be a part of the address: then the address has more in front of it.
        wraps.iter_mut().filter(|wrap| **wrap == Wrap::Form).for_each(|wrap| *wrap = Wrap::Query);
    }
    check_layers(&entity, &wraps);
    check_credentials(&format!("qz{}", input.letters::<6>()), &format!("PW{}", input.letters::<10>()));
    check_base64(input.rest());
    check_escapes(data);
}

fn check_layers(entity: &Entity, wraps: &[Wrap]) {
    let inner = format!("client {} and again {} done", entity.plain, entity.spelled);
    let outer = wraps.iter().fold(inner, |text, wrap| wrap.wrap(&text));
    let event = format!("{{\"note\":{}}}", crate::wrap::json(&outer));
    let event = veils::clean_text(veils::named("generic-json"), &event);
    let value: serde_json::Value = serde_json::from_str(&event).expect("clean JSON is JSON");
    let mut text = value.get("note").and_then(|note| note.as_str()).expect("a text stays one").to_owned();
    for wrap in wraps.iter().rev() {
        let inner = wrap.unwrap(&text);
        if inner.is_none() && !tokens(&text, Class::Token.code()).is_empty() {
            // Base64 of JSON that looks like a secret beside other escapes goes whole: nothing comes out, but the layer.
            assert!(!undo::meanings(&text).iter().any(|meaning| entity.stands_in(meaning)), "{text} from {outer}");
            return;
        }
        assert!(inner.is_some(), "{wrap:?} of {wraps:?} is broken: {text} from {outer}");
        text = inner.unwrap_or_default();
    }
    let tokens = tokens(&text, entity.class.code());
    assert_eq!(tokens.len(), 2, "{text} from {outer}");
    assert_eq!(tokens[0], tokens[1], "{text} from {outer}");
    assert!(text.starts_with("client ") && text.ends_with(" done"), "{text} from {outer}");
    assert!(text.contains(" and again "), "{text} from {outer}");
}

/// A name is one and the same in its field, in credentials, in a cookie, in a URL and in a token; a password is nowhere.
fn check_credentials(name: &str, password: &str) {
    let basic = BASE64.encode(format!("{name}:{password}").as_bytes());
    let claims = BASE64URL_NOPAD.encode(format!(r#"{{"preferred_username":"{name}","n":1}}"#).as_bytes());
    let header = BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#);
    let event = format!(
        r#"{{"username":"{name}","authorization":"Basic {basic}","cookie":"username={name}; a={password}","url":"https://{name}:{password}@example.com/x","note":"got {header}.{claims}.{password}"}}"#
    );
    let clean = veils::clean_text(veils::named("generic-json"), &event);
    let value: serde_json::Value = serde_json::from_str(&clean).expect("clean JSON is JSON");
    let field = |field: &str| value.get(field).and_then(|text| text.as_str()).expect("a text stays one");
    let token = field("username");
    assert_eq!(tokens(token, "user"), [token], "{clean}");
    for meaning in undo::meanings(&clean) {
        assert!(!meaning.contains(name), "the name stands in {clean} from {event}");
        assert!(!meaning.contains(&password.to_lowercase()), "the password stands in {clean} from {event}");
    }
    let decoded = |encoded: &[u8], encoding: &Encoding| {
        String::from_utf8(encoding.decode(encoded).expect("an encoding stays one")).expect("text")
    };
    let basic = field("authorization").strip_prefix("Basic ").expect("the scheme stays");
    let claims = field("note").split('.').nth(1).expect("a token stays one");
    for text in [&decoded(basic.as_bytes(), &BASE64), &decoded(claims.as_bytes(), &BASE64URL_NOPAD)] {
        assert!(text.contains(token), "another pseudonym in {text} of {clean}");
    }
    for text in ["cookie", "url"].map(field) {
        assert!(text.contains(token), "another pseudonym in {text} of {clean}");
    }
}

/// The tokens of a class: `ip.abcd_` and 24 letters and digits.
fn tokens<'t>(text: &'t str, class: &str) -> Vec<&'t str> {
    const KID_AND_HASH_BYTES: usize = 4 + 1 + 24;
    let prefix = format!("{class}.");
    let starts = text.match_indices(&prefix).map(|(at, _)| at);
    starts.filter_map(|at| text.get(at..at + prefix.len() + KID_AND_HASH_BYTES)).collect()
}

fn check_base64(bytes: &[u8]) {
    for decoded in [base64::decode_text(bytes), base64::decode_hex_text(bytes)].into_iter().flatten() {
        let (text, spelling) = decoded;
        let mut again = Vec::new();
        base64::encode(&text, spelling, &mut again);
        assert_eq!(again, bytes, "what is encoded back is what was decoded");
    }
}

/// Every offset of an unescaped text leads back into the text it came from, in order.
fn check_escapes(source: &[u8]) {
    for undo in [Undo::Any, Undo::Spelling, Undo::Doubled] {
        let mut flat = Vec::new();
        if !undo.flatten(source, &mut flat) {
            continue;
        }
        assert!(flat.len() < source.len(), "an escape is longer than what it stands for");
        let length = u32::try_from(flat.len()).expect("libFuzzer's inputs are short");
        let mut offsets: Vec<u32> = (0..=length).collect();
        undo.to_source_offsets(source, offsets.iter_mut());
        assert!(offsets.is_sorted());
        assert_eq!(offsets.last().map(|last| *last as usize), Some(source.len()));
        if std::str::from_utf8(source).is_ok_and(str::is_ascii) && flat.is_ascii() {
            // Between two neighbours stands one character or the whole of one escape.
            assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "every character has a place of its own");
        }
    }
}
