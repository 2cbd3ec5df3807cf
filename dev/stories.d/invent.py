"""Hides entities in log lines, and knows what must not come out of lines.

invent.py lines DIR: takes what `logveil generate` wrote to DIR/generated.log and DIR/generated.jsonl, mixes lines of its own
among it, and writes DIR/lines.log and DIR/truth.jsonl (line i: the entities of log line i, those of them that no other file
may hold either, and whether the line may be quarantined). Addresses are of RFC 3849 and RFC 5737; everybody and everything
else is made of syllables.
invent.py check DIR OUT FILE...: looks for the entities of line i in line i of OUT, and for all of them in the other
files. Shares no code with logveil.
"""

import base64, json, random, re, sys, urllib.parse

QUARANTINED = "logveil: quarantined"
ROUNDS = 25
rng = random.Random(20260101)


def syllables(count):
    return "".join(rng.choice(["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe"]) for _ in range(count))


def user():
    return syllables(5)


def email():
    return f"{syllables(3)}.{syllables(4)}@{rng.choice(['example.com', 'mail.example.org'])}"


def ipv4():
    return f"{rng.choice(['192.0.2', '198.51.100', '203.0.113'])}.{rng.randrange(1, 255)}"


def ipv6():
    return f"2001:db8:{rng.randrange(4096, 65536):x}::{rng.randrange(4096, 65536):x}"


def token(length):
    return "".join(rng.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(length))


def generated(directory):
    """The lines of `logveil generate`, with their entities, those with a shape of their own, and whether they may be
    quarantined.

    Shorter values stand in base64 by chance. Ids of accounts in a path, and names in a line that is cut or forged, have
    nothing that they could be known by.
    """
    lines = open(f"{directory}/generated.log", "rb").read().split(b"\n")
    for line, row in zip(lines, open(f"{directory}/generated.jsonl")):
        truth = json.loads(row)
        hostile = "hostile" in truth
        unknowable = ["user-id", "user"] if hostile else ["user-id"]
        entities, shaped = set(), set()
        for entity in truth["entities"]:
            spelled = unescape(line[entity["start"]:entity["end"]].decode())
            texts = [text for text in {entity["value"], spelled} if len(text) >= 5]
            if entity["class"] not in unknowable:
                entities.update(texts)
            if entity["class"] in ["ip", "mac", "email", "session", "token", "device"]:
                shaped.update(texts)
        yield line, sorted(entities), sorted(shaped), hostile


def hostile():
    """Lines that hide an entity, with the entities and whether they may be quarantined."""
    u, e, a, b, six, s = user(), email(), ipv4(), ipv4(), ipv6(), token(32)
    dotless = "".join(f"\\u{ord(c):04x}" for c in u)
    octets = [int(octet) for octet in a.split(".")]
    mapped = f"::ffff:{octets[0] * 256 + octets[1]:x}:{octets[2] * 256 + octets[3]:x}"
    inner = json.dumps({"user": {"name": u}, "client_ip": a})
    # A user name that imitates the rest of the line: the true address is the last one.
    yield f"Jan 11 10:00:07 web1 sshd[42]: Failed password for invalid user {u} from {b} port 1 ssh2 from {a} port 2 ssh2", [u, a, b], False
    yield f'{{"user":{{"name":"{dotless}"}},"path":"/home/{u}"}}', [u, dotless], False
    yield f'{{"client_ip":"192.0.2.0","client_ip":"{a}"}}', [a], True
    yield f'{{"client_ip":"{mapped}","peer":"[{mapped}]:443"}}', [mapped], False
    yield json.dumps({"client_ip": f"[{six}]:8443", "note": f"peer {six.upper()}"}), [six], False
    yield json.dumps({"message": inner}), [u, a], False
    yield json.dumps({"message": json.dumps({"message": inner})}), [u, a], False
    yield json.dumps({e: 3, "by_ip": {a: 1, six: 2}}), [e, a, six], False
    yield json.dumps({"url": f"https://example.com/?mail={urllib.parse.quote(e, safe='')}&ip={a}"}), [e, a], False
    yield json.dumps({"headers": {"authorization": "Basic " + base64.b64encode(f"{u}:{s}".encode()).decode()}}), [u, s], False
    yield json.dumps({"user": {"name": u}, "note": f"{u.upper()} and /home/{u}/ and %{ord(u[0]):02x}{u[1:]}"}), [u], True
    yield f'{{"user":{{"name":"{u}"}},"client_ip":"{a}"', [u, a], True  # no JSON any more
    yield f'{{"client_ip":"{a}"}} {{"client_ip":"{b}"}}', [a, b], True
    yield "[" * 300 + f'"{e}"' + "]" * 300, [e], True
    yield f"level=info user={u} ip={a} msg=\"mail to {e}\" session={s}", [u, a, e, s], False
    yield f"{a}\t{six}\t<{e}>", [a, six, e], False
    yield f"user {u} logged in\u2028from {a}", [u, a], True


