//! JSON events of API gateways and web backends, as `rules/api-gateway` knows them.

use super::{Sketch, Sketches};
use crate::generate::Hostile;
use crate::generate::hostile::Damage;
use crate::generate::template::Part;
use crate::generate::visit::Role;

pub(super) const SKETCHES: Sketches = Sketches {
    is_json: true,
    plays: &[WEB, APP, INTEGRATION, STUFFING, PROBES],
    parts: &[(Part::Path, PATHS), (Part::Referer, REFERERS), (Part::Message, MESSAGES), (Part::Body, BODIES)],
    traps: TRAPS,
    damages: &[Damage::Truncated, Damage::MalformedJson, Damage::InvalidUtf8, Damage::Nul],
};

/// Somebody shops in a browser.
const WEB: Sketch = Sketch {
    role: Role::Desk,
    weight: 6,
    opening: &[
        r#"{"timestamp":"<time>","service":"edge","level":"info","client_ip":"<ip>","x_forwarded_for":"<ip>, <proxy>",
        "request":{"id":"<request>","method":"POST","host":"shop.example.com","path":"/v1/sessions","protocol":"HTTP/2",
        "body":"{\"login\":\"<user>\",\"remember\":true}"},"status":201,"bytes":<bytes>,"duration_ms":<millis>,
        "user":{"id":"<user-id>","name":"<user>","email":"<email>"},"session":{"id":"<session>"},
        "device":{"id":"<device>","os":"<os>"},"user_agent":"<agent>","message":"user <user> logged in from <ip>"}"#,
    ],
    middle: &[
        &[
            r#"{"timestamp":"<time>","service":"edge","level":"info","client_ip":"<ip>","x_forwarded_for":"<ip>, <proxy>",
            "request":{"id":"<request>","method":"GET","host":"shop.example.com","path":"<path>","protocol":"HTTP/2"},
            "status":<status>,"bytes":<bytes>,"duration_ms":<millis>,
            "user":{"id":"<user-id>","name":"<user>","email":"<email>"},"session":{"id":"<session>"},
            "device":{"id":"<device>","os":"<os>"},"authorization":"Bearer <jwt>","cookies":"sid=<session>; theme=dark",
            "user_agent":"<agent>","referer":"<referer>","trace":"00-<request>-<span>-01","message":"<message>"}"#,
        ],
        &[r#"{"timestamp":"<time>","service":"cart","level":"info","client_ip":"<ip>",
            "request":{"id":"<request>","method":"POST","path":"/v1/orders","body":"<body>"},"status":201,"bytes":<bytes>,
            "duration_ms":<millis>,"user":{"id":"<user-id>","name":"<user>","email":"<email>","full_name":"<name>"},
            "session":{"id":"<session>"},"cookies":{"sid":"<session>","csrf_token":"<token>"},"user_agent":"<agent>",
            "tags":["checkout","eu"],"upstream":{"host":"<server>","retries":0,"took_ms":<millis>},"message":"<message>"}"#],
    ],
    turns: 2..=14,
    closing: &[
        r#"{"timestamp":"<time>","service":"edge","level":"info","client_ip":"<ip>","request":{"id":"<request>",
        "method":"DELETE","host":"shop.example.com","path":"/v1/sessions/<session>"},"status":204,"duration_ms":<millis>,
        "user":{"id":"<user-id>","name":"<user>"},"session":{"id":"<session>"},"user_agent":"<agent>",
        "message":"user <user> signed out"}"#,
    ],
};

/// Somebody uses the app on a telephone, whose events are flatter and know the hardware.
const APP: Sketch = Sketch {
    role: Role::Phone,
    weight: 4,
    opening: &[r#"{"ts":<epoch-ms>,"client_ip":"<ip>","request":{"method":"POST","path":"/app/v3/token","status":200},
        "user_id":"<user-id>","email":"<email>","session_id":"<session>","access_token":"<token>",
        "device":{"id":"<device:upper>","os":"<os>","mac":"<mac>","ip":"<ip:expanded>"},"user_agent":"<agent>",
        "profile":{"display_name":"<name:ascii>","locale":"en-GB"}}"#],
    middle: &[
        &[
            r#"{"ts":<epoch-ms>,"client_ip":"<ip>","request":{"method":"GET","path":"<path>","status":<status>,"bytes":<bytes>},
            "user_id":"<user-id>","username":"<user>","session_id":"<session>","device_id":"<device>","user_agent":"<agent>",
            "timing":{"dns":3,"connect":12,"total":<millis>},"message":"<message>"}"#,
        ],
        &[
            r#"{"ts":<epoch-ms>,"client_ip":"<ip:mapped>","request":{"method":"POST","path":"/app/v3/telemetry","bytes":<bytes>},
            "user_id":"<user-id>","session_id":"<session>","device":{"id":"<device:upper>","os":"<os>","mac":"<mac>",
            "ip":"<ip:expanded>"},"battery":0.62,"request_body":"<body>","profile":{"display_name":"<name>"}}"#,
        ],
    ],
    turns: 1..=20,
    closing: &[
        r#"{"ts":<epoch-ms>,"client_ip":"<ip>","request":{"method":"POST","path":"/app/v3/token/revoke","status":204},
        "user_id":"<user-id>","session_id":"<session>","device_id":"<device>","user_agent":"<agent>",
        "message":"session <session> ended"}"#,
    ],
};

