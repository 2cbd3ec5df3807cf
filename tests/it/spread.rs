//! Values that stand elsewhere in their record, too: which are replaced there, and which are not.

use crate::support::{readable, veil, veiled};

const PACK: &str = r#"
name = "test"
version = 1
format = "json"

[[rule]]
id = "user"
named = ["user", "owner"]
class = "user"

[[rule]]
id = "host"
named = ["hostname"]
class = "host"

[[rule]]
id = "text"
named = ["note", "ticket"]
class = "text"

[[rule]]
id = "group"
select = "group"
class = "user-id"
"#;

#[track_caller]
fn check(input: &str, expected: &str) {
    assert_eq!(readable(&veiled(&veil(PACK), input.as_bytes())), expected);
}

#[test]
fn hosts_of_one_word_do_not_spread() {
    check(
        r#"{"hostname":"sonarr","message":"Sonarr[335]: up"}"#,
        r#"{"hostname":"<host:1>","message":"Sonarr[335]: up"}"#,
    );
    check(r#"{"hostname":"web-1","message":"web-1 is up"}"#, r#"{"hostname":"<host:1>","message":"<host:1> is up"}"#);
    check(r#"{"hostname":"web1","message":"web1 is up"}"#, r#"{"hostname":"<host:1>","message":"<host:1> is up"}"#);
}

#[test]
fn texts_of_one_word_do_not_spread() {
    check(r#"{"note":"Please","m":"please do"}"#, r#"{"note":"<text:1>","m":"please do"}"#);
    check(r#"{"note":"Main Street","m":"in Main Street"}"#, r#"{"note":"<text:1>","m":"in <text:1>"}"#);
}

#[test]
fn a_value_does_not_rename_a_field_that_the_pack_knows() {
    check(
        r#"{"user":"Ticket","ticket":{"a":1},"m":"ticket 5 {\"ticket\":1}"}"#,
        r#"{"user":"<user:1>","ticket":{"a":1},"m":"<user:1> 5 {\"ticket\":\"<text:2>\"}"}"#,
    );
    check(r#"{"user":"group","group" : {"a":null}}"#, r#"{"user":"<user:1>","group" : {"a":null}}"#);
}

#[test]
fn a_value_is_replaced_as_the_name_of_a_field_that_no_pack_knows() {
    check(r#"{"user":"alice","by":{"alice":{"n":1}}}"#, r#"{"user":"<user:1>","by":{"<user:1>":{"n":1}}}"#);
    check(r#"{"user":"ticket","m":"ticket 5"}"#, r#"{"user":"<user:1>","m":"<user:1> 5"}"#);
}

/// Every case: somebody chose a name that the record holds as a word of its own.
#[test]
fn nobody_destroys_a_record_by_what_he_is_called() {
    for name in ["timestamp", "level", "action", "status", "method", "eventName"] {
        check(
            &format!(r#"{{"user":"{name}","{name}":"x1","m":"of {name}"}}"#),
            &format!(r#"{{"user":"<user:1>","{name}":"x1","m":"of <user:1>"}}"#),
        );
    }
    for (value, rest) in [
        ("error", r#""level":"error""#),
        ("failed", r#""outcome":"Failed""#),
        ("get", r#""method":"GET""#),
        ("http", r#""url":"http://x""#),
        ("timestamp", r#""a":[{"b":{"timestamp":1}}],"t":"{\"timestamp\":1}""#),
        ("10:00:00", r#""time":"2026-01-02T10:00:00Z""#),
        ("99123", r#""amount":99123.5,"m":"99123.5 99123-4""#),
        ("12345", r#""port":12345,"bytes_sent":12345,"ports":[12345],"srcPort":"12345""#),
    ] {
        check(&format!(r#"{{"user":"{value}",{rest}}}"#), &format!(r#"{{"user":"<user:1>",{rest}}}"#));
    }
}

/// What a value is spared as a word of the record, it is not spared as an entity.
#[test]
fn the_same_value_goes_where_it_is_no_word_of_the_record() {
    check(
        r#"{"user":"latency","latency":3,"m":"latency in \"/home/latency\" and {\"latency\":1}"}"#,
        r#"{"user":"<user:1>","latency":3,"m":"<user:1> in \"/home/<user:1>\" and {\"latency\":1}"}"#,
    );
    check(
        r#"{"user":12345,"port":12345,"ref":12345,"m":"12345. 12345, id=12345"}"#,
        r#"{"user":"<user:1>","port":12345,"ref":"<user:1>","m":"<user:1>. <user:1>, id=<user:1>"}"#,
    );
    check(r#"{"user":"alice","status":"alice"}"#, r#"{"user":"<user:1>","status":"<user:1>"}"#);
    check(r#"{"user":"alice.x","alice.x":1}"#, r#"{"user":"<user:1>","<user:1>":1}"#);
    // Names that are first names, too.
    check(r#"{"user":"june","m":"june left"}"#, r#"{"user":"<user:1>","m":"<user:1> left"}"#);
}

#[test]
fn a_value_is_found_in_usual_letters() {
    check(r#"{"user":"ｍｑｕｉｌｌ","m":"mquill came"}"#, r#"{"user":"<user:1>","m":"<user:1> came"}"#);
}
