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
        r#"{"user":"<user:1>","ticket":{"a":1},"m":"ticket 5 {\"ticket\":\"<text:2>\"}"}"#,
    );
    check(r#"{"user":"group","group" : {"a":null}}"#, r#"{"user":"<user:1>","group" : {"a":null}}"#);
}

#[test]
fn a_value_is_replaced_as_the_name_of_a_field_that_no_pack_knows() {
    check(r#"{"user":"alice","by":{"alice":{"n":1}}}"#, r#"{"user":"<user:1>","by":{"<user:1>":{"n":1}}}"#);
    check(r#"{"user":"ticket","m":"ticket 5"}"#, r#"{"user":"<user:1>","m":"<user:1> 5"}"#);
}