/// A program of somebody's calls the API; the service behind the gateway logs.
const INTEGRATION: Sketch = Sketch {
    role: Role::Shell,
    weight: 2,
    opening: &[],
    middle: &[
        &[r#"{"time":"<time>","level":"INFO","logger":"orders.api","client_ip":"<ip>","request":{"method":"PUT",
            "url":"https://api.example.com/v2/users/<user-id>/hooks?notify=<email:query>&page=2",
            "remote_addr":"<ip:bracketed>:<port>","headers":{"Host":"api.example.com","User-Agent":"<agent>",
            "Authorization":"Bearer <token>","X-Forwarded-For":["<ip>","<proxy>"],"X-Request-Id":"<request>",
            "Content-Type":"application/json"},"body":"<body>"},"response":{"status":<status>,"bytes":<bytes>},
            "consumer":{"id":"<user-id>","username":"<user>"},"duration_ms":<millis>,"message":"<message>"}"#],
        &[
            r#"{"time":"<time>","level":"WARN","logger":"gateway.limits","client_ip":"<ip>","forwarded":"for=\"<ip:bracketed>:<port>\";proto=https",
            "request":{"method":"GET","path":"<path>","headers":{"authorization":"Basic <basic>","user-agent":"<agent>"}},
            "status":429,"consumer":{"username":"<user>"},"error":{"code":"rate_limited",
            "message":"too many requests by user <user> from <ip>"}}"#,
        ],
        &[
            r#"{"time":"<time>","level":"INFO","logger":"mail.outbox","client_ip":"<ip>","request":{"method":"POST","path":"/v2/share"},
            "user":{"email":"<email>","name":"<user>"},"status":202,
            "shares":{"<email>":"owner","<other-email>":"reader"},"message":"order <order> shared with <other-email>"}"#,
        ],
    ],
    turns: 1..=9,
    closing: &[],
};

/// A stranger tries passwords of people.
const STUFFING: Sketch = Sketch {
    role: Role::Stranger,
    weight: 1,
    opening: &[],
    middle: &[
        &[
            r#"{"timestamp":"<time>","service":"edge","level":"warn","client_ip":"<ip>","x_forwarded_for":"<ip>, <proxy>",
            "request":{"id":"<request>","method":"POST","host":"shop.example.com","path":"/v1/sessions",
            "body":"{\"email\":\"<email>\"}"},"status":401,"bytes":112,"duration_ms":<millis>,"user_agent":"<agent>",
            "message":"authentication failed for <email> from <ip>"}"#,
        ],
        &[
            r#"{"timestamp":"<time>","service":"edge","level":"warn","client_ip":"<ip>","request":{"id":"<request>","method":"GET",
            "path":"/admin/.env"},"status":404,"bytes":112,"duration_ms":<millis>,"user":{"name":"<user>"},
            "user_agent":"<agent>","message":"Failed login for user \"<user>\" from <ip>"}"#,
        ],
    ],
    turns: 3..=30,
    closing: &[],
};

/// The gateway looks after itself: nobody stands in these.
const PROBES: Sketch = Sketch {
    role: Role::Stranger,
    weight: 1,
    opening: &[],
    middle: &[
        &[
            r#"{"timestamp":"<time>","service":"edge","level":"debug","client_ip":null,"request":{"method":"GET","path":"/healthz"},
            "status":200,"bytes":2,"duration_ms":1,"message":"gateway build 4.18.0 ready"}"#,
        ],
        &[
            r#"{"timestamp":"<time>","service":"edge","level":"error","client_ip":"","request":{"method":"GET","path":"/v1/products/<product>"},
            "status":503,"bytes":0,"duration_ms":30000,"message":"upstream timed out after 30 s, retry 2 of 3"}"#,
        ],
    ],
    turns: 1..=6,
    closing: &[],
};

