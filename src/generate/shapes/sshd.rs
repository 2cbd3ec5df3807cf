//! What sshd, sudo, su and PAM write to `auth.log`, as `rules/linux-auth` knows it.

use super::{Sketch, Sketches};
use crate::generate::Hostile;
use crate::generate::hostile::Damage;
use crate::generate::visit::Role;

pub(super) const SKETCHES: Sketches = Sketches {
    is_json: false,
    plays: &[WITH_KEY, WITH_PASSWORD, DESK_CRON, HAMMER, KNOCK],
    parts: &[],
    traps: TRAPS,
    damages: &[Damage::Truncated, Damage::InvalidUtf8, Damage::Nul],
};

const SUDO: &[&[&str]] = &[
    &[
        "<head>sudo:    <user> : TTY=pts/0 ; PWD=/home/<user> ; USER=<root> ; COMMAND=/usr/bin/apt update",
        "<head>sudo: pam_unix(sudo:session): session opened for user <root>(uid=0) by <user>(uid=<uid>)",
        "<head>sudo: pam_unix(sudo:session): session closed for user <root>",
    ],
    &[
        "<head>sudo:    <user> : TTY=pts/0 ; PWD=/srv/app ; USER=<root> ; COMMAND=/usr/bin/tail -f /home/<user>/app.log",
        "<head>sudo: pam_unix(sudo:session): session opened for user <root>(uid=0) by (uid=<uid>)",
        "<head>sudo: pam_unix(sudo:session): session closed for user <root>",
    ],
    &[
        "<head>su[<pid>]: (to <root>) <user> on pts/0",
        "<head>su[<pid>]: pam_unix(su:session): session opened for user <root>(uid=0) by <user>(uid=<uid>)",
        "<head>su[<pid>]: pam_unix(su:session): session closed for user <root>",
    ],
];

const WITH_KEY: Sketch = Sketch {
    role: Role::Shell,
    weight: 6,
    opening: &[
        "<head>sshd[<pid>]: Connection from <ip> port <port> on <proxy> port 22 rdomain \"\"",
        "<head>sshd[<pid>]: Accepted publickey for <user> from <ip> port <port> ssh2: ED25519 <fingerprint>",
        "<head>sshd[<pid>]: pam_unix(sshd:session): session opened for user <user>(uid=<uid>) by (uid=0)",
        "<head>systemd-logind[612]: New session <session-number> of user <user>.",
    ],
    middle: SUDO,
    turns: 0..=4,
    closing: &[
        "<head>sshd[<pid>]: Received disconnect from <ip> port <port>:11: disconnected by user",
        "<head>sshd[<pid>]: Disconnected from user <user> <ip> port <port>",
        "<head>sshd[<pid>]: pam_unix(sshd:session): session closed for user <user>",
        "<head>systemd-logind[612]: Session <session-number> logged out. Waiting for processes to exit.",
        "<head>systemd-logind[612]: Removed session <session-number>.",
    ],
};

const WITH_PASSWORD: Sketch = Sketch {
    role: Role::Shell,
    weight: 2,
    opening: &[
        "<head>sshd[<pid>]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=<ip>  user=<user>",
        "<head>sshd[<pid>]: Failed password for <user> from <ip> port <port> ssh2",
        "<head>sshd[<pid>]: Accepted password for <user> from <ip> port <port> ssh2",
        "<head>sshd[<pid>]: pam_unix(sshd:session): session opened for user <user>(uid=<uid>) by <user>(uid=0)",
        "<head>systemd: Started Session <session-number> of user <user>.",
    ],
    middle: SUDO,
    turns: 0..=2,
    closing: &[
        "<head>sshd[<pid>]: Connection closed by <ip> port <port>",
        "<head>sshd[<pid>]: pam_unix(sshd:session): session closed for user <user>",
    ],
};

const DESK_CRON: Sketch = Sketch {
    role: Role::Desk,
    weight: 1,
    opening: &[],
    middle: &[&[
        "<head>CRON[<pid>]: pam_unix(cron:session): session opened for user <user>(uid=<uid>) by (uid=0)",
        "<head>CRON[<pid>]: (<user>) CMD (/home/<user>/bin/backup.sh --mail <email>)",
        "<head>CRON[<pid>]: pam_unix(cron:session): session closed for user <user>",
    ]],
    turns: 1..=1,
    closing: &[],
};

/// A stranger tries passwords.
const HAMMER: Sketch = Sketch {
    role: Role::Stranger,
    weight: 6,
    opening: &["<head>sshd[<pid>]: Invalid user <user> from <ip> port <port>"],
    middle: &[
        &[
            "<head>sshd[<pid>]: pam_unix(sshd:auth): check pass; user unknown",
            "<head>sshd[<pid>]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=<ip>",
            "<head>sshd[<pid>]: Failed password for invalid user <user> from <ip> port <port> ssh2",
        ],
        &["<head>sshd[<pid>]: Failed password for invalid user <user> from <ip> port <port> ssh2"],
    ],
    turns: 1..=5,
    closing: &["<head>sshd[<pid>]: Connection closed by invalid user <user> <ip> port <port> [preauth]"],
};

/// A stranger looks what there is.
const KNOCK: Sketch = Sketch {
    role: Role::Stranger,
    weight: 2,
    opening: &[],
    middle: &[
        &["<head>sshd[<pid>]: Did not receive identification string from <ip> port <port>"],
        &["<head>sshd[<pid>]: Bad protocol version identification 'GET / HTTP/1.1' from <ip> port <port>"],
        &[
            "<head>sshd[<pid>]: Unable to negotiate with <ip> port <port>: no matching key exchange method found. Their offer: diffie-hellman-group1-sha1 [preauth]",
        ],
        &["<head>sshd[<pid>]: Received disconnect from <ip> port <port>:11: Bye Bye [preauth]"],
        &[
            "<head>sshd[<pid>]: error: maximum authentication attempts exceeded for invalid user <user> from <ip> port <port> ssh2 [preauth]",
        ],
    ],
    turns: 1..=3,
    closing: &[],
};

const TRAPS: &[(Hostile, &str)] = &[
    // The name imitates the rest of the line: the last address is the true one.
    (
        Hostile::Injection,
        "<head>sshd[<pid>]: Failed password for invalid user <user> from <other-ip> port 1 ssh2 from <ip> port <port> ssh2",
    ),
    (Hostile::Injection, "<head>sshd[<pid>]: Invalid user <other-user> from <other-ip> port 22 from <ip> port <port>"),
    (Hostile::Escapes, r"<head>sshd[<pid>]: Invalid user <user>\303\274\033[31m from <ip> port <port>"),
    (
        Hostile::LongValue,
        "<head>sshd[<pid>]: Bad protocol version identification '<long> <email>' from <ip> port <port>",
    ),
    (
        Hostile::Nested,
        r#"<head>app[<pid>]: {"message":"{\"message\":\"Failed password for <other-user> from <other-ip> port 22 ssh2\",\"user\":\"<user>\"}"}"#,
    ),
    (Hostile::Percent, "<head>sshd[<pid>]: Invalid user <email:percent> from <ip> port <port>"),
    (Hostile::Empty, ""),
];
