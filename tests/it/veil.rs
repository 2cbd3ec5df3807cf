//! The whole way of a record, where bytes go in and come out.

use crate::support::{self, NEW_YEAR_MS, keyring, readable, veil, veiled};
use logveil::record::{Header, Position, Record};
use logveil::veil::{Batch, Outcome, Veil};

const JSON: &str = r#"
name = "test"
version = 1
format = "json"
ambiguous = ["root"]

[[rule]]
id = "client-ip"
select = ["client_ip", "headers.x-forwarded-for", "**.remote_addr"]
class = "ip"

[[rule]]
id = "user"
select = ["user.name", "users"]
named = ["login"]
class = "user"

[[rule]]
id = "account"
select = "user.id"
class = "user-id"

[[rule]]
id = "message"
select = "message"
parse = "auto"

[[rule]]
id = "safe"
select = "build"
class = "text"
transform = "keep"
"#;

const PAIRS: &str = r#"
name = "test"
version = 1
format = "line"

[[rule]]
id = "token"
named = ["token", "x_token"]
class = "token"

[[rule]]
id = "user"
named = ["login"]
class = "user"
"#;

const LINE: &str = r#"
name = "test"
version = 1
format = "line"

[[line]]
id = "access"
pattern = '<client_ip> - <user:text> [<time:text>] "<request:quoted>" <status:int>'

[[line]]
id = "syslog"
pattern = '<host> <process>[<pid:int>]: <message:rest>'

[[message]]
id = "failed"
pattern = 'Failed password for <user:greedy> from <client_ip> port <port:int> ssh2'

[[rule]]
id = "client-ip"
select = "client_ip"
class = "ip"

[[rule]]
id = "user"
select = "user"
class = "user"
"#;

#[track_caller]
fn check(pack: &str, input: &str, expect: &str) {
    assert_eq!(readable(&veiled(&veil(pack), input.as_bytes())), expect, "input {input}");
}

#[track_caller]
fn json(input: &str, expect: &str) {
    check(JSON, input, expect);
}

#[test]
fn selected_fields_are_replaced_and_all_else_stays() {
    json(
        r#"{ "client_ip" : "192.0.2.1", "status": 200 ,"path":"/a/b?x=1","user":{"name":"alice","id":12345678} }"#,
        r#"{ "client_ip" : "<ip:1>", "status": 200 ,"path":"/a/b?x=1","user":{"name":"<user:2>","id":"<user-id:3>"} }"#,
    );
}

#[test]
fn one_entity_has_one_pseudonym_in_every_spelling() {
    json(
        r#"{"client_ip":"192.0.2.1","a":{"remote_addr":"::ffff:192.0.2.1"},"headers":{"x-forwarded-for":"[::ffff:c000:201]:443, 192.0.2.1"}}"#,
        r#"{"client_ip":"<ip:1>","a":{"remote_addr":"<ip:1>"},"headers":{"x-forwarded-for":"[<ip:1>]:443, <ip:1>"}}"#,
    );
}

