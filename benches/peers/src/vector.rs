//! VRL, the language that Vector transforms events with.

use crate::corpus::Chunk;
use crate::expressions::{EMAIL, IPV4, IPV6};
use crate::hashing::{TOKEN_CHARS, class_key, prefix_key};
use crate::{Agreement, Method};
use logveil::rules::Class;
use std::collections::BTreeMap;
use vrl::compiler::runtime::Runtime;
use vrl::compiler::{self, TargetValue, TimeZone};
use vrl::stdlib;
use vrl::value::{KeyString, Secrets, Value};

/// How `redact` replaces: it knows no key.
const REDACTOR: &str = r#"{"type": "sha2", "variant": "SHA-256", "encoding": "base16"}"#;

/// What the values of the events look like that have no name of their own to `redact`.
const SHAPES: [&str; 4] = [
    r"(?-u:\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)",
    r"(?-u:\b[0-9a-f]{24}\b)",
    r"(?-u:\busr_[0-9]+\b)",
    r"(?-u:Bearer [A-Za-z0-9._~+/-]+)",
];

/// The eight fields: addresses by `encrypt_ip`, tokens by `hmac`, the message by `redact`.
pub fn eight_fields() -> Method<'static> {
    let token = |field: &str, class: Class| {
        let key = format!("string!(%{})", key_name(class));
        format!("{field} = slice!(encode_base16(hmac(string!({field}), {key})), 0, {TOKEN_CHARS})\n")
    };
    let program = [
        ". = object!(parse_json!(string!(.message)))\n".to_owned(),
        ".client_ip = encrypt_ip!(.client_ip, %prefix_key, \"pfx\")\n".to_owned(),
        "hops = array!(.request.headers.x_forwarded_for)\n".to_owned(),
        ".request.headers.x_forwarded_for = map_values(hops) -> |hop| { encrypt_ip!(hop, %prefix_key, \"pfx\") }\n"
            .to_owned(),
        token(".request.headers.authorization", Class::Token),
        token(".user.id", Class::UserId),
        token(".user.email", Class::Email),
        token(".device.id", Class::Device),
        token(".session.id", Class::Session),
        format!(".message = {}\n", redact("string!(.message)", &[&[IPV4, IPV6, EMAIL].join("|")])),
        "encode_json(.)\n".to_owned(),
    ];
    method(&program.concat(), Agreement::Places)
}

/// Addresses in text. Versions of browsers are redacted, too, as an expression without look-around cannot tell them.
pub fn addresses() -> [Method<'static>; 2] {
    redactions(&[IPV4, IPV6], |filters| redact("string!(.message)", filters))
}

/// All texts of an event, searched for the shapes of what the eight fields hold.
pub fn whole_event() -> [Method<'static>; 2] {
    redactions(&[&[IPV4, IPV6, EMAIL], &SHAPES[..]].concat(), |filters| {
        format!("encode_json({})", redact("object!(parse_json!(string!(.message)))", filters))
    })
}

/// A program with a list of filters, as VRL's manual shows `redact`, and the same with all of them in one expression,
/// which goes over each text once.
fn redactions(filters: &[&str], program: impl Fn(&[&str]) -> String) -> [Method<'static>; 2] {
    let one = Method { name: "vrl-one-filter", ..method(&program(&[&filters.join("|")]), Agreement::Gone) };
    [method(&program(filters), Agreement::Gone), one]
}

fn redact(value: &str, filters: &[&str]) -> String {
    let filters: Vec<String> = filters.iter().map(|filter| format!("r'{filter}'")).collect();
    format!("redact({value}, filters: [{}], redactor: {REDACTOR})", filters.join(", "))
}

/// Runs a program on each line, which comes as Vector's sources bring it: the text in `.message`.
fn method(program: &str, agreement: Agreement) -> Method<'static> {
    let compiled = compiler::compile(program, &stdlib::all()).expect("the program is sound");
    let (mut runtime, time_zone) = (Runtime::default(), TimeZone::default());
    let keys = keys();
    let run = move |chunk: &Chunk, out: &mut Vec<u8>| {
        for line in chunk.line_bytes() {
            let message = Value::Bytes(line.to_vec().into());
            let mut target = TargetValue {
                value: Value::Object(BTreeMap::from([(KeyString::from("message"), message)])),
                metadata: keys.clone(),
                secrets: Secrets::default(),
            };
            runtime.clear();
            let clean =
                runtime.resolve(&mut target, &compiled.program, &time_zone).expect("the program fits the events");
            out.extend_from_slice(clean.as_bytes().expect("the program ends with a text"));
            out.push(b'\n');
        }
    };
    Method { name: "vrl", agreement, run: Box::new(run) }
}

/// The keys, where Vector keeps what is no part of the event.
fn keys() -> Value {
    let classes = [Class::Token, Class::UserId, Class::Email, Class::Device, Class::Session];
    let tokens = classes.map(|class| (KeyString::from(key_name(class)), class_key(class)));
    let all = [(KeyString::from("prefix_key"), prefix_key())].into_iter().chain(tokens);
    Value::Object(all.map(|(name, key)| (name, Value::Bytes(key.to_vec().into()))).collect())
}

fn key_name(class: Class) -> String {
    format!("{}_key", class.code().replace('-', "_"))
}
