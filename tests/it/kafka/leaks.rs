//! Planted values appear in no output.

use super::*;

/// Each is in some record's key, payload or header, and must be nowhere else.
const CANARIES: [&str; 7] = [
    "canary.user-5417",
    "canary5417@example.com",
    "192.0.2.177",
    "2001:db8::5417",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ",
    "canary-session-5417",
    "00:00:5e:00:53:54",
];

fn payloads() -> Vec<Vec<u8>> {
    let [user, email, v4, v6, token, session, mac] = CANARIES;
    let texts = [
        format!(
            r#"{{"client_ip":"{v4}","user":{{"name":"{user}","email":"{email}"}},"authorization":"Bearer {token}"}}"#
        ),
        format!(
            r#"{{"client_ip":"{v6}","session_id":"{session}","username":"{user}","message":"from {v4} by {email}"}}"#
        ),
        format!(r#"{{"message":"{{\"client_ip\":\"{v4}\",\"user\":{{\"email\":\"{email}\"}}}}"}}"#),
        format!(r#"{{"path":"/login?email={email}&token={token}","client_ip":"{v4}","mac":"{mac}"}}"#),
        format!(r#"{{"{email}":{{"{v4}":1}}}}"#),
        format!(r#"{v4} - {user} [23/Nov/2026:10:00:00 +0000] "GET /?mail={email} HTTP/1.1" 200 7 "-" "curl/8.0""#),
        format!("Nov 23 10:00:00 host sshd[7]: Failed password for invalid user {user} from {v4} port 5022 ssh2"),
        format!(r#"{{"username":"{user}","client_ip":"{v4}""#),
        format!(r#"{}{{"username":"{user}"}}{}"#, r#"{"a":"#.repeat(500), "}".repeat(500)),
    ];
    let mut payloads: Vec<Vec<u8>> = texts.map(String::into_bytes).into();
    payloads.push([user.as_bytes(), b"\xff", token.as_bytes()].concat());
    payloads
}

#[test]
fn canaries_appear_in_no_output() {
    let servers = servers();
    let stand = Stand::new(&servers, "[log]\nlevel = \"trace\"\n");
    let (producer, raw) = (stand.producer(), stand.raw());
    let payloads = payloads();
    let [_, email, v4, v6, token, _, mac] = CANARIES;
    for (index, payload) in payloads.iter().enumerate() {
        let headers = OwnedHeaders::new()
            .insert(Header { key: "x-forwarded-for", value: Some(&format!("{v4}, {v6}")) })
            .insert(Header { key: "authorization", value: Some(&format!("Bearer {token}")) })
            .insert(Header { key: "note", value: Some(&format!("{mac} of {email}")) });
        let record = BaseRecord::<str, [u8]>::to(&raw).partition(index as i32 % PARTITIONS);
        send(&producer, record.key(CANARIES[index % CANARIES.len()]).payload(payload).headers(headers));
    }
    producer.flush(TIMEOUT).unwrap();

    let mut process = stand.start("a");
    let metrics = process.wait_until("/metrics", |text| {
        let lines = text.lines().filter(|line| line.starts_with("logveil_records_in_total{"));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum::<usize>() == payloads.len()
    });
    let (clean, sealed) = (stand.read(&stand.clean()), stand.read(&stand.quarantine()));
    assert_eq!(clean.len() + sealed.len(), payloads.len());
    assert!(clean.len() >= 5 && sealed.len() >= 3, "{} clean, {} sealed", clean.len(), sealed.len());
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    for canary in CANARIES {
        for found in clean.iter().chain(&sealed) {
            assert!(!found.shows(canary), "`{canary}` in {found:?}");
        }
        assert!(!metrics.contains(canary), "`{canary}` in the metrics");
        assert!(!process.log().contains(canary), "`{canary}` in the log:\n{}", process.log());
    }
}
