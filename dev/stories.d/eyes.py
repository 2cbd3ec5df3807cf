"""Looks at scrubbed logs with detectors that are not ours: eyes.py RAW.log CLEAN.log

Line i of CLEAN.log answers line i of RAW.log. Prints what the detectors find before and after by detector and kind, and
why each hit that is left is no leak. A reason is a predicate over the hit and what stands around it; none lists values.
Exits with 1 when a hit has no reason, when the detectors find too little in the raw lines to count as eyes, or when a leak
that is planted into clean lines goes unseen or is explained away. Of a hit without reason only place, kind and shape are
printed.
"""

import base64, collections, datetime, ipaddress, re, sys

from eyes_detectors import hits

TOKEN = re.compile(r"(?:[a-z-]+\.[a-z0-9]{1,12}_[a-z2-7]{24}(?:_[a-z2-7]{24})?|\b[a-z-]+\.dropped)(?![A-Za-z0-9])")
TIME = re.compile(
    r"(?<!\d)(?:\d{4}[-/.]\d\d[-/.]\d\d(?:[T _-]?|(?=\d))|\d\d[-/.](?:\d\d|[A-Z][a-z]{2})[-/.]\d{2,4}[ :T]?)?"
    r"(?:[01]?\d|2[0-4]):?[0-5]\d:?(?:[0-5]\d|60)(?:[.,:]\d{1,9})?(?: ?[AP]M)?(?: ?[+-]\d\d:?\d\d|Z)?(?: (?:19|20)\d\d)?(?!\d)"
    r"|(?<!\d)(?:19|20)\d\d[-/.](?:0?\d|1[0-2])[-/.][0-3]?\d|(?<!\d)[0-3]?\d[-/.][0-3]?\d[-/.](?:19|20)\d\d(?!\d)"
)
# Words in the name in front of a value that make it a secret or a telephone number.
SECRET_WORDS = re.compile(r"sess|token|secret|passw|pwd|cookie|auth|credential|api_?key|private|user|person|device|serial", re.I)
PHONE_WORDS = re.compile(r"phone|tel(?![a-z])|mobile|cell(?![a-z])|msisdn|fax|caller|callee|dial|sms|contact", re.I)
NAME_BEFORE = re.compile(r"""([\w.@-]+)["'\]]*\s?(?:=>|[=:])\s*["'\[(]*$""")
EPOCH = datetime.datetime(2001, 9, 9).timestamp(), datetime.datetime(2038, 1, 19).timestamp()


class Hit:
    """A hit in its line."""

    def __init__(self, line, kind, start, end):
        self.line, self.kind, self.start, self.end = line, kind, start, end
        self.text = line[start:end]
        self.digits = re.sub(r"\D", "", self.text)
        named = NAME_BEFORE.search(line[max(0, start - 80):start])
        self.name = named[1] if named else ""

    def run(self, characters):
        """The hit with the characters of this set on both sides of it."""
        start, end = self.start, self.end
        while start > 0 and re.match(characters, self.line[start - 1]): start -= 1
        while end < len(self.line) and re.match(characters, self.line[end]): end += 1
        return self.line[start:end]

    def inside(self, pattern):
        """Whether the hit lies in a match of the pattern, or a match makes up all of it but brackets, blanks and words."""
        window = max(0, self.start - 200)
        for match in pattern.finditer(self.line[window:self.end + 200]):
            start, end = match.start() + window, match.end() + window
            if start < self.end and end > self.start and not re.search(r"\d", self.line[self.start:start] + self.line[end:self.end]):
                return True
        return False


def pseudonym(hit):
    """All of it but punctuation is our own pseudonyms and the names of their classes."""
    window = max(0, hit.start - 80)
    rest = list(hit.text)
    for match in TOKEN.finditer(hit.line[window:hit.end + 80]):
        for place in range(max(match.start() + window, hit.start), min(match.end() + window, hit.end)):
            rest[place - hit.start] = " "
    # What is not a token may be a scheme or a label, but neither number nor address.
    return "".join(rest) != hit.text and not re.search(r"[\d@]\w|\w@", "".join(rest))


