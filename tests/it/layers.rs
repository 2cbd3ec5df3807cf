//! Texts inside texts: every spelling of an entity in every layer has one pseudonym, and what is not an entity stays.

#![expect(clippy::string_slice, reason = "tests slice texts of their own")]

use crate::support::{readable, veil, veiled};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use proptest::prelude::*;

const PACK: &str = r#"
name = "test"
version = 1
format = "json"
ambiguous = ["root", "user"]

[[rule]]
id = "user"
named = ["user", "username", "login", "sub_name"]
class = "user"

[[rule]]
id = "person"
named = ["first_name", "last_name", "display_name", "person"]
class = "person"

[[rule]]
id = "user-id"
named = ["user_id", "sub"]
select = ["**.user.id"]
class = "user-id"

[[rule]]
id = "session"
named = ["sid", "session_id"]
class = "session"

[[rule]]
id = "token"
named = ["authorization", "token"]
class = "token"

[[rule]]
id = "cookies"
named = ["cookie", "set_cookie"]
class = "token"
parse = "cookies"

[[rule]]
id = "addresses"
named = ["client_ip", "x_forwarded_for"]
class = "ip"

[[rule]]
id = "mail"
named = ["to"]
class = "email"

[[rule]]
id = "mac"
named = ["mac"]
class = "mac"

[[rule]]
id = "agent"
named = ["user_agent"]
class = "user-agent"

[[rule]]
id = "message"
select = "msg"
parse = "auto"

[[message]]
id = "failed"
pattern = 'Failed password for <user:greedy> from <client_ip> port <port:int>'
"#;

#[track_caller]
fn check(input: &str, expect: &str) {
    assert_eq!(readable(&veiled(&veil(PACK), input.as_bytes())), expect, "input {input}");
}

/// The readable clean text of one field.
fn text(value: &str) -> String {
    let event = serde_json::json!({ "x": value }).to_string();
    let clean = veiled(&veil(PACK), event.as_bytes());
    let clean: serde_json::Value = serde_json::from_str(&clean).unwrap_or_else(|_| panic!("{clean}"));
    clean["x"].as_str().expect("a text stays one").to_owned()
}

#[track_caller]
fn check_text(value: &str, expect: &str) {
    assert_eq!(readable(&text(value)), expect, "input {value}");
}

