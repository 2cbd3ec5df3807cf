"""A log format that no pack knows, in JSON and as text lines, and what is planted in it.

unknown.py invent DIR: writes DIR/parcels.jsonl and DIR/parcels.log (one service, invented for the occasion: lockers that hand
out parcels) and DIR/planted.json: by file, the fields that hold entities, those that single people out only together, and
those that are innocent.
unknown.py judge DIR: compares DIR/found.jsonl.json and DIR/found.log.json, reports of `logveil discover --json`, with that.
unknown.py residues TRUTH OUT: how many planted entities, by line in TRUTH, stand in that line of OUT as whole words.
unknown.py quoted TRUTH FILE...: fails when a planted entity stands in one of the files.
Everybody and everything is made of syllables and dice.
"""

import json, random, re, sys

rng = random.Random(20261123)
PEOPLE, RECORDS = 900, 24_000
PRECISION_MIN = 0.9
SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "ve"]
MODELS = ["Kolibri", "Amsel", "Pirol", "Zeisig", "Elster", "Habicht", "Sperling"]
SITES = ["Nord", "Hafen", "Markt", "Bahnhof"]
PHASES = ["arrived", "stored", "fetched", "returned"]


def dice(alphabet, count):
    return "".join(rng.choice(alphabet) for _ in range(count))


def syllables(count):
    return "".join(rng.choice(SYLLABLES) for _ in range(count))


def distinct(make, count):
    made = set()
    while len(made) < count:
        made.add(make())
    return sorted(made)


def people():
    """Everyone with a login, a customer number, one or two devices, and what describes them."""
    logins = distinct(lambda: syllables(4), PEOPLE)
    customers = distinct(lambda: f"KX-{dice('0123456789', 6)}", PEOPLE)
    devices = distinct(lambda: dice("0123456789abcdef", 16), 2 * PEOPLE)
    for at, login in enumerate(logins):
        own = devices[2 * at : 2 * at + rng.randint(1, 2)]
        yield {
            "login": login,
            "customer": customers[at],
            "devices": own,
            "area": f"9{rng.randrange(8)}0",
            "born": 1950 + 5 * rng.randrange(9),
            "model": rng.choice(MODELS),
        }


def visits():
    """Sessions of a few records each; a few dozen are open at a time."""
    everyone = list(people())
    open_visits = []
    for number in range(RECORDS):
        if len(open_visits) < 40 or rng.random() < 0.15:
            person = rng.choice(everyone)
            open_visits.append({**person, "device": rng.choice(person["devices"]), "session": dice("abcdefghjkmnpqrstuvwxyz23456789", 22)})
        if len(open_visits) > 60:
            open_visits.pop(0)
        yield number, rng.choice(open_visits)


def as_json(number, visit):
    record = {
        "wann": 1_767_225_600_000 + 37 * number,
        "phase": rng.choice(PHASES),
        "ort": rng.choice(SITES),
        "wer": {"kennung": visit["login"], "kdnr": visit["customer"]},
        "apparat": visit["device"],
        "vorgang_ref": visit["session"],
        "umfeld": {"gebiet": visit["area"], "jg": visit["born"], "bauart": visit["model"]},
        "fach": rng.randrange(1, 120),
        "dauer_ms": int(rng.expovariate(1 / 300)),
        "gewicht": round(rng.uniform(0.1, 20), 2),
        "stand": f"{rng.randrange(3)}.{rng.randrange(9)}.{rng.randrange(4)}",
        "ok": rng.random() < 0.98,
        "pruef": dice("0123456789abcdef", 32),
        "notiz": rng.choice([
            f"Klappe {rng.randrange(1, 120)} geoeffnet durch {visit['login']}",
            f"Abholung nach {rng.randrange(1, 90)} Minuten beendet",
            f"Lesegeraet meldet Stufe {rng.randrange(1, 5)}",
        ]),
        "grenzen": {visit["login"]: rng.randrange(1, 9)},
    }
    return json.dumps(record, separators=(",", ":")), entities(visit)