def time(hit):
    """It is a time of day, a date, or both."""
    return hit.kind in ("ip", "phone", "card", "ssn") and "." not in hit.digits and hit.inside(TIME)


def epoch(hit):
    """It is a number of seconds, or thousandths and so on, since 1970, in the years 2001 to 2038."""
    whole = re.match(r"\d+", hit.run(r"[\d.]").lstrip("."))
    number = whole[0] if whole else ""
    return hit.kind in ("phone", "card") and len(number) in (10, 13, 16, 19) and EPOCH[0] <= int(number[:10]) <= EPOCH[1]


def nobody(hit):
    """It is an address of nobody: unspecified, or all zeros."""
    try:
        return hit.kind == "ip" and ipaddress.ip_address(re.sub(r"(?<=\d):\d+$", "", hit.text.strip("[] "))).is_unspecified
    except ValueError:
        return False


def zeros(hit):
    """It is part of a run of zeros between separators."""
    return hit.kind in ("ip", "mac") and bool(re.fullmatch(r"[0:.-]+|(?:0+[:-])+[\da-f:-]{0,6}", hit.run(r"[\da-fA-F:.-]").strip(":.-")))


def scope(hit):
    """Colons between the words of a program or of a resource's name, with one number at most among them."""
    run = hit.run(r"[\w:]")
    return hit.kind == "ip" and "::" in hit.text and len(re.findall(r"\w+", hit.text)) <= 1 and bool(re.search(r"[g-zG-Z]", run))


def few_groups(hit):
    """Groups between colons, not eight and without `::`: no address (RFC 4291, 2.2)."""
    run = hit.run(r"[\w:]").strip(":")
    return hit.kind == "ip" and ":" in hit.text and "." not in hit.text and "::" not in hit.text and len(run.split(":")) < 8


def version(hit):
    """A version: behind a product's name, or in a field called so."""
    if hit.kind != "ip" or not re.fullmatch(r"[\d.]+", hit.text):
        return False
    return bool(re.search(r"version|build|release", hit.name, re.I) or re.search(r"[A-Za-z]/v?$|[A-Za-z]-v?$|\|$", hit.line[:hit.start]))


def module(hit):
    """A module, a package or a cohort at a version: behind the `@` stands a number."""
    return hit.kind == "e-mail" and bool(re.search(r"@v?\d+(?:\.\d+)+$", hit.text))


def unit(hit):
    """An instance of a unit of systemd (systemd.unit(5)): `user@1001.service`."""
    return hit.kind == "e-mail" and bool(re.search(r"@[\w-]+\.(?:service|socket|timer|slice|scope|mount|target|path|device)$", hit.text))


def algorithm(hit):
    """A name of an SSH algorithm, which ends in the domain of who defined it (RFC 4251, section 6)."""
    return hit.kind == "e-mail" and bool(
        re.search(r"(?:cipher|aes|chacha|curve|hmac|umac|mac|kex|rsa|ssh|zlib|poly|sntrup)[\w=-]*\d[\w-]*@(?:openssh|libssh)\.(?:com|org)$", hit.text))


def repository(hit):
    """Where a repository is fetched from over SSH: everybody logs in as `git`, and a colon and a path stand behind the host."""
    return hit.kind == "e-mail" and bool(re.fullmatch(r"git@[\w.-]+", hit.text)) and bool(re.match(r":[\w./-]+\.git\b", hit.line[hit.end:]))


def file_name(hit):
    """A file with ` at ` in its name, which the detector read as a written-out `@`."""
    return hit.kind == "e-mail" and "@" not in hit.text


def login(hit):
    """In front of the `@` or behind it stands nothing but one of our pseudonyms: who logs in where."""
    at = hit.start + hit.text.rfind("@")
    before = any(match.end() + max(0, at - 80) == at for match in TOKEN.finditer(hit.line[max(0, at - 80):at]))
    return hit.kind == "e-mail" and (before or bool(TOKEN.match(hit.line[at + 1:])))


