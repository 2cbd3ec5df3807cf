//! Invented logs: the same on every run, and veiled by the shipped packs without a leak.

use crate::support::{NEW_YEAR_MS, keyring, record, shipped};
use expect_test::{Expect, expect};
use logveil::decode::escape::Undo;
use logveil::generate::{Entity, Event, Generator, Kind, Options, Timeline};
use logveil::rules::{Class, RulePack};
use logveil::veil::{Batch, Choice, FINDINGS_MAX, Outcome, Reason, Veil};
use sha2::{Digest, Sha256};
use std::iter::Take;

fn generator(kind: Kind, hostile_per_mille: u16) -> Generator {
    let timeline = Timeline::paced(NEW_YEAR_MS, 10);
    Generator::new(Options { seed: 1, kinds: vec![kind], timeline, hostile_per_mille })
}

/// Compares the first lines, and a hash over a thousand with their truth, some of them hostile.
///
/// Whoever changes them changes what everybody's seeds give: worth a line in the changelog.
#[track_caller]
fn check_lines(kind: Kind, expect: Expect) {
    let mut text = String::new();
    for event in generator(kind, 0).take(3) {
        text += &format!("{}\n", String::from_utf8(event.line).unwrap());
    }
    let mut hash = Sha256::new();
    for event in generator(kind, 30).take(1000) {
        hash.update(&event.line);
        hash.update(format!("{:?} {:?} {:?}", event.timestamp_ms, event.key, event.truth));
    }
    text += &data_encoding::HEXLOWER.encode(&hash.finalize());
    expect.assert_eq(&text);
}

