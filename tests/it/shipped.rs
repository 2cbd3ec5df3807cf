//! What must hold for any record in the packs that ship: every spelling in every layer, planted names, order of rules,
//! untouched text. The packs of other tests are small; these meet everything that users meet.

use crate::support::{auto, keyring, readable, record, shipped};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use logveil::rules::RulePack;
use logveil::rules::cases::Case;
use logveil::rules::library::Library;
use logveil::rules::load_error::Source;
use logveil::veil::{Batch, Choice, Outcome, Veil};
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

/// The same packs, the rules of each in reverse order.
fn reversed() -> &'static Veil {
    static REVERSED: OnceLock<Veil> = OnceLock::new();
    REVERSED.get_or_init(|| {
        let reverse = |pack: &RulePack| RulePack { rules: pack.rules.iter().rev().cloned().collect(), ..pack.clone() };
        let packs: Vec<RulePack> = shipped().iter().map(reverse).collect();
        Veil::new(&packs, &Choice::Auto).expect("the shipped packs compile")
    })
}

/// What becomes of a payload: its clean text, or `quarantine: <reason>`.
fn veiled(veil: &Veil, payload: &str) -> String {
    let (record, mut batch) = (record(payload.as_bytes()), Batch::default());
    veil.batch(&keyring(), &[record], &mut batch);
    match batch.outcome(0, &record) {
        Outcome::Clean(clean) => String::from_utf8(clean.payload().expect("a payload").to_vec()).expect("UTF-8"),
        Outcome::Quarantine(reason) => format!("quarantine: {reason}"),
    }
}

/// The inputs of every case that ships.
fn case_inputs() -> &'static [String] {
    static INPUTS: OnceLock<Vec<String>> = OnceLock::new();
    INPUTS.get_or_init(|| {
        let library = Library::shipped();
        let cases = library.packs.iter().flat_map(|pack| &pack.cases);
        let parse = |source: &Source| Case::parse(&source.file, &source.text).expect("the shipped cases load");
        cases.filter_map(|source| parse(source).input.payload).collect()
    })
}

/// Letters, digits and signs of full width.
fn wide(text: &str) -> String {
    let widen = |c| if ('!'..='~').contains(&c) { char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c) } else { c };
    text.chars().map(widen).collect()
}

/// An entity, plain and in another spelling.
fn entity() -> impl Strategy<Value = (String, String)> {
    // 0.0.0.0 is nobody's.
    let ipv4 = (1_u8.., any::<[u8; 3]>(), 0..7).prop_map(|(first, [second, third, fourth], style)| {
        let octets = [first, second, third, fourth];
        let (address, plain) = (Ipv4Addr::from(octets), Ipv4Addr::from(octets).to_string());
        let spelled = match style {
            0 => octets.map(|octet| format!("{octet:03}")).join("."),
            1 => format!("{address}:8443"),
            2 => format!("::ffff:{address}"),
            3 => address.to_ipv6_mapped().segments().map(|group| format!("{group:x}")).join(":"),
            4 => format!("[::FFFF:{address}]:443"),
            5 => plain.replace('.', "\\u002e"),
            _ => wide(&plain),
        };
        (plain, spelled)
    });
    let ipv6 = (any::<u128>(), 0..6).prop_map(|(bits, style)| {
        let address = Ipv6Addr::from_bits(bits >> 3 | 1 << 125);
        let spelled = match style {
            0 => address.to_string().to_uppercase(),
            1 => address.segments().map(|group| format!("{group:04X}")).join(":"),
            2 => format!("[{address}]"),
            3 => format!("[{address}]:443"),
            4 => address.to_string().replace(':', "%3a"),
            _ => wide(&address.to_string()),
        };
        (address.to_string(), spelled)
    });
    let link_local = (any::<u64>(), any::<bool>()).prop_map(|(host, encoded)| {
        let address = Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(host));
        (address.to_string(), format!("{address}%{}eth0", if encoded { "25" } else { "" }))
    });
    let mac = (any::<[u8; 5]>(), 0..3).prop_map(|(tail, style)| {
        let digits: Vec<String> = std::iter::once(&2).chain(&tail).map(|octet| format!("{octet:02x}")).collect();
        let spelled = match style {
            0 => digits.join("-").to_uppercase(),
            1 => digits.chunks(2).map(<[String]>::concat).collect::<Vec<_>>().join("."),
            _ => digits.join(":").to_uppercase(),
        };
        (digits.join(":"), spelled)
    });
    let email = ("[a-z]{4,8}\\.[a-z]{2,8}", 0..6).prop_map(|(local, style)| {
        let plain = format!("{local}@b\u{fc}cher.example");
        let spelled = match style {
            0 => plain.to_uppercase(),
            1 => format!("{local}@xn--bcher-kva.example"),
            2 => format!("<{plain}>"),
            3 => plain.replace('@', "%40"),
            4 => plain.replace('@', "&#64;"),
            _ => wide(&local) + "\u{ff20}b\u{fc}cher.example",
        };
        (plain, spelled)
    });
    let uuid = (any::<u128>(), 0..3).prop_map(|(bits, style)| {
        let octets = (bits | 1).to_be_bytes();
        let plain = [0..4, 4..6, 6..8, 8..10, 10..16].map(|part| HEXLOWER.encode(&octets[part])).join("-");
        let spelled = match style {
            0 => plain.to_uppercase(),
            1 => format!("{{{plain}}}"),
            _ => format!("urn:uuid:{plain}"),
        };
        (plain, spelled)
    });
    prop_oneof![ipv4, ipv6, link_local, mac, email, uuid]
}

