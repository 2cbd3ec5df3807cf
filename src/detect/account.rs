//! Identifiers of accounts: Windows security identifiers and Amazon resource names.

use super::scan::{byte, byte_before, opens_word, part, run_end, work};
use std::ops::Range;

/// Numbers behind `S-1-` that a security identifier of an account has at least: an authority and three more. Shorter ones
/// are the same on every machine: `S-1-5-18` is the system (MS-DTYP, section 2.4.2.4).
const SID_NUMBERS_MIN: usize = 4;
/// Digits of an account of Amazon Web Services.
const AWS_ACCOUNT_DIGITS: usize = 12;
/// Longest account, region or service in a resource name.
const FIELD_BYTES_MAX: usize = 64;

/// Finds the security identifier (MS-DTYP, section 2.4.2.1) whose first hyphen stands at `anchor`: `S-1-5-21-…-1001`.
pub(super) fn sid_at(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let start = anchor.checked_sub(1)?;
    if anchor < *done || !part(text, start..anchor + 3).eq_ignore_ascii_case(b"S-1-") || !opens_word(text, start) {
        return None;
    }
    let mut end = anchor + 2;
    let mut numbers = 0;
    while byte(text, end) == Some(b'-') {
        let number_end = run_end(text, end + 1, |byte| byte.is_ascii_digit());
        if number_end == end + 1 {
            break;
        }
        end = number_end;
        numbers += 1;
    }
    *done = end;
    (numbers >= SID_NUMBERS_MIN).then_some(start..end)
}

/// What stands in an Amazon resource name that points to an account or a person.
pub(super) struct ResourceName {
    /// The account's number.
    pub(super) account: Option<Range<usize>>,
    /// The name of a user, or of the session of an assumed role, which is a user's as often.
    pub(super) user: Option<Range<usize>>,
}

/// Reads the resource name whose first colon stands at `anchor`: `arn:partition:service:region:account:resource`
/// (AWS General Reference, "Amazon Resource Names").
pub(super) fn arn_at(text: &[u8], anchor: usize, done: &mut usize) -> Option<ResourceName> {
    let start = anchor.checked_sub(3)?;
    if anchor < *done || part(text, start..anchor) != b"arn" || !opens_word(text, start) {
        return None;
    }
    let field_end = |from: usize| {
        let text = text.get(..text.len().min(from + FIELD_BYTES_MAX)).unwrap_or_default();
        let end = run_end(text, from, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (byte(text, end) == Some(b':')).then_some(end)
    };
    let partition = field_end(anchor + 1).filter(|end| part(text, anchor + 1..*end).starts_with(b"aws"))?;
    let service = field_end(partition + 1)?;
    let region = field_end(service + 1)?;
    let account_end = field_end(region + 1)?;
    *done = account_end;
    let account = region + 1..account_end;
    work::count(account.len());
    let is_account = account.len() == AWS_ACCOUNT_DIGITS && part(text, account.clone()).iter().all(u8::is_ascii_digit);
    let user = match part(text, partition + 1..service) {
        b"iam" | b"sts" => user_of(text, account_end + 1),
        _ => None,
    };
    Some(ResourceName { account: is_account.then_some(account), user })
}

/// The user in a resource that starts at `start`: `user/path/alice`, `assumed-role/role/alice`, `federated-user/alice`.
fn user_of(text: &[u8], start: usize) -> Option<Range<usize>> {
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&byte);
    let end = run_end(text, start, is_path);
    let end = if byte_before(text, end).is_some_and(|byte| b",.".contains(&byte)) { end - 1 } else { end };
    let resource = part(text, start..end);
    let kinds: [&[u8]; 3] = [b"user/", b"assumed-role/", b"federated-user/"];
    kinds.iter().find(|kind| resource.starts_with(kind))?;
    work::count(resource.len());
    // The path before a name is an organisation's; an assumed role without a session has none.
    let name = start + resource.iter().rposition(|byte| *byte == b'/')? + 1;
    let steps = resource.iter().filter(|byte| **byte == b'/').count();
    (name < end && (steps > 1 || !resource.starts_with(b"assumed-role/"))).then_some(name..end)
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::check;

    #[test]
    fn security_identifiers() {
        for text in ["{}", "({})", "sid={},", "user S-1-5-18 and {}.", "\\t{}\\t", "%3D{}"] {
            let sid = "S-1-5-21-3623811015-3361044348-30300820-1013";
            check(&text.replace("{}", sid), &[&format!("sid:{sid}")]);
        }
        check("s-1-12-1-1111-2222-3333-4444", &["sid:s-1-12-1-1111-2222-3333-4444"]);
        check("S-1-5-5-0-12345678", &["sid:S-1-5-5-0-12345678"]);
        for text in ["S-1-5-18", "S-1-1-0", "S-1-5-32-544", "S-1-", "XS-1-5-21-1-2-3-4", "S-1-5-x"] {
            check(text, &[]);
        }
    }

    #[test]
    fn resource_names() {
        for (arn, expected) in [
            ("arn:aws:iam::123456789012:user/alice", &["account:123456789012", "login:alice"][..]),
            ("arn:aws:iam::123456789012:user/division/alice", &["account:123456789012", "login:alice"]),
            ("arn:aws:sts::123456789012:assumed-role/Admin/alice", &["account:123456789012", "login:alice"]),
            ("arn:aws-us-gov:sts::123456789012:federated-user/alice", &["account:123456789012", "login:alice"]),
            ("arn:aws:sts::123456789012:assumed-role/Admin", &["account:123456789012"]),
            ("arn:aws:iam::123456789012:role/Admin", &["account:123456789012"]),
            ("arn:aws:iam::123456789012:root", &["account:123456789012"]),
            ("arn:aws:lambda:us-east-1:123456789012:function:f", &["account:123456789012"]),
            ("arn:aws:s3:::bucket/user/alice", &[]),
            ("arn:aws:iam::aws:policy/ReadOnlyAccess", &[]),
            ("arn:x", &[]),
        ] {
            for text in ["{}", "\"{}\"", "is {} ok", "({})"] {
                check(&text.replace("{}", arn), expected);
            }
        }
        let mail = "arn:aws:sts::123456789012:assumed-role/Admin/alice@example.com";
        check(mail, &["account:123456789012", "email:alice@example.com"]);
    }
}
