//! Values that stand for nobody, whatever the field: what logs write where there is no value, and what is the same on
//! every machine.

use crate::rules::Class;

/// What logs write where there is no value, in any case: nginx writes `unix:` for a client without an address.
const ABSENT: [&[u8]; 10] = [b"", b"-", b"null", b"(null)", b"nil", b"<nil>", b"none", b"undefined", b"n/a", b"unix:"];

/// Sessions of Windows itself, in any case: none, and `NETWORKSERVICE_LUID`, `LOCALSERVICE_LUID`, `IUSER_LUID` and
/// `SYSTEM_LUID` of `winnt.h`.
const SYSTEM_LOGONS: [&[u8]; 5] = [b"0x0", b"0x3e4", b"0x3e5", b"0x3e3", b"0x3e7"];

/// Numbers behind `S-1-` that the security identifier of an account has at least; those with fewer, as `S-1-5-18` and
/// `S-1-5-32-544`, are the same on every machine (MS-DTYP, section 2.4.2.4).
const ACCOUNT_SID_NUMBERS_MIN: usize = 4;

/// Whether a value of this class, without white space around it, stands for nobody.
pub(super) fn stands_for_nobody(class: Class, value: &[u8]) -> bool {
    let is_one_of = |known: &[&[u8]]| known.iter().any(|known| value.eq_ignore_ascii_case(known));
    is_one_of(&ABSENT)
        || match class {
            Class::UserId => is_shared_sid(value),
            Class::Session => is_one_of(&SYSTEM_LOGONS),
            Class::Ip
            | Class::Network
            | Class::Mac
            | Class::Email
            | Class::User
            | Class::Person
            | Class::Phone
            | Class::Account
            | Class::Card
            | Class::Iban
            | Class::ConnectionId
            | Class::Token
            | Class::Device
            | Class::UserAgent
            | Class::Host
            | Class::Geo
            | Class::Text => false,
        }
}

fn is_shared_sid(value: &[u8]) -> bool {
    let Some((start, numbers)) = value.split_at_checked(b"S-1-".len()) else { return false };
    let mut numbers = numbers.split(|byte| *byte == b'-');
    let is_number = |number: &[u8]| !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    let count = numbers.clone().take(ACCOUNT_SID_NUMBERS_MIN).count();
    start.eq_ignore_ascii_case(b"S-1-") && count < ACCOUNT_SID_NUMBERS_MIN && numbers.all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_values_stand_for_nobody() {
        for (class, value, expected) in [
            (Class::User, "-", true),
            (Class::User, "N/A", true),
            (Class::User, "S-1-5-18", false),
            (Class::UserId, "S-1-5-18", true),
            (Class::UserId, "s-1-5-32-544", true),
            (Class::UserId, "S-1-0-0", true),
            (Class::UserId, "S-1-5-21-1004336348-1177238915-682003330-512", false),
            (Class::UserId, "S-1-12-1-1", false),
            (Class::UserId, "S-1-5-x", false),
            (Class::UserId, "S-1-", false),
            (Class::UserId, "18", false),
            (Class::Session, "0x3E7", true),
            (Class::Session, "0x3e75", false),
        ] {
            assert_eq!(stands_for_nobody(class, value.as_bytes()), expected, "{class} {value}");
        }
    }
}
