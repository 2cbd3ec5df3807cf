//! The program as users meet it: what each command prints, how it ends, and what it never shows.

use crate::support::readable;
use expect_test::{Expect, expect};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// An empty folder to run in.
fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// How a run ended.
struct Ended {
    exit: i32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Ended {
    fn stdout(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    fn stderr(&self) -> &str {
        std::str::from_utf8(&self.stderr).unwrap()
    }
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logveil"));
    command.args(args).current_dir(folder).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(folder: &Path, args: &[&str], input: &[u8]) -> Ended {
    let mut child = command(folder, args).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that refuses its arguments closes its input unread.
    let feeder = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    Ended { exit: output.status.code().unwrap(), stdout: output.stdout, stderr: output.stderr }
}

/// Compares exit code, standard output and standard error; tokens are numbered.
#[track_caller]
fn check(folder: &Path, args: &[&str], input: &[u8], expect: Expect) {
    let ended = run(folder, args, input);
    let parts = [("stdout", ended.stdout()), ("stderr", ended.stderr())];
    let mut text = format!("exit {}\n", ended.exit);
    for (name, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
        let end = if part.ends_with('\n') { "" } else { "(no line end)\n" };
        text += &format!("--- {name}\n{}{end}", readable(part).replace('\r', "<CR>"));
    }
    expect.assert_eq(&text);
}

fn write(folder: &Path, file: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const PACK: &str = r#"name = "demo"
version = 3
format = "json"

[[rule]]
id = "client-ip"
select = "client_ip"
class = "ip"
"#;

const CASE: &str = "An address.\n--- in\n{\"client_ip\":\"192.0.2.1\"}\n";

#[test]
fn without_a_command_the_commands_are_listed() {
    check(
        folder().path(),
        &[],
        b"",
        expect![[r#"
            exit 2
            --- stderr
            Pseudonymises logs: on Kafka, in files, and on standard input

            Usage: logveil <COMMAND>

            Commands:
              demo        Shows the whole of logveil in one go, without Kafka: invented logs, a broker in this
                          process, the real stream
              run         Consumes raw records, pseudonymises them and forwards them, exactly once
              quarantine  Lists, opens and replays quarantined records
              retention   Shows and deletes raw records that are forwarded and aged
              scrub       Pseudonymises lines of files or of standard input
              explain     Explains what rules find in a line: fields, spans, classes and shapes, never the
                          values themselves
              discover    Reads a sample of a log and tells what in it looks like people, devices and sessions
              generate    Invents log lines: API gateway events, nginx, sshd, cloud audit events
              rules       Loads rule packs, runs their cases, describes their format
              keys        Makes and extends keyrings, and tells which times they cover
              config      Checks configuration files
              init        Writes a commented logveil.toml and a keyring to start with; overwrites nothing

            Options:
              -h, --help     Print help (see more with '--help')
              -V, --version  Print version
        "#]],
    );
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["demo", "scrub", "explain", "generate", "rules", "keys", "init", "quarantine", "retention"] {
        let ended = run(folder().path(), &[command, "--help"], b"");
        assert_eq!(ended.exit, 0);
        assert!(ended.stdout().contains("Example"), "{command}: {}", ended.stdout());
    }
    let version = concat!("logveil ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(folder().path(), &["--version"], b"").stdout(), version);
}

#[test]
fn scrub_answers_line_by_line() {
    let input = b"{\"client_ip\":\"192.0.2.7\",\"user\":\"alice\"}\r\n\n\t \nalice is logged in from 192.0.2.7\n\xff\n{\"user\":\nno end";
    check(
        folder().path(),
        &["scrub"],
        input,
        expect![[r#"
        exit 4
        --- stdout
        {"client_ip":"<ip:1>","user":"<user:2>"}<CR>

	 
        alice is logged in from <ip:1>
        logveil: quarantined line 5: not-utf8
        logveil: quarantined line 6: not-json
        no end(no line end)
        --- stderr
        note: no keyring.toml here, so a random key is used for this run only: no other run gives these pseudonyms
          hint: logveil keys init
        7 lines: 3 values replaced, 2 quarantined
        class        ip                       2
        class        user                     1
        rule         generic-json/ip-named    1
        rule         generic-json/user-named  1
        rule         generic-line/ip-shape    1
        quarantined  not-utf8                 1
        quarantined  not-json                 1
    "#]],
    );
}

#[test]
fn scrub_can_be_quiet_and_forgiving() {
    check(
        folder().path(),
        &["scrub", "--quiet", "--allow-quarantine"],
        b"\xff\n",
        expect![[r#"
        exit 0
        --- stdout
        logveil: quarantined line 1: not-utf8
        --- stderr
        note: no keyring.toml here, so a random key is used for this run only: no other run gives these pseudonyms
          hint: logveil keys init
    "#]],
    );
}

#[test]
fn scrub_reads_files_in_order() {
    let folder = folder();
    write(folder.path(), "a.log", "from 192.0.2.1\nno end");
    write(folder.path(), "b.log", "from 192.0.2.1\n");
    check(
        folder.path(),
        &["scrub", "a.log", "-", "b.log"],
        b"from 192.0.2.2\n",
        expect![[r#"
        exit 0
        --- stdout
        from <ip:1>
        no end
        from <ip:2>
        from <ip:1>
        --- stderr
        note: no keyring.toml here, so a random key is used for this run only: no other run gives these pseudonyms
          hint: logveil keys init
        4 lines: 3 values replaced, 0 quarantined
        class  ip                     3
        rule   generic-line/ip-shape  3
    "#]],
    );
}

#[test]
fn scrub_writes_the_same_on_any_number_of_threads() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["keys", "init"], b"").exit, 0);
    let lines = (0..20_000).map(|number| match number % 7 {
        3 => format!("{{\"user\":\r\n#Fields: date c-ip cs-username\n{number} 192.0.2.9 alice\n"),
        _ => format!("{{\"client_ip\":\"192.0.2.{}\",\"user\":\"user{number}\",\"note\":\"so much\"}}\n", number % 250),
    });
    write(folder.path(), "a.log", lines.collect::<String>());
    let alone = run(folder.path(), &["scrub", "--threads", "1", "a.log"], b"");
    assert_eq!(alone.exit, 4, "{}", alone.stderr());
    for threads in ["2", "5"] {
        let together = run(folder.path(), &["scrub", "--threads", threads, "a.log"], b"");
        assert!(together.stdout() == alone.stdout(), "{threads} threads write something else");
        assert_eq!((together.exit, together.stderr()), (4, alone.stderr()));
    }
    assert_eq!(run(folder.path(), &["scrub", "--threads", "0"], b"").exit, 2);
}

#[test]
fn scrub_reports_as_json() {
    let folder = folder();
    let ended = run(folder.path(), &["scrub", "--json-report", "report.json"], b"from 192.0.2.1\n\n\xff\n");
    assert_eq!(ended.exit, 4);
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!((&report["lines"], &report["blank"], &report["quarantined"]), (&3.into(), &1.into(), &1.into()));
    assert_eq!(report["replaced_by_class"]["ip"], 1);
    assert_eq!(report["quarantined_by_reason"]["not-utf8"], 1);
}

#[test]
fn scrub_with_a_keyring_gives_the_same_pseudonyms_again() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["keys", "init"], b"").exit, 0);
    let first = run(folder.path(), &["scrub", "-q"], b"from 192.0.2.1\n");
    let second = run(folder.path(), &["scrub", "-q", "--keyring", "keyring.toml"], b"from ::ffff:192.0.2.1\n");
    assert_eq!((first.stdout(), first.stderr()), (second.stdout(), ""));
    let later = run(folder.path(), &["scrub", "--at", "2036-01-01"], b"from 192.0.2.1\n");
    assert_eq!((later.exit, later.stdout()), (2, ""));
    assert!(later.stderr().contains("so that every line would be quarantined"), "{}", later.stderr());
}

#[test]
fn scrub_says_what_is_wrong_before_it_writes() {
    let folder = folder();
    write(folder.path(), "a.log", "a\n");
    check(
        folder.path(),
        &["scrub", "a.log", "no-such.log"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: could not read no-such.log: No such file or directory (os error 2)
    "#]],
    );
    check(
        folder.path(),
        &["scrub", "a.log", "."],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: could not read .: is a directory
    "#]],
    );
    check(
        folder.path(),
        &["scrub", "--pack", "ngnix"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: no rule pack `ngnix`; there are apache, api-gateway, auth0, aws-alb, aws-cloudtrail, aws-vpcflow, azure-signin, caddy, cef, container, duo, envoy, exchange, gcp-audit, generic-json, generic-line, github-audit, google-workspace, haproxy, iis, k8s-audit, kafka, keycloak, linux-auth, mysql, nginx, okta, paloalto, postgres, s3-access, slack, suricata, teleport, traefik, windows-security, zeek
    "#]],
    );
    check(
        folder.path(),
        &["scrub", "--rules", "no-such"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: could not read no-such: No such file or directory (os error 2)
    "#]],
    );
    check(
        folder.path(),
        &["scrub", "--rules", "."],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: no rule pack in .
          hint: a pack is a folder with a `pack.toml`
    "#]],
    );
    check(
        folder.path(),
        &["scrub", "--keyring", "no-such"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: there is no keyring at no-such
          hint: logveil keys init
    "#]],
    );
    check(
        folder.path(),
        &["scrub", "--at", "yesterday"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'yesterday' for '--at <TIME>': write a day such as 2026-11-01, or a time such as 2026-11-01T09:30:00Z

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn scrub_stops_quietly_when_nobody_reads() {
    let folder = folder();
    let mut child = command(folder.path(), &["scrub", "--quiet"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let feeder = thread::spawn(move || drop(stdin.write_all(&b"a line\n".repeat(1_000_000))));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    feeder.join().unwrap();
    assert!(!stderr.contains("error"), "{stderr}");
}

#[test]
fn keys_are_made_extended_and_never_shown() {
    let folder = folder();
    let file = folder.path().join("keyring.toml");
    let made = run(folder.path(), &["keys", "init", "--tenant", "acme", "--past", "1", "--future", "2"], b"");
    assert_eq!((made.exit, made.stdout()), (0, "wrote keyring.toml: 4 keys\n"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = run(folder.path(), &["keys", "init"], b"");
    assert_eq!((again.exit, again.stderr()), (2, "error: keyring.toml exists already and is not overwritten\n"));
    let extended = run(folder.path(), &["keys", "extend", "--future", "5"], b"");
    assert_eq!(extended.stdout(), "keyring.toml: 3 keys added\n");
    let status = run(folder.path(), &["keys", "status"], b"");
    assert!(status.stdout().starts_with("tenant acme, epochs of 30 days\n"), "{}", status.stdout());
    assert_eq!(status.stdout().lines().count(), 1 + 1 + 7 + 1, "{}", status.stdout());
    assert_eq!(status.stdout().matches("present").count(), 1);

    let secrets = fs::read_to_string(&file).unwrap();
    let secrets: Vec<&str> = secrets.lines().filter_map(|line| line.strip_prefix("key = ")).collect();
    assert_eq!(secrets.len(), 8);
    for ended in [made, again, extended, status] {
        let shown = [ended.stdout(), ended.stderr()].concat();
        assert!(!secrets.iter().any(|secret| shown.contains(secret.trim_matches('"'))));
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    check(
        folder.path(),
        &["keys", "status"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: keyring keyring.toml is open to other users (mode 0644)
          hint: chmod 600 keyring.toml
    "#]],
    );
}

#[test]
fn keys_need_a_keyring() {
    check(
        folder().path(),
        &["keys", "status"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: there is no keyring at keyring.toml
          hint: logveil keys init
    "#]],
    );
    check(
        folder().path(),
        &["keys", "init", "--tenant", "Ac me"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: cannot make a keyring: a tenant name wants 1 to 63 lower-case letters, digits and inner hyphens
    "#]],
    );
}

#[test]
fn rules_are_checked_with_every_fault_in_its_place() {
    let folder = folder();
    write(folder.path(), "packs/demo/pack.toml", PACK);
    check(
        folder.path(),
        &["rules", "check", "packs"],
        b"",
        expect![[r#"
        exit 0
        --- stdout
        demo@3  json  1 rule  0 cases
    "#]],
    );
    write(folder.path(), "packs/demo/pack.toml", PACK.replace("class =", "clas ="));
    write(folder.path(), "packs/demo/cases/a.txt", "An address.\n--- inn\n");
    check(
        folder.path(),
        &["rules", "check", "packs/demo"],
        b"",
        expect![[r#"
            exit 2
            --- stderr
            error: 3 faults in the rules
            packs/demo/pack.toml:5:1: rule `client-ip` has no `class`
                5 | [[rule]]
                  | ^^^^^^^^
              hint: add one of `ip`, `net`, `mac`, `email`, `user`, `person`, `user-id`, `phone`, `account`, `card`, `iban`, `session`, `connection-id`, `token`, `device`, `user-agent`, `host`, `geo`, `text`
            packs/demo/pack.toml:8:1: no key `clas` in a rule
                8 | clas = "ip"
                  | ^^^^
              hint: did you mean `class`?
            packs/demo/cases/a.txt:2:1: no section `inn` in a case
                2 | --- inn
                  | ^^^^^^^
              hint: there is `in`, `key`, `header`, `out`, `out-key`, `out-header`, `findings`, `quarantine`
        "#]],
    );
}

#[test]
fn rules_are_tested_by_their_cases() {
    let folder = folder();
    write(folder.path(), "demo/pack.toml", PACK);
    write(folder.path(), "demo/cases/a.txt", CASE);
    check(
        folder.path(),
        &["rules", "test", "demo"],
        b"",
        expect![[r#"
        exit 3
        --- stdout
        failed demo/cases/a.txt: An address.
            An address.
            --- in
            {"client_ip":"192.0.2.1"}
          + --- out
          + {"client_ip":"<ip:1>"}
          + --- findings
          + client-ip 14..23 ip pseudonymize
        untested demo/pack.toml: rule `client-ip` has no case that it leaves alone
        1 case: 1 failed, 1 gap
    "#]],
    );
    check(
        folder.path(),
        &["rules", "test", "demo", "--update"],
        b"",
        expect![[r#"
        exit 3
        --- stdout
        updated demo/cases/a.txt: An address.
            An address.
            --- in
            {"client_ip":"192.0.2.1"}
          + --- out
          + {"client_ip":"<ip:1>"}
          + --- findings
          + client-ip 14..23 ip pseudonymize
        untested demo/pack.toml: rule `client-ip` has no case that it leaves alone
        1 case: 1 updated, 1 gap
    "#]],
    );
    write(folder.path(), "demo/cases/b.txt", "None.\n--- in\n{}\n--- out\n{}\n--- findings\nnone\n");
    check(
        folder.path(),
        &["rules", "test", "demo"],
        b"",
        expect![[r#"
        exit 0
        --- stdout
        2 cases: 0 failed, 0 gaps
    "#]],
    );
    check(
        folder.path(),
        &["rules", "test", "--update"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <FOLDERS>...

        Usage: logveil rules test --update <FOLDERS>...

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn shipped_rules_pass_their_cases() {
    let ended = run(folder().path(), &["rules", "test"], b"");
    assert_eq!(ended.exit, 0, "{}", ended.stdout());
    assert!(ended.stdout().ends_with("0 failed, 0 gaps\n"));
    assert_eq!(run(folder().path(), &["rules", "check"], b"").exit, 0);
}

#[test]
fn rules_are_listed_and_a_folder_overrides() {
    let folder = folder();
    write(folder.path(), "packs/nginx/pack.toml", PACK.replace("demo", "nginx").replace("= 3", "= 77"));
    let listed = run(folder.path(), &["rules", "list", "packs"], b"");
    assert!(listed.stdout().contains("\nnginx@77 "), "{}", listed.stdout());
    assert!(listed.stdout().contains("\ngeneric-line@"), "{}", listed.stdout());
}

#[test]
fn the_schema_is_json() {
    let schema = run(folder().path(), &["rules", "schema"], b"");
    let schema: serde_json::Value = serde_json::from_str(schema.stdout()).unwrap();
    assert!(schema["$schema"].is_string());
}

#[test]
fn explain_shows_shapes_and_not_values() {
    let line = r#"{"client_ip":"192.0.2.1","user":"alice"}"#;
    check(
        folder().path(),
        &["explain", line],
        b"",
        expect![[r#"
        exit 0
        --- stdout
        line 1 of 40 bytes, pack generic-json
        rule                     field      bytes   class  transform     shape    found by
        generic-json/ip-named    client_ip  14..23  ip     pseudonymize  ipv4     rule
        generic-json/user-named  user       33..38  user   pseudonymize  5 bytes  rule
    "#]],
    );
    check(
        folder().path(),
        &["explain", "--json", "-"],
        line.as_bytes(),
        expect![[r#"
        exit 0
        --- stdout
        {"found":[{"class":"ip","end":23,"field":"client_ip","found_by":"rule","rule":"generic-json/ip-named","shape":"ipv4","start":14,"transform":"pseudonymize"},{"class":"user","end":38,"field":"user","found_by":"rule","rule":"generic-json/user-named","shape":"5 bytes","start":33,"transform":"pseudonymize"}],"line":1,"near_misses":[],"pack":"generic-json","quarantined":null}
    "#]],
    );
    check(
        folder().path(),
        &["explain", "--pack", "generic-json", "plain"],
        b"",
        expect![[r#"
        exit 0
        --- stdout
        line 1 of 5 bytes, pack generic-json
        quarantined: not-json
    "#]],
    );
}

#[test]
fn explain_tells_near_misses_of_what_no_rule_took_once_each() {
    check(
        folder().path(),
        &["explain", r#"{"user":{"name":"alice"},"team":{"name":"blue"}}"#],
        b"",
        expect![[r#"
            exit 0
            --- stdout
            line 1 of 48 bytes, pack generic-json
            rule                     field      bytes   class  transform     shape    found by
            generic-json/user-named  user.name  17..22  user   pseudonymize  5 bytes  rule
            near miss: generic-json/person-named: selects `**.claims.name`, the record has `team.name`, which no rule took
        "#]],
    );
}

#[test]
fn init_writes_what_config_check_accepts() {
    let folder = folder();
    check(
        folder.path(),
        &["init", "--dir", "new", "--bootstrap", "broker-1:9092"],
        b"",
        expect![[r#"
        exit 0
        --- stdout
        wrote new/logveil.toml: names the topics and states every default
        wrote new/keyring.toml: keep a backup apart from the logs; it can re-identify everyone

        next:
          1. create the topics raw-logs, clean-logs and quarantine-logs, or name yours in new/logveil.toml
          2. logveil config check new/logveil.toml
          3. logveil run --config new/logveil.toml
    "#]],
    );
    let checked = run(folder.path(), &["config", "check", "new/logveil.toml"], b"");
    assert_eq!(checked.exit, 0, "{}", checked.stderr());
    for shown in ["raw-logs -> clean-logs", "window   none", "broker-1:9092", "pack     nginx@", "present epoch"] {
        assert!(checked.stdout().contains(shown), "{shown}: {}", checked.stdout());
    }
    check(
        folder.path(),
        &["init", "--dir", "new"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: new/logveil.toml exists already and is not overwritten
    "#]],
    );
    check(
        folder.path(),
        &["init", "--bootstrap", "a b"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'a b' for '--bootstrap <HOST:PORT,…>': write host:port, or several with commas between

        For more information, try '--help'.
    "#]],
    );
    check(
        folder.path(),
        &["config", "check"],
        b"",
        expect![[r#"
        exit 2
        --- stderr
        error: cannot read logveil.toml: No such file or directory (os error 2)
          hint: `logveil init` writes a starter file
    "#]],
    );
}

/// Inputs that have misled programs like this one, each with the canary somewhere in it.
fn hostile_inputs(canary: &str) -> Vec<Vec<u8>> {
    let mut inputs: Vec<Vec<u8>> = [
        format!(r#"{{"user":"{canary}"}}"#),
        format!(r#"{{"user":"{canary}""#),
        format!(r#"{{"user":"{canary}"}} trailing"#),
        format!(r#"{{"user":"x","user":"{canary}"}}"#),
        format!(r#"{{"user":"{canary}","path":"/home/{canary}/x","message":"{{\"user\":\"{canary}\"}}"}}"#),
        format!("{{'user':'{canary}'}}"),
        format!("{}{{\"user\":\"{canary}\"}}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)),
        format!("{{\"user\":\"{canary}\0\"}}"),
        format!(r#"{{"user":"{canary}","filler":"{}"}}"#, "x".repeat(10_000_000)),
        format!("Failed password for invalid user {canary} from 192.0.2.7 port 22 ssh2"),
        format!("Jan  1 00:00:00 web1 sshd[42]: Failed password for {canary} from 192.0.2.7 port 22 ssh2"),
        format!("user={canary} action=login"),
    ]
    .map(String::into_bytes)
    .into();
    inputs.push([b"{\"user\":\"\xff", canary.as_bytes(), b"\"}"].concat());
    inputs.push(canary.bytes().flat_map(|byte| [byte, 0]).collect());
    inputs
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

#[test]
fn a_canary_comes_out_nowhere() {
    let canary = "canary7f3kq";
    let utf16: Vec<u8> = canary.bytes().flat_map(|byte| [byte, 0]).collect();
    let folder = folder();
    assert_eq!(run(folder.path(), &["keys", "init"], b"").exit, 0);
    let mut all = Vec::new();
    for (index, input) in hostile_inputs(canary).iter().enumerate() {
        for args in [&["scrub", "--json-report", "report.json"][..], &["explain", "-"], &["explain", "--json", "-"]] {
            let ended = run(folder.path(), args, input);
            let report = fs::read(folder.path().join("report.json")).unwrap();
            for shown in [&ended.stdout, &ended.stderr, &report] {
                assert!(!contains(shown, canary.as_bytes()) && !contains(shown, &utf16), "{args:?}, input {index}");
            }
            assert!(matches!(ended.exit, 0 | 4), "{args:?}, input {index}: exit {}", ended.exit);
        }
        all.extend_from_slice(input);
        all.push(b'\n');
    }
    let ended = run(folder.path(), &["scrub"], &all);
    assert!(!contains(&ended.stdout, canary.as_bytes()) && !contains(&ended.stderr, canary.as_bytes()));
    assert_eq!(ended.stdout.iter().filter(|byte| **byte == b'\n').count(), hostile_inputs(canary).len());
}

#[test]
fn a_canary_under_the_wrong_pack_is_quarantined() {
    let json = br#"{"user":"canary7f3kq"}"#;
    let line = b"Failed password for canary7f3kq from 192.0.2.7 port 22 ssh2";
    for (pack, input) in [("nginx", &json[..]), ("generic-json", line), ("api-gateway", line), ("nginx", line)] {
        let ended = run(folder().path(), &["scrub", "--pack", pack], input);
        assert_eq!(ended.exit, 4, "{pack}");
        assert!(!contains(&ended.stdout, b"canary") && !contains(&ended.stderr, b"canary"), "{pack}");
    }
}

#[test]
fn generate_writes_lines_and_their_truth() {
    let folder = folder();
    let options = ["generate", "--events", "60", "--hostile-per-mille", "100", "--seed", "9"];
    let files = ["--output", "raw.log", "--truth", "truth.jsonl"];
    check(
        folder.path(),
        &[&options[..], &files].concat(),
        b"",
        expect![[r#"
        exit 0
    "#]],
    );
    let raw = fs::read(folder.path().join("raw.log")).unwrap();
    assert_eq!(run(folder.path(), &options, b"").stdout, raw);

    let lines: Vec<&[u8]> = raw.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').collect();
    let truth = fs::read_to_string(folder.path().join("truth.jsonl")).unwrap();
    assert_eq!((lines.len(), truth.lines().count()), (60, 60));
    for (index, (line, truth)) in lines.iter().zip(truth.lines()).enumerate() {
        let truth: serde_json::Value = serde_json::from_str(truth).unwrap();
        assert_eq!(truth["line"], index + 1);
        for entity in truth["entities"].as_array().unwrap() {
            let (start, end) = (entity["start"].as_u64().unwrap(), entity["end"].as_u64().unwrap());
            assert!(line.get(start as usize..end as usize).is_some(), "{truth}");
        }
    }
    expect![[r#"{"line":1,"kind":"nginx","timestamp_ms":1767225600000,"entities":[{"class":"ip","value":"198.51.100.216","start":0,"end":14},{"class":"token","value":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwic3ViIjoidS0xMDAwMDAiLCJlbWFpbCI6ImdtYXJzaEBleGFtcGxlLm9yZyIsImlhdCI6MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI5MjAwfQ.xUr1KHPDB7n000l1z4ygXLF50Sp8G78wz3kNp4NX52z","start":91,"end":322},{"class":"user-agent","value":"okhttp/4.10.0","start":348,"end":361}]}"#]].assert_eq(truth.lines().next().unwrap());
}

#[test]
fn generate_keeps_the_pace() {
    let started = Instant::now();
    let ended = run(folder().path(), &["generate", "--kind", "sshd", "--events", "6", "--rate", "10"], b"");
    assert_eq!((ended.exit, ended.stdout().lines().count()), (0, 6));
    assert!(started.elapsed() >= Duration::from_millis(500));
}

#[test]
fn generate_ends_when_nobody_reads_on() {
    let folder = folder();
    let mut child = command(folder.path(), &["generate", "--events", "10000000"]).spawn().unwrap();
    let mut start = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn generate_says_what_is_wrong() {
    let folder = folder();
    let refused = |args: &[&str], expect| check(folder.path(), &[&["generate"], args].concat(), b"", expect);
    refused(
        &["--to", "2025-01-01"],
        expect![[r#"
        exit 2
        --- stderr
        error: --to is before --from, which is 2026-01-01 unless given
    "#]],
    );
    refused(
        &["--kind", "syslog"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'syslog' for '--kind <KIND>'
          [possible values: api, nginx, sshd, cloudtrail, mixed]

        For more information, try '--help'.
    "#]],
    );
    refused(
        &["--rate", "0"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value '0' for '--rate <PER_SECOND>': 0 is not in 1..=4294967295

        For more information, try '--help'.
    "#]],
    );
    refused(
        &["--truth", "same", "--output", "same"],
        expect![[r#"
        exit 2
        --- stderr
        error: --output and --truth name the same file
    "#]],
    );
    refused(
        &["--output", "none/raw.log"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not write none/raw.log: No such file or directory (os error 2)
    "#]],
    );
}
