//! The configuration file, as its author meets it: defaults, overrides, and every error with its mend.

use expect_test::{Expect, expect};
use logveil::config::{Config, Surroundings};
use std::path::Path;

const MINIMAL: &str = r#"
[kafka]
bootstrap_servers = "127.0.0.1:9092"

[[route]]
topics = ["raw"]
target = "clean"
quarantine = "quarantine"
"#;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let surroundings = Surroundings { variable: &variable, processors: 4, host_name: "host-1" };
    Config::parse(Path::new("conf/logveil.toml"), text, surroundings).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(text: &str, expect: Expect) {
    expect.assert_eq(&load(text, &[]).expect_err("the configuration is wrong"));
}

#[test]
fn a_minimal_file_has_safe_defaults() {
    let config = load(MINIMAL, &[]).unwrap();
    expect![[r#"
        Config {
            kafka: Kafka {
                bootstrap_servers: "127.0.0.1:9092",
                group: "logveil",
                instance: "host-1",
                workers: 4,
                properties: {
                    Both: {},
                    Consumer: {},
                    Producer: {},
                },
            },
            routes: [
                Route {
                    topics: [
                        "raw",
                    ],
                    pack: "auto",
                    target: "clean",
                    quarantine: "quarantine",
                    window: None,
                },
            ],
            keyring: "conf/keyring.toml",
            rules: [],
            commit: CommitRule {
                interval: 150ms,
                bytes: 20000000,
                records: 50000,
            },
            retention: Retention {
                interval: 60s,
                receipts: "conf/receipts.jsonl",
            },
            record_bytes_max: 4194304,
            http: Http {
                listen: 127.0.0.1:9464,
            },
            log: Log {
                format: Text,
                level: "info",
            },
        }"#]]
    .assert_eq(&format!("{config:#?}"));
}

#[test]
fn variables_override_and_secrets_come_from_elsewhere() {
    let text =
        format!("{MINIMAL}\n[kafka.properties]\n\"sasl.password\" = {{ env = \"PASSWORD\" }}\n\"linger.ms\" = 7\n");
    let variables =
        [("LOGVEIL_KAFKA_BOOTSTRAP", "kafka:9092"), ("LOGVEIL_HTTP_LISTEN", "[::1]:1"), ("PASSWORD", "canary")];
    let config = load(&text, &variables).unwrap();
    assert_eq!((config.kafka.bootstrap_servers.as_str(), config.http.listen.port()), ("kafka:9092", 1));
    let both = &config.kafka.properties[&logveil::config::Client::Both];
    assert_eq!((both["sasl.password"].reveal(), both["linger.ms"].reveal()), ("canary", "7"));
    assert!(!format!("{config:?}").contains("canary"), "passwords are not printed");
    let remote = ("LOGVEIL_HTTP_LISTEN", "0.0.0.0:9464");
    assert!(load(MINIMAL, &[remote]).is_err());
    assert!(load(MINIMAL, &[remote, ("LOGVEIL_HTTP_ALLOW_REMOTE", "true")]).is_ok());
}

#[test]
fn errors_name_the_place_and_the_mend() {
    refused("[kafka", expect!["conf/logveil.toml:1:7: unclosed table, expected `]`"]);
    refused(
        &MINIMAL.replace("target", "taget"),
        expect![
            "conf/logveil.toml:7:1: unknown field `taget`, expected one of `topics`, `pack`, `target`, `quarantine`, `retention`"
        ],
    );
    refused(&MINIMAL.replace("\"clean\"", "7"), expect!["conf/logveil.toml:7:10: wrong type: expected a string"]);
    refused(
        &format!("{MINIMAL}\n[limits]\nrecord_bytes_max = \"canary\"\n"),
        expect!["conf/logveil.toml:11:20: wrong type: expected a whole number"],
    );
    refused(
        &MINIMAL.replace("127.0.0.1:9092", ""),
        expect![[r#"
        conf/logveil.toml: `kafka.bootstrap_servers` is missing
          hint: set it to `host:port`, or set the variable LOGVEIL_KAFKA_BOOTSTRAP"#]],
    );
    refused(
        "[kafka]\nbootstrap_servers = \"a:1\"\n",
        expect![[r#"
        conf/logveil.toml: `route` is missing
          hint: add a [[route]] with topics, target and quarantine"#]],
    );
    refused(
        &MINIMAL.replace("\"clean\"", "\"raw\""),
        expect![[r#"
        conf/logveil.toml: `route` reads `raw` and also writes it
          hint: a topic holds raw or clean records, not both"#]],
    );
    refused(
        &MINIMAL.replace("\"quarantine\"", "\"clean\""),
        expect![[r#"
        conf/logveil.toml: `route` sends clean and quarantined records to `clean`
          hint: use two topics: they have different readers"#]],
    );
    refused(
        &MINIMAL.replace("\"clean\"", "\"a b\""),
        expect![[r#"
        conf/logveil.toml: `route` names `a b`, which no topic can be called
          hint: 1 to 249 letters, digits, dots, hyphens and underscores (Kafka's rule)"#]],
    );
    refused(
        &format!("{MINIMAL}\n[kafka.properties]\n\"isolation.level\" = \"read_uncommitted\"\n"),
        expect![[r#"
        conf/logveil.toml: `kafka.properties."isolation.level"` cannot be set
          hint: aborted records would be forwarded"#]],
    );
    refused(
        &format!("{MINIMAL}\n[kafka.properties]\n\"sasl.password\" = {{ env = \"NOT_SET\" }}\n"),
        expect![[r#"
        conf/logveil.toml: `kafka.properties."sasl.password"` wants the variable NOT_SET, which is not set
          hint: export it"#]],
    );
    refused(
        &format!("{MINIMAL}\n[kafka.properties]\n\"sasl.password\" = {{ file = \"no/such\" }}\n"),
        expect![[r#"
        conf/logveil.toml: `kafka.properties."sasl.password"` wants the file conf/no/such: No such file or directory (os error 2)
          hint: check path and mode"#]],
    );
    refused(
        &format!("{MINIMAL}\n[kafka.properties]\n\"sasl.password\" = {{ fil = \"x\" }}\n"),
        expect![[r#"conf/logveil.toml:11:19: a secret is written { file = "…" } or { env = "…" }"#]],
    );
    refused(
        &format!("{MINIMAL}\n[http]\nlisten = \"0.0.0.0:80\"\n"),
        expect![[r#"
        conf/logveil.toml: `http.listen` is not a loopback address
          hint: nobody checks who asks; set `http.allow_remote = true` where the network does"#]],
    );
    refused(
        &format!("{MINIMAL}\n[commit]\ninterval_ms = 0\n"),
        expect![[r#"
        conf/logveil.toml: `commit.interval_ms` is out of range
          hint: use 1 to 10000; 100 to 200 is a good value"#]],
    );
    refused(
        &format!("{MINIMAL}\n[retention]\ninterval = \"0s\"\n"),
        expect![[r#"
        conf/logveil.toml: `retention.interval` is out of range
          hint: use `1s` to `1d`; raw records outlive their window by that much"#]],
    );
    refused(
        &format!("{MINIMAL}\n[log]\nlevel = \"loud\"\n"),
        expect![[r#"
        conf/logveil.toml: `log.level` is unknown
          hint: use error, warn, info, debug or trace"#]],
    );
}

#[test]
fn a_window_belongs_to_its_route() {
    let second = "[[route]]\ntopics = [\"raw-2\"]\ntarget = \"clean\"\nquarantine = \"quarantine\"\n";
    let text = format!("{MINIMAL}\n[route.retention]\nwindow = \"30d\"\n{second}retention.window = \"365d\"\n");
    let config = load(&text, &[]).unwrap();
    let days: Vec<_> = config.routes.iter().map(|route| route.window.map(|window| window.as_secs() / 86_400)).collect();
    assert_eq!(days, [Some(30), Some(365)]);
    let config =
        load(&format!("{MINIMAL}\n[retention]\nreceipts = \"/var/lib/logveil/receipts.jsonl\"\n"), &[]).unwrap();
    assert_eq!(config.retention.receipts, Path::new("/var/lib/logveil/receipts.jsonl"));
    assert_eq!(config.routes[0].window, None);
}

#[test]
fn windows_have_bounds() {
    let with = |window: &str| format!("{MINIMAL}retention.window = \"{window}\"\n");
    refused(
        &with("366d"),
        expect![[r#"
        conf/logveil.toml: `route.retention.window` is longer than 365 days
          hint: raw records are promised to end within 365 days: write `365d` or less"#]],
    );
    refused(
        &with("30"),
        expect![[r#"
        conf/logveil.toml: `route.retention.window` is no duration
          hint: write a whole number and a unit: `90m`, `12h` or `30d`"#]],
    );
    refused(
        &with("59s"),
        expect![[r#"
        conf/logveil.toml: `route.retention.window` is shorter than a minute
          hint: write `1m` or more; below that, the clocks of producers decide"#]],
    );
    refused(
        &format!("{MINIMAL}retention.windw = \"1d\"\n"),
        expect!["conf/logveil.toml:9:11: unknown field `windw`, expected `window`"],
    );
}