def opened(hit):
    """A token that was opened and closed again: without signature, and nothing in its claims lacks a reason."""
    parts = hit.run(r"[\w.-]").split(".")
    if not hit.kind.endswith("JSON Web Token") or len(parts) < 2 or any(parts[2:]):
        return False
    claims = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)).decode(errors="replace")
    return all(reason(Hit(claims, kind, start, end)) for _, kind, start, end in hits(claims))


def digest(hit):
    """A digest or another identifier in hexadecimal digits, under no name of a secret."""
    run = hit.run(r"[\da-fA-F-]")
    named_secret = SECRET_WORDS.search(hit.name) and not re.search(r"hash|digest|sha\d|md5", hit.name, re.I)
    return hit.kind in ("wallet", "secret: Hex High Entropy String") and bool(re.fullmatch(r"[\da-fA-F-]{8,}", run)) and not named_secret


def opaque(hit):
    """Text of high entropy under no name of a secret: base64 that was opened and searched, or an identifier of a thing."""
    return hit.kind.endswith("Base64 High Entropy String") and not SECRET_WORDS.search(hit.name)


def placeholder(hit):
    """What stands where a secret was before it was logged, or a word of a sentence."""
    return hit.kind.startswith("secret") and bool(re.fullmatch(r"[*_x<\[(]*(?:redacted|filtered|hidden|masked|null|none|true|false)?[*_x>\])]*", hit.text, re.I))


def longer(hit):
    """Part of a longer number or text, or of more or greater groups than an address or a card has."""
    if hit.kind == "ip" and ":" not in hit.text:
        groups = hit.run(r"[\d.]").strip(".").split(".")
        return "[" not in hit.text and (len(groups) != 4 or any(int(group or 0) > 255 for group in groups))
    if hit.kind == "wallet":
        return len(hit.run(r"[\w+/=]")) > len(hit.text)
    return hit.kind in ("card", "phone", "ssn") and len(re.sub(r"\W", "", hit.run(r"[\da-f-]"))) > len(hit.digits) + 3


def check_digits(hit):
    """Looks like an international bank account, but its check digits are wrong (ISO 13616, mod 97)."""
    letters = re.sub(r"\W", "", hit.text).upper()
    return hit.kind == "iban" and int("".join(str(int(each, 36)) for each in letters[4:] + letters[:4])) % 97 != 1


def no_issuer(hit):
    """A number that starts like no card in use (ISO/IEC 7812: payment cards start with 2 to 6)."""
    return hit.kind == "card" and hit.digits[:1] not in tuple("23456")


def columns(hit):
    """Columns of numbers behind a quoted request, the first of them its status."""
    return hit.kind == "phone" and bool(re.search(r'" [(\[]?$', hit.line[:hit.start])) and bool(re.match(r"[1-5]\d\d \d+ \d+", hit.text))


def bare_number(hit):
    """A number written unlike a telephone number, under no name of one: a process, a size, a port, a column."""
    return (hit.kind == "phone" and "+" not in hit.line[max(0, hit.start - 1):hit.end]
            and not re.search(r"(?<!\d)\(?\d{3}(?:\) ?|[-. ])\d{3}[-. ]\d{4}(?!\d)", hit.text) and not PHONE_WORDS.search(hit.name))


REASONS = [pseudonym, time, epoch, nobody, zeros, scope, few_groups, version, module, unit, algorithm, repository, file_name, login, opened, digest, opaque,
           placeholder, longer, check_digits, no_issuer, columns, bare_number]

# One of each kind, invented or published for tests.
PLANTS = {
    "ip": ["203.0.113.77", "2001:db8::77", "198[.]51[.]100[.]9", "8.8.4.4:443"], "e-mail": ["mallory@mail.example.com"],
    "mac": ["00:00:5e:00:53:af"], "phone": ["+1 202-555-0143"], "card": ["4111 1111 1111 1111", "5555555555554444"],
    "iban": ["DE89370400440532013000"], "ssn": ["536-90-4399"],
    "secret": ["AKIA" + "Z7Q4XR2LMNO3PB5T", "https://mallory:hunter22@db.example.com/",
               "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtYWxsb3J5In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gFWFOEjXkE"],
}
PLANTED_PER_VALUE = 12
UNSEEN_MAX = 0.02  # a detector stumbles over what stands beside a plant now and then


