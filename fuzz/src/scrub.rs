//! Any bytes through every shipped pack: clean or quarantined, nothing planted comes out, order decides nothing.

use crate::entity::{Entity, wide};
use crate::input::Input;
use crate::memory;
use crate::undo;
use crate::veils::{self, Clean, Veiled};
use crate::wrap::{Wrap, json};
use logveil::veil::{Batch, Reason, Veil};
use std::net::IpAddr;

/// What a record may cost in memory: buffers of a fixed size, and so many bytes for each of its own. A finding and its value cost some hundred bytes, and a record of short
/// values has one for every few of its bytes.
const FIXED_BYTES_MAX: usize = 1 << 20;
const BYTES_PER_BYTE_MAX: usize = 4096;

/// Layers around a planted entity.
const LAYERS_MAX: usize = 3;

/// Most characters of fuzz-chosen text beside what is planted.
const FILLER_MAX: usize = 40;

/// Checks one input: the first byte says how it is read, the second names the pack.
pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    let veiled = veils::choice(input.below(veils::choices()));
    match mode % 4 {
        0 => check_any(veiled, input.rest()),
        1 => check_name(&mut input),
        2 => check_shape(&mut input),
        _ => check_untouched(&mut input),
    }
}

/// What holds for any bytes in any pack.
fn check_any(pack: &Veiled, payload: &[u8]) {
    let outcome = veils::veiled(&pack.veil, payload);
    // Not the first time: regular expressions make their caches then.
    let (again, peak) = memory::peak_of(|| veils::veiled(&pack.veil, payload));
    assert_eq!(outcome, again, "the same record gives other bytes");
    let most = FIXED_BYTES_MAX + BYTES_PER_BYTE_MAX * payload.len();
    assert!(peak <= most, "{} bytes cost {peak} bytes of memory", payload.len());
    assert_eq!(outcome, veils::veiled(&pack.reversed, payload), "the order of rules decides");
    assert_eq!(outcome, beside_others(&pack.veil, payload), "the neighbours in the batch decide");
    match &outcome {
        Err(reason) => {
            let is_text = std::str::from_utf8(payload).is_ok() && !payload.contains(&0);
            assert_eq!(*reason == Reason::NotUtf8, !is_text);
        }
        Ok(veiled) => {
            let clean = &veiled.payload;
            assert_eq!(pack.scans.then(|| address_in(clean)).flatten(), None, "an address came out");
            assert!(veiled.accounts_for(payload), "nothing was replaced and yet it changed");
            assert!(std::str::from_utf8(clean).is_ok(), "text became none");
            let is_json =
                |bytes| serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|value| value.is_object());
            assert!(!pack.keeps_json || !is_json(payload) || is_json(clean), "JSON became none");
        }
    }
}

/// An address that stands alone between blanks. Nobody's is none, and IPv6 only where it is somebody's (2000::/3).
fn address_in(clean: &[u8]) -> Option<IpAddr> {
    let words = clean.split(|byte| b" \t\r\n".contains(byte));
    let addresses = words.filter_map(|word| std::str::from_utf8(word).ok()?.parse::<IpAddr>().ok());
    addresses.into_iter().find(|address| match address {
        IpAddr::V4(v4) => !v4.is_unspecified(),
        IpAddr::V6(v6) => v6.segments()[0] >> 13 == 1,
    })
}