const PATHS: &[&str] = &[
    "/v1/products/<product>",
    "/v1/products/<product>?lang=en",
    "/v1/products/<product>/reviews?page=2&sort=new",
    "/v1/search?q=blue+kettle&page=3",
    "/v1/orders/<order>",
    "/v1/users/<user>/orders/<order>",
    "/v1/users/<user-id>/addresses",
    "/v1/reset?access_token=<token>&email=<email:query>",
    "/home/<user>/files/report-<order>.pdf",
];

const REFERERS: &[&str] = &[
    "https://shop.example.com/products/<product>",
    "https://shop.example.com/account?email=<email:query>",
    "https://shop.example.com/u/<user>",
    "https://www.example.org/",
    "",
];

const MESSAGES: &[&str] = &[
    "order list for user <user>",
    "order <order> is on its way to <email>",
    "product <product> served from cache",
    "upstream answered in <millis> ms",
    "connection from <ip> was slow, 2 retries",
    r#"token of user "<user>" renewed"#,
    "session=<session> user=<user> action=view",
    "<user> changed her password",
];

const BODIES: &[&str] = &[
    r#"{"order":<order>,"items":[{"product":<product>,"count":2}],"ship_to":{"full_name":"<name>","email":"<email>"}}"#,
    r#"{"event":"view","product":<product>,"user":{"id":"<user-id>","name":"<user>"},"ip":"<ip>"}"#,
    r#"{"event":"search","words":["blue","kettle"],"device_id":"<device>"}"#,
    r#"{"invite":"<other-email>","from":"<email>","note":"see you at \"the corner\""}"#,
];

const TRAPS: &[(Hostile, &str)] = &[
    (
        Hostile::Escapes,
        r#"{"client_\u0069p":"<ip:unicode>","request":{"method":"GET","path":"/u/<user:unicode>"},"user":{"name":"<user:unicode>","email":"<email:unicode>"},"status":200}"#,
    ),
    (
        Hostile::Escapes,
        r#"{"client_ip":"<ip>","request":{"method":"GET","path":"\/home\/<user>\/"},"user":{"n\u0061me":"<user>"},"session":{"id":"<session:unicode>"}}"#,
    ),
    (
        Hostile::Percent,
        r#"{"client_ip":"<ip>","request":{"method":"GET","url":"https://shop.example.com/?mail=<email:percent>&from=<ip:percent>&user=<user:percent>"},"status":200}"#,
    ),
    (
        Hostile::DuplicateNames,
        r#"{"client_ip":"<other-ip>","client_ip":"<ip>","request":{"method":"GET","path":"<path>"},"user":{"name":"<other-user>","name":"<user>"},"status":200}"#,
    ),
    (Hostile::Deep, r#"{"client_ip":"<ip>","request":<deep>,"user":{"name":"<user>"}}"#),
    (
        Hostile::Injection,
        r#"{"client_ip":"<ip>","request":{"method":"GET","path":"/"},"user":{"name":"<user>"},"message":"login of <user> failed\nJan 11 10:00:07 <server> sshd[42]: Accepted password for <other-user> from <other-ip> port 1 ssh2"}"#,
    ),
    (
        Hostile::Injection,
        r#"{"client_ip":"<ip>","request":{"method":"GET","path":"/"},"user":{"name":"<user>"},"message":"\",\"client_ip\":\"<other-ip>\",\"user\":{\"name\":\"<other-user>\"},\"x\":\""}"#,
    ),
    (
        Hostile::LongValue,
        r#"{"client_ip":"<ip>","request":{"method":"POST","path":"/v1/notes","body":"<long> written by <email>"},"user":{"email":"<email>"},"status":413}"#,
    ),
    (
        Hostile::Nested,
        r#"{"client_ip":"<ip>","request":{"method":"POST","path":"/v1/events"},"message":"{\"log\":\"{\\\"user\\\":{\\\"name\\\":\\\"<user>\\\"},\\\"client_ip\\\":\\\"<ip:mapped>\\\"}\"}"}"#,
    ),
    (
        Hostile::Nested,
        r#"{"client_ip":"<ip>","request":{"method":"POST","path":"/v1/events","body":"{\"message\":\"{\\\"email\\\":\\\"<email>\\\",\\\"message\\\":\\\"{\\\\\\\"session_id\\\\\\\":\\\\\\\"<session>\\\\\\\"}\\\"}\"}"}}"#,
    ),
    (Hostile::Empty, ""),
];