def invent(directory):
    rows = list(generated(directory))
    for _ in range(ROUNDS):
        rows += [(line.encode(), entities, entities, may) for line, entities, may in hostile()]
    address = ipv4()
    rows.append((b'{"client_ip":"' + address.encode() + b'","note":"\xff\xfe"}', [address], [address], True))  # no UTF-8
    rows += [(b" ", [], [], True)]
    rng.shuffle(rows)
    with open(f"{directory}/lines.log", "wb") as file:
        file.writelines(line + b"\n" for line, *_ in rows)
    with open(f"{directory}/truth.jsonl", "w") as file:
        for _, entities, elsewhere, may_quarantine in rows:
            row = {"entities": entities, "elsewhere": elsewhere, "may_quarantine": may_quarantine}
            file.write(json.dumps(row) + "\n")


def unescape(text):
    """The text with one layer of JSON escapes and percent-encoding undone."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    text = re.sub(r'\\(["\\/])', r"\1", text)
    return urllib.parse.unquote(text, errors="replace")


def views(text):
    """The text as it is, three layers deep, in lower case, and what its base64 words hold."""
    seen = [text]
    for _ in range(3):
        seen.append(unescape(seen[-1]))
    for word in re.findall(r"[A-Za-z0-9+/_-]{12,}={0,2}", text):
        for start in range(4):
            piece = word[start:].rstrip("=").replace("-", "+").replace("_", "/")
            if len(piece) % 4 == 1:  # no base64 has such a length; the last character belongs to something else
                piece = piece[:-1]
            seen.append(base64.b64decode(piece + "=" * (-len(piece) % 4)).decode("latin-1"))
    return "\n".join(seen).lower()


def stands_in(entity, view):
    """Whether the entity stands there by itself: 192.0.2.1 does not stand in 192.0.2.17."""
    pattern = rf"(?<![0-9a-z]){re.escape(entity.lower())}(?![0-9a-z])"
    return re.search(pattern, view) is not None


def check(directory, out, others):
    truth = [json.loads(row) for row in open(f"{directory}/truth.jsonl")]
    raw = open(f"{directory}/lines.log", "rb").read().split(b"\n")
    lines = open(out, encoding="utf-8", errors="replace").read().split("\n")[:-1]
    assert len(lines) == len(truth), f"{len(lines)} lines came out of {len(truth)}"
    residues = wrongly_quarantined = quarantined = entities = 0
    for number, (line, row) in enumerate(zip(lines, truth)):
        if line == QUARANTINED:
            quarantined += 1
            if not row["may_quarantine"]:
                wrongly_quarantined += 1
                print(f"line {number} should not be quarantined: {raw[number].decode(errors='replace')}")
            continue
        view = views(line)
        entities += len(row["entities"])
        for entity in row["entities"]:
            if stands_in(entity, view):
                residues += 1
                print(f"line {number}: `{entity}` still stands\n  in  {raw[number].decode(errors='replace')}\n  out {line}")
    everything = sorted({entity for row in truth for entity in row["elsewhere"]})
    elsewhere = 0
    for name in others:
        contents = open(name, "rb").read().decode("latin-1").lower()
        # A pattern of thousands of alternatives is slow; the words of the file are not.
        found = [entity for entity in everything if entity.lower() in contents and stands_in(entity, contents)]
        elsewhere += len(found)
        for entity in found:
            print(f"{name}: `{entity}` stands there")
    unchanged = sum(line.encode() == raw[number] and bool(row["entities"]) for number, (line, row) in enumerate(zip(lines, truth)))
    print(
        f"checked lines={len(lines)} entities={entities} residues={residues} residues_elsewhere={elsewhere} "
        f"quarantined={quarantined} wrongly_quarantined={wrongly_quarantined} unchanged={unchanged}"
    )
    return residues + elsewhere + wrongly_quarantined + unchanged == 0


if __name__ == "__main__":
    if sys.argv[1] == "lines":
        invent(sys.argv[2])
    else:
        sys.exit(0 if check(sys.argv[2], sys.argv[3], sys.argv[4:]) else 1)
