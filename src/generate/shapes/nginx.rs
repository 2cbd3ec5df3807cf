//! Access logs of nginx in the combined format, some with more fields behind it, and its error log, as `rules/nginx`
//! knows them.

use super::{Sketch, Sketches};
use crate::generate::Hostile;
use crate::generate::hostile::Damage;
use crate::generate::template::Part;
use crate::generate::visit::Role;

pub(super) const SKETCHES: Sketches = Sketches {
    is_json: false,
    plays: &[SHOP, PHONE, FILES, BEHIND_PROXY, CRAWLER, SCANNER],
    parts: &[(Part::Page, PAGES), (Part::Referer, REFERERS)],
    traps: TRAPS,
    damages: &[Damage::Truncated, Damage::InvalidUtf8, Damage::Nul],
};

const SHOP: Sketch = Sketch {
    role: Role::Desk,
    weight: 6,
    opening: &[r#"<ip> - - [<time-access>] "POST /login HTTP/2.0" 302 0 "https://shop.example.com/login" "<agent>""#],
    middle: &[
        &[r#"<ip> - - [<time-access>] "GET <page> HTTP/2.0" <status> <bytes> "<referer>" "<agent>""#],
        &[
            r#"<ip> - - [<time-access>] "GET <page> HTTP/2.0" 200 <bytes> "<referer>" "<agent>""#,
            r#"<ip> - - [<time-access>] "GET /static/app.4f1c2b.js HTTP/2.0" 304 0 "https://shop.example.com/" "<agent>""#,
        ],
    ],
    turns: 2..=14,
    closing: &[r#"<ip> - - [<time-access>] "POST /logout HTTP/2.0" 302 0 "https://shop.example.com/" "<agent>""#],
};

const PHONE: Sketch = Sketch {
    role: Role::Phone,
    weight: 3,
    opening: &[],
    middle: &[&[r#"<ip> - - [<time-access>] "GET <page> HTTP/1.1" <status> <bytes> "-" "<agent>""#]],
    turns: 1..=10,
    closing: &[],
};

/// Files behind basic authentication.
const FILES: Sketch = Sketch {
    role: Role::Shell,
    weight: 2,
    opening: &[
        r#"<ip> - - [<time-access>] "PROPFIND /dav/home/<user>/ HTTP/1.1" 401 172 "-" "<agent>""#,
        r#"<time-error> [error] <pid>#<pid>: *<order> user "<user>": password mismatch, client: <ip>, server: files.example.com, request: "PROPFIND /dav/home/<user>/ HTTP/1.1", host: "files.example.com""#,
    ],
    middle: &[
        &[
            r#"<ip> - <user> [<time-access>] "GET /dav/home/<user>/report-<order>.pdf HTTP/1.1" 200 <bytes> "-" "<agent>""#,
        ],
        &[r#"<ip> - <user> [<time-access>] "PUT /~<user>/notes-<order>.txt HTTP/1.1" 201 0 "-" "<agent>""#],
        &[r#"<ip> - <email> [<time-access>] "GET /users/<email:query>/shared HTTP/1.1" 200 <bytes> "-" "<agent>""#],
    ],
    turns: 1..=8,
    closing: &[],
};

/// The format `main` of nginx's own example, and timings behind it.
const BEHIND_PROXY: Sketch = Sketch {
    role: Role::Desk,
    weight: 2,
    opening: &[],
    middle: &[
        &[r#"<proxy> - - [<time-access>] "GET <page> HTTP/1.1" <status> <bytes> "<referer>" "<agent>" "<ip>""#],
        &[
            r#"<proxy> - - [<time-access>] "GET <page> HTTP/1.1" <status> <bytes> "<referer>" "<agent>" "<ip>, <proxy>" 0.012 <proxy>:8080"#,
        ],
        &[
            r#"<ip:mapped> - <user> [<time-access>] "POST /u/<user>/cart HTTP/1.1" 201 <bytes> "<referer>" "<agent>" 0.<millis>"#,
        ],
    ],
    turns: 1..=8,
    closing: &[],
};

const CRAWLER: Sketch = Sketch {
    role: Role::Stranger,
    weight: 2,
    opening: &[r#"<ip> - - [<time-access>] "GET /robots.txt HTTP/1.1" 200 68 "-" "<agent>""#],
    middle: &[&[r#"<ip> - - [<time-access>] "GET /products/<product> HTTP/1.1" <status> <bytes> "-" "<agent>""#]],
    turns: 3..=20,
    closing: &[],
};

const SCANNER: Sketch = Sketch {
    role: Role::Stranger,
    weight: 1,
    opening: &[],
    middle: &[
        &[r#"<ip> - - [<time-access>] "GET /.env HTTP/1.1" 404 153 "-" "<agent>""#],
        &[r#"<ip> - - [<time-access>] "POST /wp-login.php HTTP/1.1" 404 153 "-" "<agent>""#],
        &[r#"<ip> - - [<time-access>] "\x16\x03\x01\x00\xEE" 400 157 "-" "-""#],
        &[
            r#"<time-error> [error] <pid>#<pid>: *<order> access forbidden by rule, client: <ip>, server: shop.example.com, request: "GET /.git/config HTTP/1.1", host: "shop.example.com""#,
        ],
        &[
            r#"<time-error> [info] <pid>#<pid>: *<order> client closed connection while waiting for request, client: <ip>, server: 0.0.0.0:443"#,
        ],
    ],
    turns: 2..=12,
    closing: &[],
};

const PAGES: &[&str] = &[
    "/",
    "/products/<product>",
    "/products/<product>?lang=en",
    "/search?q=blue+kettle&page=3",
    "/cart",
    "/orders/<order>",
    "/account?email=<email:query>",
    "/reset?token=<token>",
    "/welcome?user=<user>&lang=en",
    "/callback?code=4f1c&state=ok&id_token=<jwt>",
];

const REFERERS: &[&str] = &[
    "https://shop.example.com/",
    "https://shop.example.com/products/<product>",
    "https://shop.example.com/search?q=kettle",
    "https://shop.example.com/account?email=<email:query>",
    "https://mail.example.net/inbox/<email>",
    "-",
];

const TRAPS: &[(Hostile, &str)] = &[
    (
        Hostile::Percent,
        r#"<ip> - - [<time-access>] "GET /%68%6f%6d%65/?mail=<email:percent>&ip=<ip:percent>&user=<user:percent> HTTP/1.1" 200 <bytes> "-" "<agent>""#,
    ),
    (
        Hostile::Escapes,
        r#"<ip> - - [<time-access>] "POST /events?json={\x22user\x22:\x22<user>\x22,\x22ip\x22:\x22<other-ip>\x22} HTTP/1.1" 200 <bytes> "-" "<agent>""#,
    ),
    (Hostile::Injection, r#"<ip> - x" 200 1 "-" "<other-user> [<time-access>] "GET / HTTP/1.1" 401 0 "-" "<agent>""#),
    (
        Hostile::Injection,
        r#"<ip> - - [<time-access>] "GET / HTTP/1.1" 200 1 "-" "evil\" <other-ip> - <other-email> \"agent""#,
    ),
    (
        Hostile::Injection,
        r#"<time-error> [error] 31#31: *5 open() "/srv/x, client: <other-ip>, server: a, request: " failed (2: No such file or directory), client: <ip>, server: shop.example.com, request: "GET /x HTTP/1.1", host: "shop.example.com""#,
    ),
    (
        Hostile::LongValue,
        r#"<ip> - - [<time-access>] "GET /search?q=<long>&email=<email:query> HTTP/1.1" 414 0 "-" "<agent>""#,
    ),
    (
        Hostile::Nested,
        r#"<ip> - - [<time-access>] "GET /log?event=%7B%22user%22%3A%22<user>%22%2C%22body%22%3A%22%7B%5C%22email%5C%22%3A%5C%22<email:query>%5C%22%7D%22%7D HTTP/1.1" 200 <bytes> "-" "<agent>""#,
    ),
    (Hostile::Empty, ""),
];