#[test]
fn escapes_hide_nothing() {
    json(r#"{"client_\u0069p":"\u0031\u00392.0.2.1"}"#, r#"{"client_\u0069p":"<ip:1>"}"#);
    json(r#"{"note":"from \u0031\u00392.0.2.1\n."}"#, r#"{"note":"from <ip:1>\n."}"#);
}

#[test]
fn every_occurrence_of_a_duplicate_name_is_replaced() {
    json(r#"{"client_ip":"192.0.2.1","client_ip":"192.0.2.2"}"#, r#"{"client_ip":"<ip:1>","client_ip":"<ip:2>"}"#);
}

#[test]
fn arrays_are_transparent_and_containers_force_their_subtree() {
    json(
        r#"{"users":["alice",{"x":"bob","n":7,"b":true,"z":null}],"user":[{"name":"carol"}]}"#,
        r#"{"users":["<user:1>",{"x":"<user:2>","n":"<user:3>","b":"<user:4>","z":null}],"user":[{"name":"<user:5>"}]}"#,
    );
}

#[test]
fn a_dotted_name_is_a_path() {
    json(
        r#"{"user.name":"alice","headers":{"x.remote_addr":"192.0.2.9"}}"#,
        r#"{"user.name":"<user:1>","headers":{"x.remote_addr":"<ip:2>"}}"#,
    );
}

#[test]
fn a_named_field_is_found_at_any_depth_in_any_convention() {
    json(
        r#"{"a":[{"Login":"alice"}],"b":{"LOG_IN":"bob"},"note":"x login=carol y"}"#,
        r#"{"a":[{"Login":"<user:1>"}],"b":{"LOG_IN":"<user:2>"},"note":"x login=<user:3> y"}"#,
    );
}

#[test]
fn names_of_members_can_be_entities() {
    json(r#"{"seen":{"192.0.2.1":3,"alice@example.com":1}}"#, r#"{"seen":{"<ip:1>":3,"<email:2>":1}}"#);
}

#[test]
fn json_in_a_string_is_read_and_numbers_in_it_stay_json() {
    json(
        r#"{"body":"{\"user\":{\"name\":\"alice\",\"id\":12345678}}"}"#,
        r#"{"body":"{\"user\":{\"name\":\"<user:1>\",\"id\":\"<user-id:2>\"}}"}"#,
    );
    json(
        r#"{"a":"{\"b\":\"{\\\"user\\\":{\\\"id\\\":12345678}}\"}"}"#,
        r#"{"a":"{\"b\":\"{\\\"user\\\":{\\\"id\\\":\\\"<user-id:1>\\\"}}\"}"}"#,
    );
}

#[test]
fn json_among_words_is_read() {
    json(
        r#"{"x":"got {\"user\":{\"name\":\"alice\",\"id\":12345678}} back"}"#,
        r#"{"x":"got {\"user\":{\"name\":\"<user:1>\",\"id\":\"<user-id:2>\"}} back"}"#,
    );
    json(r#"{"x":"got {\"login\":12345678}."}"#, r#"{"x":"got {\"login\":\"<user:1>\"}."}"#);
}

#[test]
fn a_value_is_replaced_wherever_else_it_stands() {
    json(
        r#"{"user":{"name":"alice"},"path":"/home/alice/x","q":"u=ALICE&v=malice","n":"al\u0069ce","e":"a%6cice"}"#,
        r#"{"user":{"name":"<user:1>"},"path":"/home/<user:1>/x","q":"u=<user:1>&v=malice","n":"<user:1>","e":"<user:1>"}"#,
    );
    json(
        r#"{"user":{"id":12345678},"other":12345678,"body":"{\"x\":12345678}"}"#,
        r#"{"user":{"id":"<user-id:1>"},"other":"<user-id:1>","body":"{\"x\":\"<user-id:1>\"}"}"#,
    );
}

#[test]
fn a_value_is_found_in_any_case_of_any_script_and_without_its_quotes() {
    json(
        r#"{"user":{"name":"Émile"},"m":"émile ÉMILE émilé"}"#,
        r#"{"user":{"name":"<user:1>"},"m":"<user:1> <user:1> émilé"}"#,
    );
    json(r#"{"user":{"name":"ΑΛΦΑ"},"m":"\u03b1λφα"}"#, r#"{"user":{"name":"<user:1>"},"m":"<user:1>"}"#);
    json(r#"{"user":{"name":"\u00a0alice\u00a0"},"m":"alice"}"#, r#"{"user":{"name":"<user:1>"},"m":"<user:1>"}"#);
    json(r#"{"user":{"name":"\"alice\""},"m":"alice"}"#, r#"{"user":{"name":"<user:1>"},"m":"<user:2>"}"#);
}

#[test]
fn a_value_that_overlaps_itself_is_found() {
    json(r#"{"user":{"name":"ana ana"},"m":"xana ana ana"}"#, r#"{"user":{"name":"<user:1>"},"m":"xana <user:1>"}"#);
}

/// More values than are searched one by one, one inside the other and side by side.
#[test]
fn many_values_are_found_as_few_are() {
    let names: Vec<String> = (0..30).map(|n| format!("\"ann{}\"", "-bo".repeat(n))).collect();
    let clean = readable(&veiled(
        &veil(JSON),
        format!(r#"{{"users":[{}],"m":"ann ANN-BO ann-bob %61nn xann ann_"}}"#, names.join(",")).as_bytes(),
    ));
    assert!(clean.ends_with(r#""m":"<user:1> <user:2> <user:1>-bob <user:1> xann ann_"}"#), "{clean}");
}

#[test]
fn a_number_that_holds_a_value_is_replaced() {
    json(
        r#"{"user":{"id":12345678},"a":-12345678,"b":0.12345678,"d":123456789}"#,
        r#"{"user":{"id":"<user-id:1>"},"a":"<user-id:2>","b":"<user-id:3>","d":123456789}"#,
    );
}

/// The text behind a greedy hole's own end need not stand in the line: the hole takes the rest when it gives up.
#[test]
fn a_message_whose_greedy_hole_takes_the_rest_is_found() {
    let pack = LINE.replace(
        "[[rule]]\nid = \"user\"",
        "[[message]]\nid = \"by\"\npattern = 'By <user:greedy> from <client_ip> and nothing behind'\n[[rule]]\nid = \"user\"",
    );
    let flood = "By alice".to_owned() + &" from x".repeat(40);
    check(&pack, &format!("web1 sshd[1]: {flood}"), "web1 sshd[1]: By <user:1>");
}

#[test]
fn only_ports_and_prefix_lengths_stay_beside_addresses() {
    json(r#"{"client_ip":"192.0.2.1:443, 192.0.2.7/24"}"#, r#"{"client_ip":"<ip:1>:443, <ip:2>/24"}"#);
    json(r#"{"client_ip":"192.0.2.1, 3221225985"}"#, r#"{"client_ip":"<ip:1>"}"#);
    json(r#"{"client_ip":"192.0.2.1 5550123456"}"#, r#"{"client_ip":"<ip:1>"}"#);
}

/// Each of these would take minutes and gigabytes if a value were planned once for each of its tails, or a name copied
/// for each value below it.
#[test]
fn hostile_records_take_linear_time() {
    let tails = "login=".repeat(100_000);
    assert_eq!(readable(&veiled(&veil(PAIRS), tails.as_bytes())), "login=<user:1>");
    let list = |values: Vec<String>, text: &str| format!(r#"{{"users":[{}],"m":"{text}"}}"#, values.join(","));
    let many = list((0..60_000).map(|n| format!("\"usr{n}\"")).collect(), "usr7 usr70000");
    assert!(readable(&veiled(&veil(JSON), many.as_bytes())).ends_with(r#""m":"<user:8> usr70000"}"#));
    let nested = list((3..600).map(|n| format!("\"{}a\"", "a-".repeat(n))).collect(), &"a-".repeat(20_000));
    assert!(!veiled(&veil(JSON), nested.as_bytes()).contains("a-a-"));
    let nested = list((3..600).map(|n| format!("\"{}\"", "a".repeat(n))).collect(), &"a".repeat(20_000));
    assert!(veiled(&veil(JSON), nested.as_bytes()).ends_with("aaa\"}"));
    let name = "n".repeat(500_000);
    let members = vec![r#""a":[1]"#; 60_000].join(",");
    let input = format!("{{\"{name}\":{{{members}}}}}");
    assert_eq!(veiled(&veil(JSON), input.as_bytes()), input);
}

#[test]
fn short_and_ambiguous_values_are_replaced_only_in_their_field() {
    json(
        r#"{"user":{"name":"root","id":42},"path":"/root/x","n":42}"#,
        r#"{"user":{"name":"<user:1>","id":"<user-id:2>"},"path":"/root/x","n":42}"#,
    );
}

#[test]
fn kept_fields_stay_unless_they_repeat_what_was_replaced() {
    json(r#"{"build":"10.0.0.1"}"#, r#"{"build":"10.0.0.1"}"#);
    json(r#"{"build":"10.0.0.1","client_ip":"10.0.0.1"}"#, r#"{"build":"<ip:1>","client_ip":"<ip:1>"}"#);
}

#[test]
fn empty_values_stay() {
    json(r#"{"client_ip":"","user":{"name":"-","id":null}}"#, r#"{"client_ip":"","user":{"name":"-","id":null}}"#);
    json(r#"{"client_ip":"unix:","user":{"name":"None"}}"#, r#"{"client_ip":"unix:","user":{"name":"None"}}"#);
}

#[test]
fn pairs_lose_their_value_and_keep_what_is_none() {
    let pack = veil(PAIRS);
    let check =
        |text: &str, expect: &str| assert_eq!(readable(&veiled(&pack, text.as_bytes())), expect, "input {text}");
    check("x-token: Bearer a1 x", "x-token: Bearer <token:1> x");
    check("token=\"Digest a1\" x", "token=\"Digest <token:1>\" x");
    check("token: Bearer", "token: <token:1>");
    check("login: invalid user", "login: invalid user");
    check("login: alice x", "login: <user:1> x");
}

#[test]
fn a_field_that_does_not_fit_its_class_is_replaced_whole() {
    json(r#"{"client_ip":"see alice, 192.0.2.1"}"#, r#"{"client_ip":"<ip:1>"}"#);
}

#[test]
fn what_is_not_json_is_quarantined() {
    for input in ["", "{", r#"{"a":1,}"#, "\u{feff}{}", r#"{"a":"\ud800"}"#, "plain"] {
        json(input, "quarantine: not-json");
    }
    json(&"[".repeat(10_000), "quarantine: too-deep");
    assert_eq!(veiled(&veil(JSON), b"{\"a\":\"\xff\"}"), "quarantine: not-utf8");
    let utf16: Vec<u8> = r#"{"user":"alice"}"#.bytes().flat_map(|byte| [byte, 0]).collect();
    assert_eq!(veiled(&veil(JSON), &utf16), "quarantine: not-utf8");
    assert_eq!(veiled(&veil(LINE), &utf16), "quarantine: not-utf8");
    assert_eq!(veiled(&veil(JSON), &vec![b' '; 10_000_000]), "quarantine: too-large");
}

#[test]
fn lines_are_read_by_their_patterns() {
    check(
        LINE,
        r#"192.0.2.1 - alice [01/Jan/2026:00:00:00 +0000] "GET /?a=192.0.2.7 HTTP/1.1" 200"#,
        r#"<ip:1> - <user:2> [01/Jan/2026:00:00:00 +0000] "GET /?a=<ip:3> HTTP/1.1" 200"#,
    );
    check(
        LINE,
        "web1 sshd[42]: Failed password for x from 192.0.2.1 port 22 ssh2 from 192.0.2.7 port 22 ssh2",
        "web1 sshd[42]: Failed password for <user:1> from <ip:2> port 22 ssh2",
    );
    check(LINE, "no line of mine", "quarantine: not-line");
}

#[test]
fn white_space_at_the_end_of_a_line_changes_nothing() {
    for end in ["\r", "\n", "\r\n", "  \t"] {
        let line = format!("web1 sshd[42]: Failed password for x y from 192.0.2.7 port 22 ssh2{end}");
        check(LINE, &line, &format!("web1 sshd[42]: Failed password for <user:1> from <ip:2> port 22 ssh2{end}"));
        check(LINE, &format!("no line of mine{end}"), "quarantine: not-line");
    }
}

/// Both addresses in the hostile line above are hidden, each for its own reason.
#[test]
fn nothing_of_a_greedy_hole_stays() {
    let line = "web1 sshd[42]: Failed password for x from 192.0.2.1 port 22 ssh2 from 192.0.2.7 port 22 ssh2";
    let clean = veiled(&veil(LINE), line.as_bytes());
    assert!(!clean.contains("192.0.2."), "{clean}");
}

#[test]
fn unknown_text_is_treated_as_the_pack_says() {
    let pack = |unknown: &str| {
        format!(
            "name = \"test\"\nversion = 1\nformat = \"json\"\nunknown = \"{unknown}\"\n[[rule]]\nid = \"ip\"\nselect = \"ip\"\nclass = \"ip\"\n"
        )
    };
    let input = r#"{"ip":"192.0.2.1","x":"to 192.0.2.2","n":1}"#;
    check(&pack("scan"), input, r#"{"ip":"<ip:1>","x":"to <ip:2>","n":1}"#);
    check(&pack("pseudonymize"), input, r#"{"ip":"<ip:1>","x":"<text:2>","n":"<text:3>"}"#);
    check(&pack("drop"), input, r#"{"ip":"<ip:1>","x":"text.dropped","n":"text.dropped"}"#);
    check(&pack("keep"), input, r#"{"ip":"<ip:1>","x":"to 192.0.2.2","n":1}"#);
}

#[test]
fn address_transforms() {
    let pack = |transform: &str| {
        format!(
            "name = \"test\"\nversion = 1\nformat = \"json\"\n[[rule]]\nid = \"ip\"\nselect = \"ip\"\nclass = \"ip\"\n{transform}\n"
        )
    };
    let input = r#"{"ip":["192.0.2.77","2001:db8:1:2::3","not one"]}"#;
    let truncated = r#"{"ip":["192.0.2.0","2001:db8:1::","<ip:1>"]}"#;
    check(&pack("transform = \"truncate\""), input, truncated);
    check(&pack("transform = \"drop\""), input, r#"{"ip":["ip.dropped","ip.dropped","ip.dropped"]}"#);
    let prefixed = veiled(&veil(&pack("transform = \"prefix\"")), br#"{"ip":["192.0.2.77","192.0.2.78"]}"#);
    let addresses: Vec<std::net::Ipv4Addr> = prefixed.split('"').filter_map(|text| text.parse().ok()).collect();
    assert_eq!(addresses.len(), 2, "{prefixed}");
    assert_eq!(addresses[0].octets()[..3], addresses[1].octets()[..3], "{prefixed}");
    let grouped = veiled(&veil(&pack("network = true")), br#"{"ip":["192.0.2.77","192.0.2.78"]}"#);
    let networks: Vec<&str> =
        grouped.split('"').filter_map(|token| token.rsplit('_').next()).filter(|t| t.len() == 24).collect();
    assert_eq!(networks.len(), 2, "{grouped}");
    assert_eq!(networks[0], networks[1], "{grouped}");
}

#[test]
fn coordinates_are_rounded_and_stay_numbers() {
    let pack =
        "name = \"test\"\nversion = 1\nformat = \"json\"\n[[rule]]\nid = \"geo\"\nselect = \"at\"\nclass = \"geo\"\n";
    check(
        pack,
        r#"{"at":{"lat":52.52001,"lon":-1.3405e1},"n":52.52001}"#,
        r#"{"at":{"lat":52.5,"lon":-13.4},"n":52.5}"#,
    );
    check(pack, r#"{"at":["52.52001,13.40495","at home",525200080]}"#, r#"{"at":["52.5,13.4","<geo:1>","<geo:2>"]}"#);
}

#[test]
fn networks_keep_their_length() {
    let pack =
        "name = \"test\"\nversion = 1\nformat = \"json\"\n[[rule]]\nid = \"net\"\nselect = \"net\"\nclass = \"net\"\n";
    check(
        pack,
        r#"{"net":["192.0.2.0/24","192.0.2.0\/24","192.0.2.0/25","192.0.2.7","elsewhere"]}"#,
        r#"{"net":["<net:1>/24","<net:1>\/24","<net:2>/25","<ip:3>","<net:4>"]}"#,
    );
}

#[test]
fn key_headers_tombstone_and_timestamp_are_part_of_the_record() {
    let pack = format!(
        "{JSON}\n[[rule]]\nid = \"header\"\nselect = \"@headers.X-User\"\nclass = \"user\"\n[[rule]]\nid = \"key\"\nselect = \"@key\"\nclass = \"user\"\n"
    );
    let veil = veil(&pack);
    let headers = [
        Header { name: "x-user", value: Some(b"alice") },
        Header { name: "trace", value: Some(b"00-4bf9-01") },
        Header { name: "via", value: Some(b"192.0.2.1") },
        Header { name: "binary", value: Some(b"\xff\xfe") },
        Header { name: "null", value: None },
    ];
    let position = Position { topic: "raw", partition: 3, offset: 9 };
    let record =
        Record { position, timestamp_ms: Some(NEW_YEAR_MS), key: Some(b"alice"), payload: None, headers: &headers };
    let mut batch = Batch::default();
    veil.batch(&keyring(), &[record], &mut batch);
    let Outcome::Clean(clean) = batch.outcome(0, &record) else { panic!("the record is sound") };
    assert_eq!((clean.position(), clean.timestamp_ms(), clean.payload()), (position, Some(NEW_YEAR_MS), None));
    let text = |bytes: &[u8]| readable(std::str::from_utf8(bytes).expect("clean text is UTF-8"));
    assert_eq!(text(clean.key().expect("a key stays one")), "<user:1>");
    let values: Vec<_> = clean.headers().iter().map(|(name, value)| (*name, value.map(text))).collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        values,
        [
            ("x-user", some("<user:1>")),
            ("trace", some("00-4bf9-01")),
            ("via", some("<ip:1>")),
            ("binary", some("<text:1>")),
            ("null", None)
        ]
    );
    assert_eq!(Some(clean.headers()[0].1), Some(clean.key()), "one user, one pseudonym");
}

#[test]
fn a_key_that_no_rule_names_is_replaced_whole() {
    let record = Record { key: Some(b"order-7"), ..support::record(b"{}") };
    let mut batch = Batch::default();
    veil(JSON).batch(&keyring(), &[record], &mut batch);
    let Outcome::Clean(clean) = batch.outcome(0, &record) else { panic!("the record is sound") };
    assert_eq!(readable(std::str::from_utf8(clean.key().expect("a key")).expect("UTF-8")), "<text:1>");
}

#[test]
fn records_outside_the_provisioned_epochs_are_quarantined() {
    let reason = |timestamp_ms| {
        let record = Record { timestamp_ms, ..support::record(b"{}") };
        let mut batch = Batch::default();
        veil(JSON).batch(&keyring(), &[record], &mut batch);
        match batch.outcome(0, &record) {
            Outcome::Clean(_) => "clean".to_owned(),
            Outcome::Quarantine(reason) => reason.to_string(),
        }
    };
    assert_eq!(reason(Some(NEW_YEAR_MS)), "clean");
    assert_eq!(reason(Some(0)), "key-epoch-unknown");
    assert_eq!(reason(Some(i64::MAX)), "no-timestamp");
    assert_eq!(reason(None), "no-timestamp");
}

#[test]
fn a_batch_gives_what_its_records_give_alone() {
    let veil: Veil = veil(JSON);
    let payloads: [&[u8]; 4] =
        [br#"{"client_ip":"192.0.2.1"}"#, b"{", br#"{"user":{"name":"alice"},"x":"alice"}"#, b"[]"];
    let records: Vec<Record<'_>> = payloads.iter().map(|payload| support::record(payload)).collect();
    let mut batch = Batch::default();
    for _ in 0..2 {
        veil.batch(&keyring(), &records, &mut batch);
        for (index, record) in records.iter().enumerate() {
            let alone = veiled(&veil, payloads[index]);
            match batch.outcome(index, record) {
                Outcome::Clean(clean) => assert_eq!(clean.payload(), Some(alone.as_bytes())),
                Outcome::Quarantine(reason) => assert_eq!(alone, format!("quarantine: {reason}")),
            }
        }
    }
    let total: u64 = batch.tally().by_class.iter().sum();
    assert_eq!((total, batch.tally().by_rule.iter().sum::<u64>()), (2, 2));
}

#[test]
fn a_header_name_that_holds_an_entity_is_quarantined() {
    let reason = |name: &'static str| {
        let headers = [Header { name, value: Some(b"x") }];
        let record = Record { headers: &headers, ..support::record(br#"{"user":{"name":"alice"}}"#) };
        let mut batch = Batch::default();
        veil(JSON).batch(&keyring(), &[record], &mut batch);
        match batch.outcome(0, &record) {
            Outcome::Clean(_) => "clean".to_owned(),
            Outcome::Quarantine(reason) => reason.to_string(),
        }
    };
    assert_eq!(reason("x-trace"), "clean");
    assert_eq!(reason("x-Alice"), "residue");
    assert_eq!(reason("192.0.2.1"), "residue");
}

#[test]
fn shapes_are_found_under_one_more_layer_of_escapes() {
    json(r#"{"note":"bob\\u0040example.com and 192%2E0%2E2%2E7"}"#, r#"{"note":"<email:1> and <ip:2>"}"#);
}
