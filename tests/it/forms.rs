//! Forms of writing that no pack names: objects as languages print them, rows below a header, names that are data,
//! encodings of a single value. By the shipped packs, as `auto` chooses them.

use crate::support::{auto, keyring, readable, record, veil, veiled};
use logveil::veil::{Batch, Outcome};

#[track_caller]
fn check(input: &str, expected: &str) {
    assert_eq!(readable(&veiled(auto(), input.as_bytes())), expected);
}

#[track_caller]
fn check_kept(input: &str) {
    check(input, input);
}

#[test]
fn objects_as_languages_print_them() {
    // Python.
    check(
        "{'user': 'alice', u'mail': u'a@example.com', 'n': 5, 'session': {'id': 'q1w2e3'}, 'ok': True}",
        "{'user': '<user:1>', u'mail': u'<email:2>', 'n': 5, 'session': {'id': '<session:3>'}, 'ok': True}",
    );
    // JavaScript.
    check(
        "payload={user: 'alice', roles: ['dev'], session: {id: \"q1w2e3\"}}",
        "payload={user: '<user:1>', roles: ['dev'], session: {id: \"<session:2>\"}}",
    );
    // Go.
    check(
        "map[user:alice roles:[dev ops] session:map[id:q1w2e3 ttl:30]] done",
        "map[user:<user:1> roles:[dev ops] session:map[id:<session:2> ttl:30]] done",
    );
    check(
        "&{Sessions:[{ID:q1w2e3 IP:192.0.2.1} {ID:a9s8d7 IP:192.0.2.1}]}",
        "&{Sessions:[{ID:<session:1> IP:<ip:2>} {ID:<session:3> IP:<ip:2>}]}",
    );
    // Ruby.
    check(
        r#"{"user"=>{"login"=>"alice"}, :session_id=>"q1w2e3"} #<User id: 7, name: "alice">"#,
        r#"{"user"=>{"login"=>"<user:1>"}, :session_id=>"<session:2>"} #<User id: <user-id:3>, name: "<user:1>">"#,
    );
    // Java and Kotlin.
    check(
        "User{id=4711, name='alice', session=Session{id='q1w2e3', ttl=30}} User(name=Alice Smith, x=1)",
        "User{id=<user-id:1>, name='<user:2>', session=Session{id='<session:3>', ttl=30}} User(name=<user:4>, x=1)",
    );
    // Rust.
    check(
        r#"User { id: 7, name: Some("alice"), last_ip: Some(192.0.2.1) }"#,
        r#"User { id: <user-id:1>, name: Some("<user:2>"), last_ip: Some(<ip:3>) }"#,
    );
    // Erlang and Elixir.
    check(
        r#"#user{id = 7, name = <<"alice">>, ip = {192,0,2,1}} from 192.0.2.1"#,
        r#"#user{id = <user-id:1>, name = <<"<user:2>">>, ip = {<ip:3>}} from <ip:3>"#,
    );
    // XML.
    check(r#"<user id="7" name="alice"/>"#, r#"<user id="<user-id:1>" name="<user:2>"/>"#);
}

#[test]
fn lists_are_replaced_item_by_item() {
    check("usernames=['alice', \"bob\"]", "usernames=['<user:1>', \"<user:2>\"]");
    check("users=[alice bob] n=1", "users=[<user:1> <user:2>] n=1");
    check(r#"{"users":["alice","bob"],"tags":["a"]}"#, r#"{"users":["<user:1>","<user:2>"],"tags":["a"]}"#);
}

#[test]
fn objects_that_are_nobody_stay() {
    check_kept("build(version=1.2.3, status=ok, path=/usr/bin, port=8080, action=deploy, process=make)");
    check_kept(
        "Request[method=GET, path=/a/b, status=200, duration=12ms] config{timeout: 30, levels: ['info', 'warn']}",
    );
    check_kept("map[app:web env:prod name:worker version:1.2.3] methods=[GET POST]");
    check_kept("user=[] session=() name={} Session (active) opened for service (name=cron)");
    check_kept("=INFO REPORT==== 1-Jan-2026::00:00:00 === accepting connection");
}

#[test]
fn a_forged_fragment_of_json() {
    check(
        r#"{"message":"x\",\"user\":{\"name\":\"alice\"},\"y\":\""}"#,
        r#"{"message":"x\",\"user\":{\"name\":\"<user:1>\"},\"y\":\""}"#,
    );
    check(r#"user={"name":"alice"} status=200"#, r#"user={"name":"<user:1>"} status=200"#);
    check(r"user: alice\nsession_id: q1w2e3", r"user: <user:1>\nsession_id: <session:2>");
}

#[test]
fn names_of_members_are_data() {
    check(
        r#"{"users":{"alice":{"n":1},"total":2},"hits_by_ip":{"192.0.2.1":3},"requestsPerUser":{"alice":1}}"#,
        r#"{"users":{"<user:1>":{"n":1},"total":2},"hits_by_ip":{"<ip:2>":3},"requestsPerUser":{"<user:1>":1}}"#,
    );
    check(
        r#"{"sessions":{"q1w2e3r4":{"ttl":30},"active":1,"last_24h":7}}"#,
        r#"{"sessions":{"<session:1>":{"ttl":30},"active":1,"last_24h":7}}"#,
    );
    check_kept(r#"{"users":{"total":5,"by_role":{"admin":1}},"devices":{"android":3},"status_by_code":{"200":4}}"#);
    check_kept(r#"{"errors_by_type":{"timeout":3},"latency_by_path":{"/api":4},"requests_by_method":{"GET":5}}"#);
}

#[test]
fn names_of_members_are_explained() {
    let text = br#"{"users":{"alice":{"n":1}}}"#;
    let explanation = auto().explain(&record(text));
    let places: Vec<_> = explanation.explained.iter().map(|found| (found.place.as_str(), found.span.clone())).collect();
    assert_eq!(places, [("users.*", 11..16)]);
}

#[test]
fn a_name_beside_a_mailbox_is_a_persons() {
    check(
        r#"{"owner_details":{"name":"Alice Example","email":"a@example.com"},"job":{"name":"Nightly Build"}}"#,
        r#"{"owner_details":{"name":"<person:1>","email":"<email:2>"},"job":{"name":"Nightly Build"}}"#,
    );
    check_kept(r#"{"owner_details":{"name":"billing","phone":null}}"#);
}

#[test]
fn addresses_in_other_spellings_are_the_same() {
    check(
        "1.2.0.192.in-addr.arpa 192-0-2-1.dyn.example.com 192.0.2.1.443 client_ip=3221225985",
        "<ip:1>.in-addr.arpa <ip:1>.dyn.example.com <ip:1>.443 client_ip=<ip:1>",
    );
    check(
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa is 2001:db8::1",
        "<ip:1>.ip6.arpa is <ip:1>",
    );
    check("zone 2.0.192.in-addr.arpa of 192.0.2.0/24", "zone <net:1>.in-addr.arpa of <net:1>/24");
}

#[test]
fn encoded_values_are_the_same() {
    check(
        r#"{"user":"alice.k","user_b64":"YWxpY2Uuaw==","acct_hex":"616c6963652e6b","user_name":"616C6963652E6B"}"#,
        r#"{"user":"<user:1>","user_b64":"<user:1>","acct_hex":"<user:1>","user_name":"<user:1>"}"#,
    );
    // An address by itself, though no name tells; and words that are none.
    check(r#"{"seen":"MTkyLjAuMi4x","from":"192.0.2.1"}"#, r#"{"seen":"<ip:1>","from":"<ip:1>"}"#);
    check_kept(r#"{"note":"aGVsbG8gd29ybGQ=","word":"dGVzdA=="}"#);
}

#[test]
fn encoded_words_of_mails() {
    check(
        "from =?utf-8?Q?Alice_Smith?= <alice@example.com>, =?utf-8?B?dG8gYm9iQGV4YW1wbGUuY29t?= =?utf-8?Q?hello?=",
        "from <person:1> <<email:2>>, <text:3>",
    );
    check_kept("subject =?utf-8?Q?hello?= a =?b c?=d");
}

/// The clean rows below a header, one line each.
fn rows(lines: &[&str]) -> Vec<String> {
    let rows = auto().rows_below(lines[0].as_bytes());
    let records: Vec<_> = lines.iter().map(|line| record(line.as_bytes())).collect();
    let mut batch = Batch::default();
    auto().batch_of_rows(&keyring(), &records, rows.as_ref(), &mut batch);
    let clean = |index: usize| match batch.outcome(index, &records[index]) {
        Outcome::Clean(clean) => readable(std::str::from_utf8(clean.payload().unwrap()).unwrap()),
        Outcome::Quarantine(reason) => reason.to_string(),
    };
    (0..lines.len()).map(clean).collect()
}

#[test]
fn a_header_names_the_columns() {
    assert_eq!(
        rows(&[
            "time,user_name,client_ip,note",
            "2026-01-01,alice,192.0.2.1,\"a, \"\"b\"\"\"",
            "2026-01-01,\"Smith, Alice\",192.0.2.1,",
            "too few",
            r#"{"user":"alice"}"#,
        ]),
        [
            "time,user_name,client_ip,note",
            "2026-01-01,<user:1>,<ip:2>,\"a, \"\"b\"\"\"",
            "2026-01-01,\"<user:1>\",<ip:2>,",
            "too few",
            r#"{"user":"<user:1>"}"#,
        ]
    );
    for (header, row, clean) in [
        ("Date;Source IP;User;Action", "1;192.0.2.1;alice;x", "1;<ip:1>;<user:2>;x"),
        ("time|user|session_id", "1|alice|q1w2e3", "1|<user:1>|<session:2>"),
        ("#Fields: date c-ip cs-username sc-status", "1 192.0.2.1 alice 200", "1 <ip:1> <user:2> 200"),
        ("#Fields: date c-ip cs-username sc-status", "1\t192.0.2.1\talice\t200", "1\t<ip:1>\t<user:2>\t200"),
        ("#fields\tts\tid.orig_h\tuser", "1\t192.0.2.1\talice", "1\t<ip:1>\t<user:2>"),
    ] {
        assert_eq!(rows(&[header, row])[1], clean, "{header}");
    }
}

#[test]
fn lines_below_a_header_that_are_no_rows() {
    for header in ["#Fields: date time s-ip cs-method cs-uri-stem sc-status", "#Fields: a b c d e f g h i j k"] {
        assert_eq!(
            rows(&[
                header,
                "Jan  1 00:00:00 bastion login[860]: LOGIN ON tty1 BY alice",
                "Jan  1 00:00:00 bastion sshd[811]: User alice account has expired",
            ])[1..],
            [
                "Jan  1 00:00:00 bastion login[860]: LOGIN ON tty1 BY <user:1>",
                "Jan  1 00:00:00 bastion sshd[811]: User <user:1> account has expired",
            ],
            "{header}"
        );
    }
    // As many values as names, and a column that no rule speaks of.
    let header = "#Fields: x-a x-b cs-username";
    assert_eq!(rows(&[header, "a mail=b@example.com alice"])[1], "a mail=<email:1> <user:2>");
    assert_eq!(rows(&[header, "a b alice  "])[1], "a b <user:1>  ");
    assert_eq!(rows(&[header, "a b alice too"])[1], "a b alice too");
}

#[test]
fn nobody_destroys_a_line_by_what_he_is_called() {
    check(
        r#"203.0.113.9 - Nov [02/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "-""#,
        r#"<ip:1> - <user:2> [02/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "-""#,
    );
    for name in ["10:00:00", "Failed", "sshd", "web1"] {
        check(
            &format!(
                "Nov 12 10:00:00 web1 sshd[811]: Failed password for invalid user {name} from 203.0.113.9 port 4022 ssh2"
            ),
            "Nov 12 10:00:00 web1 sshd[811]: Failed password for invalid user <user:1> from <ip:2> port 4022 ssh2",
        );
    }
    check(
        "Nov 12 10:00:00 web1 sshd[40222]: Failed password for invalid user 40222 from 203.0.113.9 port 40222 ssh2",
        "Nov 12 10:00:00 web1 sshd[40222]: Failed password for invalid user <user:1> from <ip:2> port 40222 ssh2",
    );
}

#[test]
fn what_is_no_header_names_nothing() {
    for line in
        ["alice,login,ok", "time,count,total", "a,b,c", "user=alice,ip=192.0.2.1,x=1", "2026-01-01,alice,bob", ""]
    {
        assert!(auto().rows_below(line.as_bytes()).is_none(), "{line}");
    }
}

#[test]
fn a_record_may_hold_its_header() {
    check("time,user,action\n1,alice,login\n2,bob,logout\n", "time,user,action\n1,<user:1>,login\n2,<user:2>,logout\n");
}

const COLUMNS: &str = r#"
name = "test"
version = 1
format = "line"

[[line]]
id = "row"
columns = ["time", "Source IP", "user", "note"]
separator = ";"

[[rule]]
id = "user"
select = "user"
class = "user"

[[rule]]
id = "ip"
named = "source_ip"
class = "ip"
"#;

#[test]
fn a_pack_names_the_columns() {
    let veil = veil(COLUMNS);
    for (input, expected) in [
        ("1;192.0.2.1;alice;a;b", "1;<ip:1>;<user:2>;a;b"),
        ("1;192.0.2.1;\"a;b\";", "1;<ip:1>;\"<user:2>\";"),
        ("1;192.0.2.1", "quarantine: not-line"),
    ] {
        assert_eq!(readable(&veiled(&veil, input.as_bytes())), expected, "{input}");
    }
}