/// The outcome in a batch between two other records.
fn beside_others(veil: &Veil, payload: &[u8]) -> Result<Clean, Reason> {
    let others: [&[u8]; 2] = [br#"{"user":"carol","client_ip":"198.51.100.7"}"#, b"login=dave from 203.0.113.9"];
    let records = [others[0], payload, others[1]].map(veils::record);
    let mut batch = Batch::default();
    veil.batch(veils::keys(), &records, &mut batch);
    let alone = others.map(|other| veils::veiled(veil, other).map_or(0, |clean| clean.replaced));
    let clean = veils::clean(&batch, 1, &records[1]);
    clean.map(|clean| Clean { replaced: clean.replaced - alone.iter().sum::<u64>(), ..clean })
}

/// A name that a field gives away stands nowhere else either: in free text, in names of members, in paths, under escapes.
fn check_name(input: &mut Input<'_>) {
    // No word of any language begins so, so nothing else in the record looks like it.
    let name = format!("qzx{}", input.letters::<6>());
    let field = input.of(&["user", "username", "user_name", "login", "userName", "User-Name", "user.name", "USER"]);
    let copies: Vec<String> = (0..4).map(|_| spelled(&name, input)).collect();
    let filler = plain_filler(input);
    let (as_json, in_json) = (input.flag(), |text: &str| json(text));
    let payload = if as_json {
        format!(
            r#"{{{}:{},"note":{},"{name}":1,"path":{},"body":{}}}"#,
            json(field),
            json(&name),
            in_json(&format!("{filler} {} end", copies[0])),
            in_json(&format!("/home/{}/x?u={}", copies[1], copies[2])),
            in_json(&Wrap::Json.wrap(&format!("by {}.", copies[3]))),
        )
    } else {
        format!("{field}={name} done, {} and /home/{}/x?u={}; {filler}", copies[0], copies[1], copies[2])
    };
    let pack = input.of(&["auto", if as_json { "generic-json" } else { "generic-line" }]);
    let clean = veils::clean_text(veils::named(pack), &payload);
    for meaning in undo::meanings(&clean) {
        assert!(!meaning.contains(&name), "{name} stands in {clean} from {payload}");
    }
    assert!(!as_json || serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "{clean} from {payload}");
}

/// A spelling of a word that the residue check reads: in capitals, under escapes of any kind.
fn spelled(word: &str, input: &mut Input<'_>) -> String {
    let letters = word.chars().map(|letter| match input.below(12) {
        0 => letter.to_ascii_uppercase().to_string(),
        1 => format!("\\u{:04x}", u32::from(letter)),
        2 => format!("%{:02x}", u32::from(letter)),
        3 => format!("&#{};", u32::from(letter)),
        4 => wide(&letter.to_string()),
        5 => format!("\\x{:02X}", u32::from(letter)),
        _ => letter.to_string(),
    });
    letters.collect()
}

/// An entity that its shape gives away comes out in no layer.
fn check_shape(input: &mut Input<'_>) {
    let entity = Entity::any(input);
    let wraps = Wrap::some(input, LAYERS_MAX);
    let (before, after) = (plain_filler(input), plain_filler(input));
    let text = wraps.iter().fold(format!("to {} x", entity.spelled), |text, wrap| wrap.wrap(&text));
    let as_json = input.flag();
    let line = format!("{before} {text} {after}");
    let payload = if as_json { format!(r#"{{"k":{},"n":1}}"#, json(&line)) } else { line };
    let pack = input.of(&["auto", if as_json { "generic-json" } else { "generic-line" }]);
    let Ok(clean) = veils::veiled(veils::named(pack), payload.as_bytes()) else { return };
    let clean = String::from_utf8_lossy(&clean.payload).into_owned();
    for meaning in undo::meanings(&clean) {
        assert!(!entity.stands_in(&meaning), "{} stands in {clean} from {payload}", entity.spelled);
    }
}

/// Words and numbers that mean nobody come out byte for byte, however they are set.
fn check_untouched(input: &mut Input<'_>) {
    const WORDS: [&str; 12] =
        ["the", "cache", "was", "full", "after", "page", "render", "took", "ms", "and", "table", "retry"];
    let mut text = String::new();
    while !input.is_empty() {
        text.push_str(input.of(&WORDS));
        text.push_str(input.of(&[" ", "  ", ", ", ". ", "; ", "\t", " 7 ", " 42 ", " - ", " (", ") "]));
    }
    let number = input.byte();
    let event = format!("{{ \"k\" : {} ,\n\"n\":{number}.50, \"x\":[true,null,1.50e3] }}", json(&text));
    for pack in ["auto", "generic-json"] {
        assert_eq!(veils::clean_text(veils::named(pack), &event), event);
    }
    for pack in ["auto", "generic-line"] {
        assert_eq!(veils::clean_text(veils::named(pack), &text), text);
    }
}

/// Text that opens nothing that what follows would stand in: words, signs and letters of any script. Without the letter
/// that planted names begin with: libFuzzer learns them, and a name inside a longer word is another word.
fn plain_filler(input: &mut Input<'_>) -> String {
    let text = input.text(FILLER_MAX);
    text.chars().filter(|c| !c.is_control() && !"qQ\u{ff31}\u{ff51}\"'`\\%&{}[]()<>=:/@".contains(*c)).collect()
}
