//! Properties of the whole way: nothing planted comes out, order of rules decides nothing, nothing panics.

use crate::support::{keyring, pack, record, veil, veiled};
use logveil::rules::RulePack;
use logveil::veil::{Batch, Choice, Outcome, Veil};
use proptest::prelude::*;

const PACK: &str = r#"
name = "test"
version = 1
format = "json"

[[rule]]
id = "user"
select = ["user", "actor.name"]
named = ["login"]
class = "user"

[[rule]]
id = "client"
select = "**.client_ip"
class = "ip"

[[rule]]
id = "mail"
select = "*.mail"
class = "email"
transform = "drop"

[[rule]]
id = "order"
detect = { regex = "order-([0-9]+)" }
class = "text"
"#;

/// A text with some characters spelled as JSON escapes.
fn spelled(text: &str, escape: &[bool]) -> String {
    text.chars()
        .zip(escape.iter().chain(std::iter::repeat(&false)))
        .map(|(character, escape)| match character {
            _ if *escape && u32::from(character) < 0x1_0000 => format!("\\u{:04x}", u32::from(character)),
            '"' | '\\' => format!("\\{character}"),
            _ => character.to_string(),
        })
        .collect()
}

/// Wraps a text into `layers` JSON strings inside each other.
fn nested(event: &str, layers: usize) -> String {
    let wrap = |inner: String| format!("{{\"body\":{}}}", serde_json::to_string(&inner).expect("a string serialises"));
    (0..layers).fold(event.to_owned(), |inner, _| wrap(inner))
}

/// Undoes escapes of all kinds until none is left.
fn flattened(text: &str) -> String {
    let mut text = text.as_bytes().to_vec();
    loop {
        let mut flat = Vec::new();
        if !logveil::decode::escape::Undo::Any.flatten(&text, &mut flat) {
            return String::from_utf8_lossy(&text).to_lowercase();
        }
        text = flat;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A canary that a rule names stands nowhere in the output: not in its field, not in free text, not in names, not
    /// under any escapes or layers.
    #[test]
    fn no_canary_comes_out(
        canary in "canary[a-z]{4}",
        escape in prop::collection::vec(any::<bool>(), 0..12),
        filler in "[a-zA-Z0-9 ./:=?&%-]{0,20}",
        layers in 0_usize..4,
        upper in any::<bool>(),
    ) {
        let canary_spelled = spelled(&if upper { canary.to_uppercase() } else { canary.clone() }, &escape);
        let event = format!(
            r#"{{"user":"{canary_spelled}","text":"{} {canary} end","{canary}":1,"url":"/x/{canary}?q={canary_spelled}"}}"#,
            spelled(&filler, &[]),
        );
        let clean = veiled(&veil(PACK), nested(&event, layers).as_bytes());
        prop_assert!(!clean.starts_with("quarantine"), "{clean}");
        prop_assert!(!flattened(&clean).contains(&canary), "{clean}");
        prop_assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "{clean}");
    }

    /// What no rule and no shape speaks of comes out byte for byte.
    #[test]
    fn unrelated_text_is_untouched(words in prop::collection::vec("[a-z]{1,8}", 1..6), number in 0_u32..5000) {
        let event = format!("{{ \"text\" : \"{}\" ,\n\"n\":{number}, \"x\":[true,null,1.50e3] }}", words.join(" "));
        prop_assert_eq!(veiled(&veil(PACK), event.as_bytes()), event);
    }

    /// Rules in another order give the same bytes.
    #[test]
    fn the_order_of_rules_decides_nothing(
        order in Just((0..4).collect::<Vec<usize>>()).prop_shuffle(),
        user in "[a-z0-9.@-]{1,12}",
        text in "[a-z0-9.@:= -]{0,30}",
    ) {
        let original = pack(PACK);
        let shuffled = RulePack { rules: order.iter().map(|index| original.rules[*index].clone()).collect(), ..original.clone() };
        let event = format!(r#"{{"user":"{user}","a":{{"client_ip":"{text}","mail":"{user}"}},"login":"{text}","t":"order-77 {text}"}}"#);
        let choice = Choice::Pack("test".to_owned());
        let clean = [original, shuffled].map(|pack| veiled(&Veil::new(&[pack], &choice).expect("the test's pack compiles"), event.as_bytes()));
        prop_assert_eq!(&clean[0], &clean[1]);
    }

    /// Any bytes end as clean or quarantined, and clean JSON is JSON.
    #[test]
    fn any_bytes_end_somewhere(bytes in prop::collection::vec(any::<u8>(), 0..64), edit in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)) {
        let mut event = br#"{"user":"alice","actor":{"name":["b\u0061",7,true,null]},"t":"{\"login\":1}","client_ip":"192.0.2.1, [2001:db8::1]:443"}"#.to_vec();
        for (at, byte) in edit {
            let at = at.index(event.len());
            event[at] = byte;
        }
        let veil = veil(PACK);
        let records = [record(&bytes), record(&event)];
        let mut batch = Batch::default();
        veil.batch(&keyring(), &records, &mut batch);
        for (index, record) in records.iter().enumerate() {
            if let Outcome::Clean(clean) = batch.outcome(index, record) {
                let payload = clean.payload().expect("a payload stays one");
                prop_assert!(serde_json::from_slice::<serde_json::Value>(payload).is_ok());
            }
        }
    }
}