#[derive(Debug, Clone, Copy)]
enum Layer {
    Json,
    Query,
    Base64,
    Html,
    Python,
    Pairs,
    Jwt,
}

fn any_layer() -> impl Strategy<Value = Layer> {
    use Layer::*;
    prop::sample::select(&[Json, Query, Base64, Html, Python, Pairs, Jwt][..])
}

fn percent(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    text.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn unescaped(text: &str) -> String {
    let mut flat = Vec::new();
    let changed = logveil::decode::escape::Undo::Any.flatten(text.as_bytes(), &mut flat);
    if changed { String::from_utf8(flat).expect("escapes of characters") } else { text.to_owned() }
}

impl Layer {
    fn wrap(self, text: &str) -> String {
        let json = || serde_json::json!({ "body": text }).to_string();
        match self {
            Self::Json => json(),
            Self::Query => format!("/x?q={}&n=1", percent(text)),
            Self::Base64 => format!("data={} end", BASE64.encode(text.as_bytes())),
            Self::Html => {
                let spelled = text.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;");
                format!("<p>{}</p>", spelled.replace('<', "&lt;").replace('>', "&gt;"))
            }
            Self::Python => format!("{{'body': '{}'}}", text.replace('\\', "\\\\").replace('\'', "\\'")),
            Self::Pairs => format!("theme=dark; seen={}; n=1", percent(text)),
            Self::Jwt => {
                let part = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
                format!("got {}.{}.", part(r#"{"alg":"none"}"#), part(&json()))
            }
        }
    }

    fn unwrap(self, text: &str) -> Option<String> {
        let body = |json: &str| {
            let value: serde_json::Value = serde_json::from_str(json).ok()?;
            Some(value.get("body")?.as_str()?.to_owned())
        };
        match self {
            Self::Json => body(text),
            Self::Query => Some(unescaped(text.strip_prefix("/x?q=")?.strip_suffix("&n=1")?)),
            Self::Base64 => {
                let inside = text.strip_prefix("data=")?.strip_suffix(" end")?;
                String::from_utf8(BASE64.decode(inside.as_bytes()).ok()?).ok()
            }
            Self::Html => Some(unescaped(text.strip_prefix("<p>")?.strip_suffix("</p>")?)),
            Self::Python => {
                let inside = text.strip_prefix("{'body': '")?.strip_suffix("'}")?;
                Some(inside.replace("\\'", "'").replace("\\\\", "\\"))
            }
            Self::Pairs => Some(unescaped(text.strip_prefix("theme=dark; seen=")?.strip_suffix("; n=1")?)),
            Self::Jwt => {
                let claims = text.strip_prefix("got ")?.split('.').nth(1)?;
                body(&String::from_utf8(BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?).ok()?)
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Both spellings come out as one token, in any layers; nothing around them changes.
    #[test]
    fn any_spelling_in_any_layer_has_one_pseudonym(
        (plain, spelled) in entity(),
        layers in prop::collection::vec(any_layer(), 0..4),
    ) {
        let inner = format!("client {plain} and again {spelled} done");
        let outer = layers.iter().fold(inner, |text, layer| layer.wrap(&text));
        let event = veiled(auto(), &serde_json::json!({ "note": outer, "n": 1 }).to_string());
        let event: serde_json::Value = serde_json::from_str(&event).unwrap_or_default();
        let mut clean = event["note"].as_str().unwrap_or_default().to_owned();
        for layer in layers.iter().rev() {
            let inner = layer.unwrap(&clean);
            prop_assert!(inner.is_some(), "{layer:?} of {layers:?} around {clean} from {outer}");
            clean = inner.unwrap_or_default();
        }
        let clean = readable(&clean);
        prop_assert_eq!(clean.matches(":1>").count(), 2, "{} from {}", clean, outer);
        prop_assert!(clean.starts_with("client <") && clean.ends_with(" done"), "{}", clean);
        prop_assert!(clean.contains(" and again "), "{}", clean);
    }

    /// A name that a field gives away stands nowhere in the output, under no escapes.
    #[test]
    fn a_planted_name_comes_out_nowhere(
        name in "qzx[a-z]{6}",
        field in prop::sample::select(&["user", "username", "user_name", "userName", "login", "user.name"][..]),
        styles in prop::collection::vec(0..6, 27),
        filler in "[\\PC&&[^\"'\\\\&%{}<>=:/@\\[\\]()]]{0,20}",
        as_json in any::<bool>(),
    ) {
        let spelled = |copy: usize| -> String {
            let letter = |(c, style): (char, &i32)| match style {
                0 => c.to_ascii_uppercase().to_string(),
                1 => format!("\\u{:04x}", u32::from(c)),
                2 => format!("%{:02x}", u32::from(c)),
                3 => format!("&#{};", u32::from(c)),
                4 => wide(&c.to_string()),
                _ => c.to_string(),
            };
            name.chars().zip(&styles[9 * copy..]).map(letter).collect()
        };
        let text = format!("{filler} {} at /home/{}/x?u={}", spelled(0), spelled(1), spelled(2));
        let payload = match as_json {
            true => format!(r#"{{"{field}":"{name}","{name}":1,"note":{}}}"#, serde_json::Value::from(text)),
            false => format!("{field}={name} {text}"),
        };
        let clean = veiled(auto(), &payload);
        prop_assert!(!clean.starts_with("quarantine"), "{clean} from {payload}");
        let mut flat = clean.clone();
        for _ in 0..4 {
            prop_assert!(!flat.to_lowercase().contains(&name), "{clean} from {payload}");
            flat = unescaped(&flat);
        }
    }

    /// The rules of all packs in another order give the same bytes, for the records of all cases and changed ones.
    #[test]
    fn the_order_of_rules_decides_nothing(
        case in prop::sample::select(case_inputs()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), "[a-z0-9.@:=%/\" -]{0,4}"), 0..3),
    ) {
        let mut payload: Vec<char> = case.chars().collect();
        for (at, text) in edits {
            let at = at.index(payload.len() + 1);
            payload.splice(at..at, text.chars());
        }
        let payload: String = payload.into_iter().collect();
        prop_assert_eq!(veiled(auto(), &payload), veiled(reversed(), &payload));
    }

    /// Words and numbers that mean nobody come out byte for byte.
    #[test]
    fn unrelated_text_is_untouched(
        words in prop::collection::vec("(the|cache|was|full|after|page|render|took|and|retry|7|42|99\\.5|,|\\(|\\)|;|-|\t)", 0..20),
        number in any::<u16>(),
    ) {
        let text = words.join(" ");
        let event = format!("{{ \"k\" : {} ,\n\"n\":{number}.50, \"x\":[true,null,1.50e3] }}", serde_json::Value::from(text.as_str()));
        prop_assert_eq!(veiled(auto(), &event), event);
        prop_assert_eq!(veiled(auto(), &text), text);
    }
}

#[test]
fn values_of_several_words() {
    let phone = |text: &str| {
        let clean = readable(&veiled(auto(), text));
        assert!(clean.contains("<phone:1>") && !clean.contains("90") && !clean.contains("18"), "{text}: {clean}");
    };
    for text in ["phone: (030) 90 18 20 end", "phone=030 901820 port=5", "Tel.: 030 901820 18, x"] {
        phone(text);
    }
    let clean = veiled(auto(), "subject=/C=DE/O=Example/CN=Alice Example/emailAddress=alice@example.com");
    assert!(!clean.contains("Example/e"), "{clean}");
}

#[test]
fn what_is_no_value_stays() {
    for text in [
        "PWD=/srv/app OLDPWD=/tmp",
        "user=%s login=$1",
        r#"{"token":"${TOKEN}"}"#,
        r#"{"login":"{{ login }}"}"#,
        "nginx version: 1.2.3.4",
    ] {
        assert_eq!(veiled(auto(), text), text);
    }
    for text in ["pwd=/srv/app", "token=$6$abcdefgh", "version to 203.0.113.9"] {
        assert_ne!(veiled(auto(), text), text);
    }
}