#[test]
fn api_events_stay_the_same() {
    check_lines(
        Kind::Api,
        expect![[r#"
        {"timestamp":"2026-01-01T00:00:00.000Z","service":"edge","level":"info","client_ip":"2001:db8:b5d8::58ea","x_forwarded_for":"2001:db8:b5d8::58ea, 198.51.100.4","request":{"id":"d749c84163a582d8e4e2018bc2ea504e","method":"POST","host":"shop.example.com","path":"/v1/sessions","protocol":"HTTP/2","body":"{\"login\":\"thao_bui\",\"remember\":true}"},"status":201,"bytes":45734,"duration_ms":218,"user":{"id":"u-500524","name":"thao_bui","email":"thao-bui1246@example.org"},"session":{"id":"181f0d209a527cf75882d25db0bbb1ef"},"device":{"id":"1135be0c-654c-4696-a949-711ce968c29c","os":"Windows 10"},"user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36","message":"user thao_bui logged in from 2001:db8:b5d8::58ea"}
        {"timestamp":"2026-01-01T00:00:00.052Z","service":"edge","level":"warn","client_ip":"2001:db8:3f6e:91e0:d4a1:cb38:b708:a103","x_forwarded_for":"2001:db8:3f6e:91e0:d4a1:cb38:b708:a103, 198.51.100.1","request":{"id":"2e5fa5316d5eaee0492bdb5141fd72e3","method":"POST","host":"shop.example.com","path":"/v1/sessions","body":"{\"email\":\"sahin60@staff.example.org\"}"},"status":401,"bytes":112,"duration_ms":797,"user_agent":"Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/66.0.0.0 Safari/537.36","message":"authentication failed for sahin60@staff.example.org from 2001:db8:3f6e:91e0:d4a1:cb38:b708:a103"}
        {"timestamp":"2026-01-01T00:00:00.188Z","service":"edge","level":"info","client_ip":"203.0.113.207","x_forwarded_for":"203.0.113.207, 198.51.100.3","request":{"id":"a160710707fdf133fc07a5138af7dd72","method":"POST","host":"shop.example.com","path":"/v1/sessions","protocol":"HTTP/2","body":"{\"login\":\"munoz.i\",\"remember\":true}"},"status":201,"bytes":28349,"duration_ms":57,"user":{"id":"u-414159","name":"munoz.i","email":"inigo-munoz11@example.com"},"session":{"id":"ddbdd3d394eb96a1ced67b6ee23ed708"},"device":{"id":"fc7afbed-343d-4277-bec0-6a66028ac2cc","os":"Ubuntu 24.04"},"user_agent":"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0","message":"user munoz.i logged in from 203.0.113.207"}
        0afac75db1c3bc710b59e36d649384e222021ae8ed75be079c89e4b3f148363a"#]],
    );
}

#[test]
fn nginx_lines_stay_the_same() {
    check_lines(
        Kind::Nginx,
        expect![[r#"
        192.0.2.149 - - [01/Jan/2026:00:00:00 +0000] "GET /robots.txt HTTP/1.1" 200 68 "-" "Mozilla/5.0 zgrab/0.2"
        2001:db8:7a25:8313:93fc:7b74:c73d:2007 - - [01/Jan/2026:00:00:00 +0000] "GET /callback?code=4f1c&state=ok&id_token=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwic3ViIjoidS00NTY2MzYiLCJlbWFpbCI6InNlb3llb24ta2FuZzE0QGV1LmV4YW1wbGUubmV0IiwiaWF0IjoxNzY3MjI1NjAwLCJleHAiOjE3NjcyMjkyMDB9.qLYPs5XAUnOWXrS6kIdW9cGPmfh9BZOmUQfCoLtZv5U HTTP/1.1" 200 44995 "-" "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
        203.0.113.156 - - [01/Jan/2026:00:00:00 +0000] "POST /wp-login.php HTTP/1.1" 404 153 "-" "Mozilla/5.0 (compatible; ExampleBot/4.0; +https://bot.example.net/about)"
        81bdeae655932f1eaa9243145faec2bec8179a5004bddf5da3e623cb83706a54"#]],
    );
}

#[test]
fn sshd_lines_stay_the_same() {
    check_lines(
        Kind::Sshd,
        expect![[r#"
        2026-01-01T00:00:00.000000+00:00 build03 sshd[34171]: Connection from 203.0.113.207 port 51914 on 198.51.100.3 port 22 rdomain ""
        Jan  1 00:00:00 api-gw sshd[68259]: Invalid user jenkins from 2001:db8:2bcd::27e7 port 45900
        Jan  1 00:00:00 db-primary sshd[38724]: Received disconnect from 203.0.113.57 port 47189:11: Bye Bye [preauth]
        5db08560b3faba8abb87bce7efa6e10970992c22d7992f203b29620f3ee87941"#]],
    );
}

#[test]
fn cloud_events_stay_the_same() {
    check_lines(
        Kind::CloudTrail,
        expect![[r#"
            {"eventVersion":"1.08","userIdentity":{"type":"SAMLUser","principalId":"samlp:kgeorgiou@mail.example.com","userName":"kgeorgiou@mail.example.com","identityProvider":"https://id.example.com"},"eventTime":"2026-01-01T00:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithSAML","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.249","userAgent":"curl/8.5.0","requestParameters":{"roleArn":"arn:aws:iam::484062626617:role/Operations","roleSessionName":"kgeorgiou@mail.example.com","durationSeconds":3600},"responseElements":{"credentials":{"accessKeyId":"AKIAHTPJIMKC6EXAMPLE","sessionToken":"qXBofhOursP4ATABp9EOuPuDaUBsNbsbWUMl4hJu","expiration":"2026-01-01T00:00:00Z"},"assumedRoleUser":{"assumedRoleId":"AIDAW5OY3DKVAUEXAMPLE:kgeorgiou@mail.example.com","arn":"arn:aws:sts::484062626617:assumed-role/Operations/kgeorgiou@mail.example.com"}},"requestID":"0467a95347dc1b2beb374ef09d578ed6","eventID":"fb9856ac-b823-44d4-94c8-b10f62a87129","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"484062626617"}
            {"eventVersion":"1.08","userIdentity":{"type":"SAMLUser","principalId":"samlp:sunita.patel@mail.example.com","userName":"sunita.patel@mail.example.com","identityProvider":"https://id.example.com"},"eventTime":"2026-01-01T00:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithSAML","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.145","userAgent":"PostmanRuntime/7.41.0","requestParameters":{"roleArn":"arn:aws:iam::427539922459:role/Operations","roleSessionName":"sunita.patel@mail.example.com","durationSeconds":3600},"responseElements":{"credentials":{"accessKeyId":"AKIA723WJ7VC5EXAMPLE","sessionToken":"6IWB8PM9du7z5Gx4ec2CG1vqbbI1rQmoOkE0L4LB","expiration":"2026-01-01T00:00:00Z"},"assumedRoleUser":{"assumedRoleId":"AIDAKURXUYDGKSEXAMPLE:sunita.patel@mail.example.com","arn":"arn:aws:sts::427539922459:assumed-role/Operations/sunita.patel@mail.example.com"}},"requestID":"81ff62ccd78bf077796fb0c4435bc3d5","eventID":"7e009d33-2874-4f88-8690-4f3bbca43c2a","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"427539922459"}
            {"eventVersion":"1.10","userIdentity":{"type":"IAMUser","principalId":"AIDAXDORCG6VRGEXAMPLE","arn":"arn:aws:iam::484062626617:user/meera_joshi","accountId":"484062626617","accessKeyId":"AKIAP65PKQUPXEXAMPLE","userName":"meera_joshi"},"eventTime":"2026-01-01T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-central-1","sourceIPAddress":"2001:db8:1187::6784","userAgent":"[Go-http-client/2.0]","requestParameters":{"bucketName":"example-reports","Host":"example-reports.s3.amazonaws.com","key":"home/meera_joshi/report-340179.csv"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"bytesTransferredOut":82339},"requestID":"379a036ee72b640a","eventID":"e21152dc-418f-49c2-8865-fc9118d49bf5","readOnly":true,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::example-reports/home/meera_joshi/report-340179.csv"},{"accountId":"484062626617","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::example-reports"}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"484062626617","eventCategory":"Data","tlsDetails":{"tlsVersion":"TLSv1.3","clientProvidedHostHeader":"example-reports.s3.amazonaws.com"}}
            8db3d6da48beeef7ca795fff631731390451420802e348671467b6afc83b1f41"#]],
    );
}

/// Veils each event by the pack and looks for those of its entities that `must_go`.
#[track_caller]
fn check_veiled(packs: &[RulePack], pack: &str, events: Take<Generator>, must_go: fn(&Entity) -> bool) {
    let veil = Veil::new(packs, &Choice::new(pack)).unwrap();
    let (keys, mut batch) = (keyring(), Batch::default());
    for event in events {
        let record = record(&event.line);
        veil.batch(&keys, &[record], &mut batch);
        match batch.outcome(0, &record) {
            Outcome::Clean(clean) => {
                let views = views(clean.payload().unwrap());
                for entity in event.truth.iter().filter(|entity| must_go(entity)) {
                    assert!(
                        !left_in(&views, &event, entity),
                        "{pack}: {} `{}` of\n{}\nstands in\n{}",
                        entity.class,
                        entity.value,
                        String::from_utf8_lossy(&event.line),
                        views[0]
                    );
                }
            }
            Outcome::Quarantine(reason) => {
                assert!(event.hostile.is_some(), "{pack}: {reason}: {}", String::from_utf8_lossy(&event.line));
            }
        }
    }
}

/// What becomes of each payload; all of them in one batch, or each in its own.
fn outcomes(veil: &Veil, payloads: &[&[u8]], at_once: usize) -> Vec<Result<Vec<u8>, Reason>> {
    let (keys, mut batch, mut outcomes) = (keyring(), Batch::default(), Vec::new());
    for payloads in payloads.chunks(at_once) {
        let records: Vec<_> = payloads.iter().map(|payload| record(payload)).collect();
        veil.batch(&keys, &records, &mut batch);
        outcomes.extend(records.iter().enumerate().map(|(index, record)| match batch.outcome(index, record) {
            Outcome::Clean(clean) => Ok(clean.payload().unwrap().to_vec()),
            Outcome::Quarantine(reason) => Err(reason),
        }));
    }
    outcomes
}

#[test]
fn what_a_batch_learns_changes_no_record() {
    let packs = shipped();
    let kinds = vec![Kind::Api, Kind::Nginx, Kind::Sshd, Kind::CloudTrail];
    let timeline = Timeline::paced(NEW_YEAR_MS, 10);
    let events: Vec<Event> =
        Generator::new(Options { seed: 7, kinds, timeline, hostile_per_mille: 200 }).take(1500).collect();
    let payloads: Vec<&[u8]> = events.iter().map(|event| event.line.as_slice()).collect();
    for pack in ["auto", "generic-json", "api-gateway", "generic-line"] {
        let veil = Veil::new(packs, &Choice::new(pack)).unwrap();
        assert_eq!(outcomes(&veil, &payloads, payloads.len()), outcomes(&veil, &payloads, 1), "{pack}");
    }
}

#[test]
fn what_a_full_record_could_not_hold_is_found_in_the_next() {
    let veil = Veil::new(shipped(), &Choice::new("generic-json")).unwrap();
    let full = format!("[{}\"203.0.113.9\"]", "\"192.0.2.1\",".repeat(FINDINGS_MAX));
    let payloads: [&[u8]; 2] = [full.as_bytes(), b"[\"203.0.113.9\"]"];
    let outcomes = outcomes(&veil, &payloads, 2);
    assert_eq!(outcomes[0], Err(Reason::TooMany));
    let clean = String::from_utf8(outcomes[1].clone().unwrap()).unwrap();
    assert!(clean.starts_with("[\"ip.") && !clean.contains("203.0.113.9"), "{clean}");
}

/// All that can be read in a text: itself and what its escapes hide, in lower case.
fn views(text: &[u8]) -> Vec<String> {
    let mut views = vec![text.to_vec()];
    loop {
        let mut flat = Vec::new();
        if !Undo::Any.flatten(&views[views.len() - 1], &mut flat) {
            return views.iter().map(|view| String::from_utf8_lossy(view).to_lowercase()).collect();
        }
        views.push(flat);
    }
}

/// Whether an entity stands there, in its usual spelling or in that of the line.
fn left_in(clean: &[String], event: &Event, entity: &Entity) -> bool {
    let spelled = views(&event.line[entity.span.clone()]);
    let spellings = spelled.iter().chain([&entity.value]).map(|text| text.to_lowercase());
    spellings.into_iter().any(|text| clean.iter().any(|view| stands(&text, view)))
}

/// Whether the text stands in the view by itself: `192.0.2.1` does not stand in `192.0.2.17`.
fn stands(text: &str, view: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    view.match_indices(text).any(|(at, found)| {
        let (before, rest) = view.split_at(at);
        let behind = rest.strip_prefix(found).unwrap_or_default();
        !is_word(before.chars().next_back()) && !is_word(behind.chars().next())
    })
}

const PACKS: [(Kind, &str); 4] = [
    (Kind::Api, "api-gateway"),
    (Kind::Nginx, "nginx"),
    (Kind::Sshd, "linux-auth"),
    (Kind::CloudTrail, "generic-json"),
];

/// An account's id goes where a field names it; one that stands only in a path has no shape to be known by.
#[test]
fn nobody_is_left_in_usual_lines() {
    let packs = shipped();
    for (kind, pack) in PACKS {
        for pack in [pack, "auto"] {
            check_veiled(packs, pack, generator(kind, 0).take(2000), |entity| entity.class != Class::UserId);
        }
    }
}

/// In a path, the accounts that every machine has stay by policy, and names of two letters are found by chance.
#[test]
fn nobody_is_left_in_hostile_lines() {
    const ANYBODY: [&str; 3] = ["root", "www-data", "pi"];
    let packs = shipped();
    for (kind, pack) in PACKS {
        for pack in [pack, "auto"] {
            check_veiled(packs, pack, generator(kind, 1000).take(300), |entity| {
                entity.class != Class::UserId && !ANYBODY.contains(&entity.value.as_str())
            });
        }
    }
}