def as_line(number, visit):
    seconds = number * 37 // 1000
    clock = f"{8 + seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{number * 37 % 1000:03d}"
    level = rng.choices(["INFO", "WARN"], [9, 1])[0]
    head = f"{clock} {level} [fach-{rng.randrange(1, 9)}]"
    kind = rng.randrange(5)
    if kind == 0:
        return f"{head} Klappe {rng.randrange(1, 120)} geoeffnet durch {visit['login']} mit {visit['device']}", [visit["login"], visit["device"]]
    if kind == 1:
        return f"{head} Vorgang {visit['session']} begonnen, Kunde {visit['customer']}", [visit["session"], visit["customer"]]
    if kind == 2:
        return f"{head} Sendung abgelegt kdnr={visit['customer']} wer={visit['login']} gramm={rng.randrange(90, 20000)}", [visit["customer"], visit["login"]]
    if kind == 3:
        return f"{head} Selbsttest bestanden in {rng.randrange(5, 900)} ms", []
    return f"{head} Puffer {rng.randrange(1, 64)} von 64 belegt", []


def entities(visit):
    return [visit["login"], visit["customer"], visit["device"], visit["session"]]


PLANTED = {
    "jsonl": {
        "entities": ["wer.kennung", "wer.kdnr", "apparat", "vorgang_ref", 'notiz » "geoeffnet durch …"'],
        "quasi": ["umfeld.gebiet", "umfeld.jg", "umfeld.bauart"],
        "innocent": ["wann", "phase", "ort", "fach", "dauer_ms", "gewicht", "stand", "ok", "pruef", "grenzen.*",
                     'notiz » "Klappe …"', 'notiz » "Abholung nach …"', 'notiz » "meldet Stufe …"'],
    },
    "log": {
        "entities": ['"geoeffnet durch …"', '"mit …"', '"Vorgang …"', '"begonnen Kunde …"', "kdnr=", "wer="],
        "quasi": [],
        "innocent": ["gramm=", '"Klappe …"', '"bestanden in …"', '"Puffer …"'],
    },
}


def invent(directory):
    for kind, write in (("jsonl", as_json), ("log", as_line)):
        with open(f"{directory}/parcels.{kind}", "w") as lines, open(f"{directory}/truth.{kind}", "w") as truth:
            for number, visit in visits():
                line, planted = write(number, visit)
                lines.write(line + "\n")
                truth.write(json.dumps(planted) + "\n")
    json.dump(PLANTED, open(f"{directory}/planted.json", "w"))


def judge(directory):
    planted, fine = json.load(open(f"{directory}/planted.json")), True
    for kind, fields in planted.items():
        report = json.load(open(f"{directory}/found.{kind}.json"))
        named = {finding["place"]["place"]: finding for finding in report["findings"]}
        found = [field for field in fields["entities"] if field in named]
        missed = [field for field in fields["entities"] if field not in named]
        false_alarms = [place for place in named if place not in fields["entities"]]
        singled = {place["place"] for told in report["quasi_identifiers"]["combinations"] for place in told["places"]}
        quasi = [field for field in fields["quasi"] if field in singled]
        precision = len(found) / max(1, len(named))
        fine &= not missed and precision >= PRECISION_MIN and len(quasi) == len(fields["quasi"])
        print(
            f"{kind}: entities planted={len(fields['entities'])} found={len(found)} missed={missed} "
            f"innocent_planted={len(fields['innocent'])} false_alarms={false_alarms} precision={precision:.2f} (at least {PRECISION_MIN}) "
            f"quasi_identifiers planted={len(fields['quasi'])} found={len(quasi)}"
        )
        for place, finding in named.items():
            print(f"  {place}: {finding['class']}, {finding['confidence']}, {'; '.join(finding['why'])}")
    return fine


def residues(truth, output):
    """Planted entities that stand in their line's output, and lines that were quarantined."""
    left, quarantined, planted, lines = set(), 0, 0, open(output).read().split("\n")
    rows = [json.loads(row) for row in open(truth)]
    assert len(lines) == len(rows) + 1, f"{len(lines) - 1} lines for {len(rows)}"
    everything = set()
    for row, line in zip(rows, lines):
        quarantined += line.startswith("logveil: quarantined")
        everything.update(row)
        left.update(entity for entity in row if entity in set(re.findall(r"[A-Za-z0-9-]+", line)))
    print(f"entities={len(everything)} residues={len(left)} quarantined={quarantined}")
    return len(left) + quarantined == 0


def quoted(truth, *files):
    everything = {entity for row in open(truth) for entity in json.loads(row)}
    shown = [name for name in files if everything & set(re.findall(r"[A-Za-z0-9-]+", open(name).read()))]
    print(f"files of reports and drafts={len(files)} that quote an entity={len(shown)}")
    return not shown


if __name__ == "__main__":
    task = sys.argv[1]
    if task == "invent":
        invent(sys.argv[2])
    else:
        sys.exit(0 if {"judge": judge, "residues": residues, "quoted": quoted}[task](*sys.argv[2:]) else 1)
