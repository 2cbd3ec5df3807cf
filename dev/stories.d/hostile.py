"""Writes one megabyte each of ordinary log lines and of texts made to be expensive, into the folder given."""

import base64
import json
import sys
from pathlib import Path

SIZE = 1_000_000


def repeat(unit):
    return (unit * (SIZE // len(unit) + 1))[:SIZE]


def nested_strings(levels):
    text = "user=alice " * 2000
    for _ in range(levels):
        text = json.dumps({"body": text})
    return text


def nested_base64(levels):
    text = "user=alice " * 8000
    for _ in range(levels):
        text = "x=" + base64.b64encode(text.encode()).decode()
    return text


def many(make):
    parts, size = [], 0
    while size < SIZE:
        parts.append(make(len(parts)))
        size += len(parts[-1]) + 1
    return " ".join(parts)


ORDINARY = "\n".join(
    f'198.51.100.{n % 250} - user{n} [01/Jan/2026:00:00:00 +0000] "GET /v1/orders/{n}?page={n % 9} HTTP/1.1" 200 {n * 31} '
    f'"https://example.com/list" "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"'
    for n in range(SIZE // 190)
)

HOSTILE = {
    "parentheses": repeat("("),
    "braces": "x " + repeat('{"'),
    "brackets": "x " + repeat('["'),
    "open-objects": "x " + repeat('{"a":'),
    "closed-objects": "x " + repeat('{"a":1} '),
    "broken-objects": "x " + repeat('{"a":1,} '),
    "colons": repeat(":"),
    "short-groups": repeat("1:"),
    "dots": repeat("1."),
    "at-signs": repeat("@"),
    "short-mails": repeat("a@b."),
    "equals": repeat("a="),
    "users": repeat("user="),
    "cookies": repeat("cookie: a=b; "),
    "quotes": repeat('"'),
    "quoted-pairs": repeat("a='"),
    "backslashes": repeat("\\"),
    "escaped-quotes": repeat('\\"'),
    "unicode-escapes": repeat("\\u0041"),
    "percent": repeat("%"),
    "percent-endless": repeat("%2525252525252525"),
    "percent-nested": repeat("%25"),
    "references": repeat("&#38;"),
    "full-width": repeat("\uff11\uff0e"),
    "digits": repeat("4111"),
    "digit-groups": repeat("4111 "),
    "pluses": repeat("+1 "),
    "base64-letters": repeat("YWxp"),
    "base64-words": repeat("dXNlcj1hbGljZSB4eHh4 "),
    "tokens": repeat("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x "),
    "token-starts": repeat("eyJ."),
    "keys": repeat("sk_live_"),
    "private-keys": repeat("-----BEGIN PRIVATE KEY-----"),
    "resource-names": repeat("arn:aws:iam::"),
    "lines": repeat("a\n").replace("\n", "\u2028"),
    "greedy": "Jan  1 00:00:00 web1 sshd[1]: Failed password for " + repeat(" from "),
    "addresses": many(lambda n: f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"),
    "mails": many(lambda n: f"u{n}@example.com"),
    "names": json.dumps({"users": [{"user": f"u{n}"} for n in range(50_000)]}),
    "labels": json.dumps([{"name": "user", "value": f"u{n}"} for n in range(25_000)]),
    "deep-array": "[" * 100 + "1" + "]" * 100 + repeat(" "),
    "nested-strings": nested_strings(5),
    "nested-base64": nested_base64(5),
}

folder = Path(sys.argv[1])
(folder / "ordinary").write_text(ORDINARY + "\n")
for name, text in HOSTILE.items():
    (folder / f"hostile-{name}").write_text(text.replace("\n", " ") + "\n")
