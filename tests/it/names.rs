//! Values that their names give away, wherever name and value stand.

use crate::support::{readable, veil, veiled};

const JSON: &str = r#"
name = "test"
version = 1
format = "json"

[[rule]]
id = "user"
named = ["username", "login", "*_user_name", "User Id"]
class = "user"

[[rule]]
id = "session"
named = ["*_session_id"]
class = "session"

[[rule]]
id = "ip"
named = ["client_ip"]
class = "ip"

[[rule]]
id = "secret"
named = ["authorization"]
class = "token"
"#;

#[track_caller]
fn check(input: &str, expected: &str) {
    assert_eq!(readable(&veiled(&veil(JSON), input.as_bytes())), expected);
}

#[test]
fn names_are_known_by_their_end() {
    check(
        r#"{"app_session_id":"9f86d081","UNIFIipsSessionId":5,"obsession_id":"x","session_ids":"y"}"#,
        r#"{"app_session_id":"<session:1>","UNIFIipsSessionId":"<session:2>","obsession_id":"x","session_ids":"y"}"#,
    );
    check(
        r#"{"target_user":{"name":"alice"},"n":{"m":{"name":"b"}}}"#,
        r#"{"target_user":{"name":"<user:1>"},"n":{"m":{"name":"b"}}}"#,
    );
    check(r#"{"note":"app-session-id=abc, x=y"}"#, r#"{"note":"app-session-id=<session:1>, x=y"}"#);
}

#[test]
fn the_last_part_of_a_flattened_path_is_its_name() {
    check(
        r#"{"event.login":"alice","ecs.target.user.name":"bob","login.name":"x"}"#,
        r#"{"event.login":"<user:1>","ecs.target.user.name":"<user:2>","login.name":"x"}"#,
    );
}

#[test]
fn a_member_names_its_sibling() {
    check(r#"{"key":"username","value":"zzz"}"#, r#"{"key":"username","value":"<user:1>"}"#);
    check(
        r#"[{"Value":"alice","Name":"UserId"},{"Name":"other","Value":"al"}]"#,
        r#"[{"Value":"<user:1>","Name":"UserId"},{"Name":"other","Value":"al"}]"#,
    );
    check(
        r##"{"EventData":{"Data":[{"@Name":"TargetUserName","#text":"alice"},{"@Name":"LogonType","#text":"3"}]}}"##,
        r##"{"EventData":{"Data":[{"@Name":"TargetUserName","#text":"<user:1>"},{"@Name":"LogonType","#text":"3"}]}}"##,
    );
    check(
        r#"{"headers":[{"name":"Authorization","value":"Bearer mF_9.B5f"},{"name":"Accept","value":"text/html"}]}"#,
        r#"{"headers":[{"name":"Authorization","value":"Bearer <token:1>"},{"name":"Accept","value":"text/html"}]}"#,
    );
}

#[test]
fn a_sibling_names_values_of_any_type() {
    check(
        r#"{"attributes":[{"key":"login","value":{"stringValue":"alice"}},{"key":"port","value":{"intValue":"22"}}]}"#,
        r#"{"attributes":[{"key":"login","value":{"stringValue":"<user:1>"}},{"key":"port","value":{"intValue":"22"}}]}"#,
    );
    check(
        r#"{"value":{"arrayValue":{"values":[{"stringValue":"alice"},{"stringValue":"bob"}]}},"key":"login"}"#,
        r#"{"value":{"arrayValue":{"values":[{"stringValue":"<user:1>"},{"stringValue":"<user:2>"}]}},"key":"login"}"#,
    );
    check(
        r#"{"name":"login","multiValue":["alice",{"a":"b"}],"other":"c"}"#,
        r#"{"name":"login","multiValue":["<user:1>",{"a":"b"}],"other":"c"}"#,
    );
    check(r#"{"key":"login","value":41234}"#, r#"{"key":"login","value":"<user:1>"}"#);
}

#[test]
fn a_sibling_counts_as_the_name_of_an_object() {
    check(
        r#"{"params":[{"key":"target_user","value":{"name":"alice","login":"al","size":"x"}}]}"#,
        r#"{"params":[{"key":"target_user","value":{"name":"<user:1>","login":"<user:2>","size":"x"}}]}"#,
    );
}

#[test]
fn siblings_in_a_string_of_json() {
    check(
        r#"{"message":"{\"key\":\"log\\u0069n\",\"value\":\"alice\"}"}"#,
        r#"{"message":"{\"key\":\"log\\u0069n\",\"value\":\"<user:1>\"}"}"#,
    );
}

const LINE: &str = r#"
name = "test"
version = 1
format = "line"

[[rule]]
id = "user"
named = ["user", "account_name", "username"]
class = "user"

[[rule]]
id = "person"
named = ["full_name"]
class = "person"

[[rule]]
id = "mac"
named = ["mac_address"]
class = "mac"

[[rule]]
id = "session"
named = ["session", "*_session_id"]
class = "session"

[[rule]]
id = "secret"
named = ["password"]
class = "token"
"#;

#[track_caller]
fn check_line(input: &str, expected: &str) {
    assert_eq!(readable(&veiled(&veil(LINE), input.as_bytes())), expected);
}

#[test]
fn names_of_several_words_in_text() {
    check_line("Account Name:\t\talice", "Account Name:\t\t<user:1>");
    check_line("Source MAC Address: 00005e005301, x", "Source MAC Address: <mac:1>, x");
    check_line("Web Session ID = abc", "Web Session ID = <session:1>");
    check_line("the account name: alice", "the account name: <user:1>");
    check_line("web session id=abc", "web session id=abc");
    check_line("Full Name: Alice van Smith, Height: 5", "Full Name: <person:1>, Height: 5");
}

#[test]
fn remarks_behind_a_colon_stay() {
    check_line("created session: username bob", "created session: username bob");
    check_line("FAIL user: Client \"192.0.2.7\"", "FAIL user: Client \"<ip:1>\"");
    check_line("user: alice, session: 5f", "user: <user:1>, session: <session:2>");
    check_line("user=client session=opened", "user=<user:1> session=<session:2>");
    check_line("user: \"client\" password: secret", "user: \"<user:1>\" password: <token:2>");
}

#[test]
fn elements_are_pairs() {
    check_line(
        "<Event><Data Name='username'>alice</Data><AccountName>bob</AccountName><Level>4</Level></Event>",
        "<Event><Data Name='username'><user:1></Data><AccountName><user:2></AccountName><Level>4</Level></Event>",
    );
    check_line(
        r#"<add key="user" value="alice &amp; bob"/><Session xsi:nil="true"/>"#,
        r#"<add key="user" value="<user:1>"/><Session xsi:nil="true"/>"#,
    );
    check(
        r#"{"xml":"<x:Login a=\"b\"><![CDATA[alice]]></x:Login>"}"#,
        r#"{"xml":"<x:Login a=\"b\"><![CDATA[<user:1>]]></x:Login>"}"#,
    );
}

const KEEPING: &str = r#"
name = "test"
version = 1
format = "line"

[[rule]]
id = "provider"
detect = { regex = 'Provider \S+ \{[0-9a-f-]+\}' }
class = "text"
transform = "keep"

[[rule]]
id = "by"
detect = { regex = '(?:by|Provider) (\S+)' }
class = "user"

[[rule]]
id = "user"
named = "user"
class = "user"
"#;

#[test]
fn what_an_expression_keeps_is_not_searched() {
    let veil = veil(KEEPING);
    let kept = "Provider a@example.com {f81d4fae-7dec-11d0-a765-00a0c91e6bf6}";
    for (input, expected) in [
        (format!("{kept} by alice"), format!("{kept} by <user:1>")),
        (format!("user={kept}"), kept.replace("Provider", "user=<user:1>")),
        ("Provider a@example.com".to_owned(), "Provider <email:1>".to_owned()),
    ] {
        assert_eq!(readable(&veiled(&veil, input.as_bytes())), expected, "{input}");
    }
}

const FIELDS: &str = r#"
name = "test"
version = 1
format = "line"

[[line]]
id = "fields"
pattern = '<time:csv>,<user:csv>,<action:csv>,<message:csv>'

[[rule]]
id = "user"
named = "user"
class = "user"

[[rule]]
id = "mail"
detect = "email"
"#;

#[test]
fn fields_of_separated_values() {
    let veil = veil(FIELDS);
    for (input, expected) in [
        (r#"1,"Smith, Alice",x,"a, b""#, r#"1,"<user:1>",x,"a, b""#),
        (r#"1,alice,x,to a@example.com"#, r#"1,<user:1>,x,to <email:2>"#),
        ("1,,x,", "1,,x,"),
    ] {
        assert_eq!(readable(&veiled(&veil, input.as_bytes())), expected, "{input}");
    }
}

#[test]
fn hexadecimal_digits_are_decoded() {
    check_line("acct user=616C696365 x=alice", "acct user=<user:1> x=<user:1>");
    check_line("user=616C696365 user=alice", "user=<user:1> user=<user:1>");
    check_line("user=DEADBEEF user=313233", "user=<user:1> user=<user:2>");
    // /bin/su<NUL>user=alice
    let clean = veiled(&veil(LINE), b"type=PROCTITLE proctitle=2F62696E2F737500757365723D616C696365 end");
    let hex = clean.split(['=', ' ']).nth(3).unwrap();
    let decoded = data_encoding::HEXUPPER.decode(hex.as_bytes()).unwrap();
    assert_eq!(readable(&String::from_utf8(decoded).unwrap()), "/bin/su\0user=<user:1>");
    assert!(clean.ends_with(" end"));
}

#[test]
fn what_stands_for_nobody_stays() {
    for nobody in [
        "user=- session=0x3e7 mac_address=00:00:00:00:00:00",
        "0.0.0.0:22 [::] listen",
        "session={00000000-0000-0000-0000-000000000000}",
    ] {
        check_line(nobody, nobody);
    }
}

#[test]
fn the_name_of_the_next_pair_is_no_value() {
    check_line("user:  Account Name:  alice", "user:  Account Name:  <user:1>");
    check_line("user: Password: x1", "user: Password: <token:1>");
    check_line("user: alice session: 5f", "user: <user:1> session: <session:2>");
    check_line("/api/user: 403 MAC Address:hmac-sha2-256", "/api/user: 403 MAC Address:hmac-sha2-256");
}