fn jwt(claims: &str) -> String {
    let part = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
    format!("{}.{}.{}", part(r#"{"alg":"HS256","typ":"JWT"}"#), part(claims), "c2lnbmF0dXJl")
}

/// The claims of the token in a text, readable, and what stands behind them.
fn claims(text: &str) -> (String, String) {
    let start = text.find("eyJ").unwrap_or_else(|| panic!("no token in {text}"));
    let mut parts = text[start..].splitn(3, '.');
    let header = BASE64URL_NOPAD.decode(parts.next().expect("a header").as_bytes()).expect("base64");
    assert_eq!(header, br#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = BASE64URL_NOPAD.decode(parts.next().expect("claims").as_bytes()).expect("base64");
    (String::from_utf8(claims).expect("JSON"), parts.next().expect("a signature's place").to_owned())
}

#[test]
fn urls() {
    check_text(
        "https://alice:hunter2@example.com:8443/u/alice@example.net/x?user=bob&ip=192.0.2.1&n=5#login=carol",
        "https://<user:1>:token.dropped@example.com:8443/u/<email:2>/x?user=<user:3>&ip=<ip:4>&n=5#login=<user:5>",
    );
    check_text("/x?user=bob%40example.com&q=a%20b", "/x?user=<email:1>&q=a%20b");
    check_text("/x?person=Alice%20Example", "/x?person=<person:1>");
    check_text("/x?next=%2Flogin%3Fuser%3Dbob%26x%3D1", "/x?next=%2Flogin%3Fuser%3D<user:1>%26x%3D1");
    check_text("/x?a=%252Flogin%253Fuser%253Dbob", "/x?a=%252Flogin%253Fuser%253D<user:1>");
}

#[test]
fn form_bodies() {
    check_text(
        "user=alice&first_name=Anna+Lena&token=s3cr3t%2Fx&csrf=1",
        "user=<user:1>&first_name=<person:2>&token=<token:3>&csrf=1",
    );
    let clean = text("a person=Anna+Lena b person=\"Anna Lena\" c person=Anna%20Lena");
    assert_eq!(readable(&clean), "a person=<person:1> b person=\"<person:1>\" c person=<person:1>");
}

#[test]
fn cookies() {
    check(
        r#"{"cookie":"sid=abc123; theme=dark; user=alice","x":"session abc123 of alice"}"#,
        r#"{"cookie":"sid=<session:1>; theme=<token:2>; user=<user:3>","x":"session <session:1> of <user:3>"}"#,
    );
    check(
        r#"{"set_cookie":"sid=abc123; Path=/; HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT"}"#,
        r#"{"set_cookie":"sid=<session:1>; Path=/; HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT"}"#,
    );
    check(r#"{"cookie":["a=b%3D1","opaque"]}"#, r#"{"cookie":["a=<token:1>","<token:2>"]}"#);
    check_text(
        "GET / HTTP/1.1\r\nCookie: sid=abc123; _ga=GA1.2.3; x=y\r\nHost: h",
        "GET / HTTP/1.1\r\nCookie: sid=<session:1>; _ga=<token:2>; x=<token:3>\r\nHost: h",
    );
}

#[test]
fn basic_credentials_are_a_name_and_a_password() {
    let credential = BASE64.encode(b"alice:hunter2");
    for event in [
        format!(r#"{{"authorization":"Basic {credential}","user":"alice"}}"#),
        format!(r#"{{"x":"Authorization: Basic {credential}","user":"alice"}}"#),
        format!(r#"{{"x":"curl -H 'Authorization: Basic {credential}'","user":"alice"}}"#),
    ] {
        let clean = veiled(&veil(PACK), event.as_bytes());
        let at = clean.find("Basic ").expect("the scheme stays") + "Basic ".len();
        let base64 = clean[at..].split(['"', '\'']).next().expect("a credential");
        let decoded = String::from_utf8(BASE64.decode(base64.as_bytes()).expect("base64 stays")).expect("text");
        let (user, password) = decoded.split_once(':').expect("a name and a password");
        assert_eq!(password, "token.dropped");
        assert!(clean.contains(&format!(r#""user":"{user}""#)), "{clean} {decoded}");
    }
}

#[test]
fn parameters_of_credentials() {
    check(
        r#"{"authorization":"Digest username=\"alice\", realm=\"x\", nonce=\"abc\", uri=\"/?user=bob\", nc=01, response=\"fe5f\""}"#,
        r#"{"authorization":"Digest username=\"<user:1>\", realm=\"x\", nonce=\"<token:2>\", uri=\"/?user=<user:3>\", nc=01, response=\"<token:4>\""}"#,
    );
    check(
        r#"{"authorization":"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;range, Signature=fe5f80","x":"key AKIAIOSFODNN7EXAMPLE"}"#,
        r#"{"authorization":"AWS4-HMAC-SHA256 Credential=<token:1>/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;range, Signature=<token:2>","x":"key <token:1>"}"#,
    );
    check(r#"{"authorization":"Bearer mF_9.B5f-4.1JqM"}"#, r#"{"authorization":"Bearer <token:1>"}"#);
}

#[test]
fn claims_of_a_token_have_the_pseudonyms_of_other_fields() {
    let token = jwt(
        r#"{"iss":"https://example.com","sub":"u-17","sid":"abc123","email":"alice@example.com","name":"Alice Example","iat":1767225600,"preferred_username":"alice","jti":"t-1"}"#,
    );
    for value in [
        format!(r#""authorization":"Bearer {token}""#),
        format!(r#""x":"got {token} today""#),
        format!(r#""x":"/cb?id_token={token}&state=1""#),
        format!(r#""cookie":"auth={token}; x=1""#),
    ] {
        let event = format!(
            r#"{{{value},"user_id":"u-17","session_id":"abc123","m":"alice@example.com","person":"alice  example","user":"Alice"}}"#
        );
        let clean = veiled(&veil(PACK), event.as_bytes());
        let (claims, behind) = claims(&clean);
        assert!(!behind.contains("c2lnbmF0dXJl"), "the signature is gone: {clean}");
        let clean: serde_json::Value = serde_json::from_str(&clean).expect("clean JSON");
        let claims: serde_json::Value = serde_json::from_str(&claims).expect("claims stay JSON");
        for (claim, field) in [
            ("sub", "user_id"),
            ("sid", "session_id"),
            ("email", "m"),
            ("name", "person"),
            ("preferred_username", "user"),
        ] {
            assert_eq!(claims[claim], clean[field], "{claim}");
        }
        assert_eq!((&claims["iss"], &claims["iat"]), (&"https://example.com".into(), &1_767_225_600.into()));
        assert_eq!(readable(claims["jti"].as_str().expect("a text")), "<token:1>");
    }
}

#[test]
fn tokens_that_cannot_be_read_go_whole() {
    check(r#"{"token":"eyJhbGciOiJIUzI1NiJ9.bm90IGpzb24.c2ln"}"#, r#"{"token":"<token:1>"}"#);
    check_text("a eyJhbGciOiJkaXIifQ.a.b.c.d z", "a <token:1> z");
}

#[test]
fn base64_of_text_is_read() {
    let encoded = |text: &str| BASE64.encode(text.as_bytes());
    for (inner, expect) in [
        (r#"{"user":"alice","n":1}"#, r#"{"user":"<user:1>","n":1}"#),
        ("GET /?user=alice HTTP/1.1", "GET /?user=<user:1> HTTP/1.1"),
        ("client 192.0.2.1 said no", "client <ip:1> said no"),
    ] {
        let clean = text(&format!("payload {} end", encoded(inner)));
        let base64 = clean.split(' ').nth(1).expect("a word");
        let decoded = BASE64.decode(base64.as_bytes()).unwrap_or_else(|_| panic!("{clean}"));
        assert_eq!(readable(std::str::from_utf8(&decoded).expect("text")), expect, "{clean}");
    }
    // In a form the blank behind it is a letter of base64.
    let encoded_client = encoded("client 192.0.2.1 said no");
    for around in [
        format!("a=1&q=data%3D{encoded_client}+end"),
        format!("q=x+y+{encoded_client}+and+more"),
        format!("/x/ordinary-segments/{encoded_client}/end"),
        format!("{encoded_client}+{encoded_client}"),
        format!("q={}+and+more", encoded("client 192.0.2.1 said no １ ").replace('+', "%2B")),
    ] {
        let clean = text(&around);
        assert!(clean != around && !clean.contains(&encoded_client), "{clean}");
    }
    // Other scripts give base64 with a sign in every few letters.
    let encoded_wide = encoded("x１９２．０．２．１");
    assert!(encoded_wide.split(['+', '/']).all(|word| word.len() < 13), "{encoded_wide}");
    let clean = text(&format!("payload {encoded_wide} end"));
    assert!(!clean.contains(&encoded_wide), "{clean}");
    for harmless in [encoded("nothing to see here, move on"), "/usr/lib/x86_64-linux-gnu/libc".to_owned()] {
        check_text(&harmless, &harmless);
    }
    // What is found elsewhere in the record must not stay inside: then the whole goes.
    let clean =
        veiled(&veil(PACK), format!(r#"{{"x":"{}","user":"zoe"}}"#, encoded("user=bob hello zoe!!")).as_bytes());
    assert_eq!(readable(&clean), r#"{"x":"<text:1>","user":"<user:2>"}"#);
}

#[test]
fn base64_in_a_form_stays_base64_with_its_plus_escaped() {
    // The bracket becomes a plus where it ends three bytes, which moves with the length of the pseudonym.
    for inner in ["<p>client 192.0.2.1 done</p>", "<p>client 192.0.2.17 done</p>", "<p>client 192.0.2.177 done</p>"] {
        for (plus, around) in [("%2B", "data%3D"), ("%252B", "a%3Db%2526data%253D")] {
            let encoded = BASE64.encode(inner.as_bytes()).replace('+', plus).replace('=', "");
            let clean = text(&format!("a=1&q={around}{encoded}&b=2"));
            let base64 = clean.split(around).nth(1).and_then(|rest| rest.split('&').next()).expect("a form");
            let base64 = base64.replace(plus, "+");
            let decoded = data_encoding::BASE64_NOPAD.decode(base64.as_bytes()).unwrap_or_else(|_| panic!("{clean}"));
            let decoded = readable(std::str::from_utf8(&decoded).expect("text"));
            assert_eq!(decoded, "<p>client <ip:1> done</p>", "{clean}");
            assert!(!clean.contains('+'), "{clean}");
        }
    }
}

#[test]
fn references_and_full_width() {
    check_text("mail to alice&#64;example.com &quot;x&quot;", "mail to <email:1> &quot;x&quot;");
    check_text("from １９２．０．２．１ and 192.0.2.1", "from <ip:1> and <ip:1>");
    check_text("ａｌｉｃｅ＠example.com alice@example.com", "<email:1> <email:1>");
}

#[test]
fn address_lists_with_hosts_and_nodes() {
    check(
        r#"{"x_forwarded_for":"192.0.2.1:443, [2001:db8::1]:80, unknown, proxy.example.com, _hidden","client_ip":"IPV4/TCP/192.0.2.1/5060"}"#,
        r#"{"x_forwarded_for":"<ip:1>:443, [<ip:2>]:80, unknown, <host:3>, <text:4>","client_ip":"IPV4/TCP/<ip:1>/5060"}"#,
    );
    check(
        r#"{"x_forwarded_for":"for=192.0.2.43;proto=https;by=203.0.113.43, for=\"[2001:db8:cafe::17]:4711\""}"#,
        r#"{"x_forwarded_for":"for=<ip:1>;proto=https;by=<ip:2>, for=\"[<ip:3>]:4711\""}"#,
    );
}

#[test]
fn mailboxes_and_hardware_addresses() {
    check(
        r#"{"to":"Alice Example <alice@example.com>, bob@example.com"}"#,
        r#"{"to":"<person:1> <<email:2>>, <email:3>"}"#,
    );
    check(
        r#"{"mac":"aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:08:00","x":"AA-BB-CC-DD-EE-FF"}"#,
        r#"{"mac":"<mac:1>:<mac:2>:08:00","x":"<mac:1>"}"#,
    );
}

#[test]
fn labels_name_their_values() {
    for event in [
        r#"{"a":[{"name":"user","value":"alice"},{"key":"http.user_agent","value":"curl/8.5.0"}]}"#,
        r#"{"a":[{"value":"alice","name":"User"},{"Name":"UserAgent","NewValue":"curl/8.5.0"}]}"#,
        r#"{"a":[{"key":"user","value":{"stringValue":"alice"}},{"@Name":"user.agent","\#text":"curl/8.5.0"}]}"#,
    ] {
        let event = event.replace("\\#", "#");
        let clean = readable(&veiled(&veil(PACK), event.as_bytes()));
        assert!(clean.contains("<user:1>") && clean.contains("curl 8") && !clean.contains("alice"), "{clean}");
    }
    check(r#"{"a":{"name":"user_id","value":12345678}}"#, r#"{"a":{"name":"user_id","value":"<user-id:1>"}}"#);
    check(r#"{"a":{"value":12345678,"name":"user_id"}}"#, r#"{"a":{"value":"<user-id:1>","name":"user_id"}}"#);
    check(r#"{"a":{"name":"color","value":"blue"}}"#, r#"{"a":{"name":"color","value":"blue"}}"#);
}

#[test]
fn members_below_a_named_object() {
    check(
        r#"{"user":{"first":"Anna","last":"Lena","name":"alice","id":77777,"role":"admin"}}"#,
        r#"{"user":{"first":"<person:1>","last":"<person:2>","name":"<user:3>","id":"<user-id:4>","role":"admin"}}"#,
    );
    check(r#"{"login":{"value":"alice"}}"#, r#"{"login":{"value":"<user:1>"}}"#);
    check(r#"{"login":["alice",["bob"]]}"#, r#"{"login":["<user:1>",["<user:2>"]]}"#);
}

#[test]
fn relaxed_json_and_other_spellings_of_pairs() {
    check_text("{'user': 'alice', 'n': None}", "{'user': '<user:1>', 'n': None}");
    check_text("event.user.id=77777 ctx.login=bob", "event.user.id=<user-id:1> ctx.login=<user:2>");
    check_text(r"user=EXAMPLE\\alice", "user=<user:1>");
}

#[test]
fn one_value_is_one_thing_in_a_record() {
    const ID: &str = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    check(
        &format!(r#"{{"x":"for {ID} and {{{}}}","user_id":"{ID}"}}"#, ID.to_uppercase()),
        r#"{"x":"for <user-id:1> and {<user-id:1>}","user_id":"<user-id:1>"}"#,
    );
    check(&format!(r#"{{"x":"for {ID}"}}"#), r#"{"x":"for <device:1>"}"#);
    check(
        r#"{"cookie":"other=abc123; sid=def456","session_id":"abc123","token":"def456"}"#,
        r#"{"cookie":"other=<session:1>; sid=<session:2>","session_id":"<session:1>","token":"<session:2>"}"#,
    );
    check(
        r#"{"user":"bob","x":"bob <bob@example.com> BOB b%6Fb \u0062ob robobob"}"#,
        r#"{"user":"<user:1>","x":"<user:1> <<email:2>> <user:1> <user:1> <user:1> robobob"}"#,
    );
    check(r#"{"user":"root","x":"/root/a and root@web1"}"#, r#"{"user":"<user:1>","x":"/root/a and root@web1"}"#);
}

/// What made others leak: addresses with too many digits, and overlaps of two kinds of entities.
#[test]
fn hostile_values() {
    check_text(
        "1a00:c820:1180:c84c::ad3f:d991:ec2e:49255 [2001:db8::1]:443] ::ffff:192.0.2.1 192.0.2.1 fe80::1%eth0",
        "<ip:1>:49255 [<ip:2>]:443] <ip:3> <ip:3> <ip:4>",
    );
    let clean = text("1a00:c820:1180:c84c::ad3f:d991:ec2e:492555");
    assert!(!clean.contains("1a00") && !clean.contains("ad3f"), "{clean}");
    check_text("192.0.2.1, 198.51.100.1, unknown", "<ip:1>, <ip:2>, unknown");
    check(
        r#"{"h":{"Authorization":["Bearer x1","Bearer y1"]}}"#,
        r#"{"h":{"Authorization":["Bearer <token:1>","Bearer <token:2>"]}}"#,
    );
    check(r#"{"Cookie":{"sid":"abc123","a":"b"}}"#, r#"{"Cookie":{"sid":"<session:1>","a":"b"}}"#);
    check(r#"{"token":12345,"n":4111111111111111}"#, r#"{"token":"<token:1>","n":"<card:2>"}"#);
    check_text("password: alice@example.com x", "password: <email:1> x");
    check_text("pan 4111 1111 1111 1111 tel +1 202-555-0123", "pan <card:1> tel <phone:2>");
    let long = format!("{} user=alice {}", "word ".repeat(13_000), "192.0.2.1 ".repeat(6_000));
    let clean = text(&long);
    assert!(!clean.contains("alice") && !clean.contains("192.0.2.1"));
}

#[test]
fn every_line_of_a_record_has_its_shape() {
    check(
        r#"{"msg":"boot\nFailed password for alice from 192.0.2.1 port 22\u2028Failed password for bob from 192.0.2.1 port 22"}"#,
        r#"{"msg":"boot\nFailed password for <user:1> from <ip:2> port 22\u2028Failed password for <user:3> from <ip:2> port 22"}"#,
    );
}

#[test]
fn what_is_too_deep_goes_whole() {
    let mut value = r#"{"user":"alice"}"#.to_owned();
    for _ in 0..11 {
        value = serde_json::json!({ "x": value }).to_string();
    }
    let clean = veiled(&veil(PACK), value.as_bytes());
    assert!(!clean.contains("alice") && clean.contains("text."), "{clean}");
    let percent = (0..20).fold("user%3Dalice".to_owned(), |text, _| text.replace('%', "%25"));
    assert!(!text(&percent).contains("alice"));
}

/// A layer around a text.
#[derive(Debug, Clone, Copy)]
enum Wrap {
    Json,
    Percent,
    Base64,
    Words,
    Escaped,
}

fn wrapped(text: &str, wrap: Wrap) -> String {
    match wrap {
        Wrap::Json => serde_json::json!({ "body": text }).to_string(),
        Wrap::Percent => {
            let percent = |byte: u8| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            };
            format!("/x?q={}", text.bytes().map(percent).collect::<String>())
        }
        Wrap::Base64 => format!("data={} end", BASE64.encode(text.as_bytes())),
        Wrap::Words => format!("got \"{text}\" back"),
        Wrap::Escaped => {
            let json = serde_json::to_string(text).expect("a string serialises");
            format!("message: {json}")
        }
    }
}

/// Undoes a layer.
fn unwrapped(text: &str, wrap: Wrap) -> Option<String> {
    Some(match wrap {
        Wrap::Json => serde_json::from_str::<serde_json::Value>(text).ok()?["body"].as_str()?.to_owned(),
        Wrap::Percent => {
            let mut decoded = Vec::new();
            logveil::decode::escape::Undo::Any.flatten(text.strip_prefix("/x?q=")?.as_bytes(), &mut decoded);
            if decoded.is_empty() { text.strip_prefix("/x?q=")?.to_owned() } else { String::from_utf8(decoded).ok()? }
        }
        Wrap::Base64 => {
            let base64 = text.strip_prefix("data=")?.strip_suffix(" end")?;
            String::from_utf8(BASE64.decode(base64.as_bytes()).ok()?).ok()?
        }
        Wrap::Words => text.strip_prefix("got \"")?.strip_suffix("\" back")?.to_owned(),
        Wrap::Escaped => serde_json::from_str(text.strip_prefix("message: ")?).ok()?,
    })
}

fn any_wrap() -> impl Strategy<Value = Wrap> {
    prop::sample::select(&[Wrap::Json, Wrap::Percent, Wrap::Base64, Wrap::Words, Wrap::Escaped][..])
}

/// An entity that its shape gives away, in two spellings.
fn entity() -> impl Strategy<Value = (String, String)> {
    let ipv4 = any::<[u8; 4]>().prop_map(|octets| {
        let plain = octets.map(|octet| octet.to_string()).join(".");
        let padded = octets.map(|octet| format!("{octet:03}")).join(".");
        (plain, padded)
    });
    let ipv6 = (any::<u128>(), any::<bool>()).prop_map(|(bits, upper)| {
        let address = std::net::Ipv6Addr::from_bits(bits >> 3 | 1 << 125);
        let full = address.segments().map(|group| format!("{group:04x}")).join(":");
        (address.to_string(), if upper { full.to_uppercase() } else { full })
    });
    let mapped = any::<[u8; 4]>().prop_map(|octets| {
        let address = std::net::Ipv4Addr::from(octets);
        (format!("[{address}]:443"), format!("[{}]:443", address.to_ipv6_mapped()))
    });
    let mac = any::<[u8; 6]>().prop_map(|octets| {
        let digits = octets.map(|octet| format!("{octet:02x}"));
        (digits.join(":"), digits.join("-").to_uppercase())
    });
    let email =
        "[a-z]{3,8}\\.[a-z]{1,8}@[a-z]{3,8}\\.(com|org)".prop_map(|email| (email.clone(), email.to_uppercase()));
    let uuid = any::<u128>().prop_map(|bits| {
        let hex = format!("{bits:032x}");
        let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        (uuid.clone(), format!("{{{}}}", uuid.to_uppercase()))
    });
    prop_oneof![ipv4, ipv6, mapped, mac, email, uuid]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Both spellings come out as one token, in any layers, and the layers stay what they were.
    #[test]
    fn any_spelling_in_any_layer_has_one_pseudonym(
        (first, second) in entity(),
        wraps in prop::collection::vec(any_wrap(), 0..4),
    ) {
        let inner = format!("client {first} and again {second} done");
        let outer = wraps.iter().fold(inner, |text, wrap| wrapped(&text, *wrap));
        let mut clean = text(&outer);
        for wrap in wraps.iter().rev() {
            let inner = unwrapped(&clean, *wrap);
            prop_assert!(inner.is_some(), "{wrap:?} around {clean} from {outer}");
            clean = inner.unwrap_or_default();
        }
        let clean = readable(&clean);
        prop_assert_eq!(clean.matches(":1>").count(), 2, "{} from {}", clean, outer);
        prop_assert!(clean.starts_with("client ") && clean.ends_with(" done"), "{}", clean);
    }

    /// A name that a pair gives away stands nowhere in the output, whatever is around it.
    #[test]
    fn no_canary_comes_out_of_any_layer(
        canary in "canary[a-z]{6}",
        name in prop::sample::select(&["user", "login", "sid", "person", "user_id"][..]),
        wraps in prop::collection::vec(any_wrap(), 0..4),
    ) {
        let outer = wraps.iter().fold(format!("{name}={canary} and {canary}"), |text, wrap| wrapped(&text, *wrap));
        let clean = text(&outer);
        let mut texts = vec![clean];
        for wrap in wraps.iter().rev() {
            let inner = texts.last().and_then(|text| unwrapped(text, *wrap));
            texts.extend(inner);
        }
        for clean in texts {
            prop_assert!(!clean.contains(&canary), "{clean} from {outer}");
        }
    }

    /// Text without an entity comes out as it went in, under any layers.
    #[test]
    fn unrelated_text_is_untouched_in_any_layer(
        words in prop::collection::vec("[a-z]{1,9}", 1..6),
        wraps in prop::collection::vec(any_wrap(), 0..4),
    ) {
        let outer = wraps.iter().fold(words.join(" "), |text, wrap| wrapped(&text, *wrap));
        prop_assert_eq!(text(&outer), outer);
    }
}