def reason(hit):
    return next((reason.__name__ for reason in REASONS if reason(hit)), None)


def shape(text):
    return re.sub(r"[a-z]+", "a", re.sub(r"[A-Z]+", "A", re.sub(r"\d+", "9", text)))[:60]


def look(lines):
    """All hits in these lines, with their line's number."""
    return [(number, detector, Hit(line, kind, start, end))
            for number, line in enumerate(lines, 1) for detector, kind, start, end in hits(line)]


def planted(lines):
    """Lines with one leak each behind a blank, a quote or a colon: (kind, line, start, end)."""
    hosts = [line for line in lines if TOKEN.search(line) and len(line) < 2000]
    for kind, values in PLANTS.items():
        for value in values:
            for turn in range(PLANTED_PER_VALUE):
                line = hosts[(turn * 7919 + len(value) * 104729) % len(hosts)]
                gaps = [gap.end() for gap in re.finditer(r"""(?<=[A-Za-z\]])[ ]|(?<!ersion)":\s?"|: """, line)] or [len(line)]
                gap = gaps[turn * 31 % len(gaps)]
                before = line[:gap] + (" " if gap == len(line) else "")
                closing = '"' if before.endswith('"') else ""
                yield kind, before + value + closing + "; " + line[gap:], len(before), len(before) + len(value)


raw_path, clean_path = sys.argv[1:3]
with open(raw_path, errors="replace") as raw, open(clean_path, errors="replace") as clean:
    before, after = raw.read().split("\n"), clean.read().split("\n")
assert len(before) == len(after), "a line for a line"

found = collections.defaultdict(lambda: [0, 0, 0])
reasons = collections.Counter()
unexplained = []
for _, detector, hit in look(before):
    found[detector, hit.kind][0] += 1
for number, detector, hit in look(after):
    why = reason(hit)
    found[detector, hit.kind][1] += 1
    if why:
        reasons[why] += 1
    else:
        found[detector, hit.kind][2] += 1
        unexplained.append((number, detector, hit))

print(f"{len(before)} lines\n{'detector':16}{'kind':42}{'before':>8}{'after':>8}{'unexplained':>13}")
for (detector, kind), counts in sorted(found.items(), key=lambda item: (item[0][0], -item[1][0])):
    print(f"{detector:16}{kind:42}" + "".join(f"{count:>{width}}" for count, width in zip(counts, (8, 8, 13))))
print("\nwhat is left, and why")
for why, count in reasons.most_common():
    print(f"{count:8}  {why}: {globals()[why].__doc__}")

unseen, excused = collections.Counter(), collections.Counter()
plants = list(planted(after))
for kind, line, start, end in plants:
    seen = [Hit(line, each, *place) for _, each, *place in hits(line)]
    over = [hit for hit in seen if hit.kind.startswith(kind) and hit.start < end and hit.end > start]
    unseen[kind] += not over
    excused[kind] += bool(over) and all(reason(hit) for hit in over)
print(f"\n{len(plants)} planted leaks, {unseen.total()} unseen, {excused.total()} explained away {dict(+unseen + excused) or ''}")

failed = excused.total() > 0 or unseen.total() > UNSEEN_MAX * len(plants)
for number, detector, hit in unexplained[:50]:
    print(f"line {number}: {detector}: {hit.kind}: {shape(hit.text)} (field {shape(hit.name) or '-'})")
for kind in ("ip", "e-mail", "mac"):
    seen = max((counts[0] for (_, each), counts in found.items() if each == kind), default=0)
    if seen < len(before) // 1000 + 1:
        failed = True
        print(f"the detectors saw {seen} of kind {kind} in the raw lines: too few to count as eyes")
print(f"{len(unexplained)} hits without a reason")
sys.exit(failed or bool(unexplained))
