"""Judges a scrubbed corpus: corpus.py CORPUS.jsonl OUT.log SCORE.py

Prints recall per class and dataset family, the quarantined lines by reason and the ten worst datasets, and exits with 1
below a bar. What counts as standing in a line is decided by `spans_of` of the `labels` module beside the score script.
"""

import collections, json, os, re, sys

corpus, out, score = sys.argv[1:4]
sys.path.insert(0, os.path.dirname(os.path.abspath(score)))
from labels import spans_of

# Least share of distinct firm entities that must be gone, and least share of kept values that must still stand.
GONE_MIN = {
    "ip": 0.999, "email": 0.999, "mac": 0.99, "token": 0.98, "session": 0.97, "device": 0.97, "useragent": 0.98,
    "user": 0.97, "userid": 0.96, "person": 0.95,
}
KEPT_MIN = {
    "timestamp": 0.999, "method": 0.999, "status": 0.999, "port": 0.999, "level": 0.999, "path": 0.99,
    "process": 0.985, "action": 0.985, "version": 0.985, "rule": 0.985, "number": 0.985,
}
QUARANTINED_MAX = 0.005
NOT_FIRM = ("loopback", "unspecified", "broadcast", "multicast")
MARKER = re.compile(r"^logveil: quarantined line \d+: (.+)$")

with open(corpus) as lines:
    rows = [json.loads(line) for line in lines]
with open(out) as lines:
    outputs = lines.read().split("\n")[: len(rows)]

entities = collections.defaultdict(lambda: [set(), set()])  # class -> all, leaked; by value without case
families = collections.defaultdict(lambda: [0, 0])
datasets = collections.defaultdict(lambda: [0, collections.Counter()])
kept = collections.defaultdict(lambda: [0, 0])
reasons = collections.Counter()
for row, output in zip(rows, outputs, strict=True):
    if marker := MARKER.match(output):
        reasons[marker[1]] += 1
    for entity in row["entities"]:
        if entity.get("amb") or entity.get("wellknown") or entity.get("scope") in NOT_FIRM:
            continue
        name, value = entity["class"], entity["value"]
        leaked = bool(spans_of(output, value, name))
        entities[name][0].add(value.lower())
        family, dataset = families[row["source"], name], datasets[row["dataset"]]
        family[0] += 1
        dataset[0] += 1
        if leaked:
            entities[name][1].add(value.lower())
            family[1] += 1
            dataset[1][name] += 1
    for keep in row["keep"]:
        kept[keep["class"]][0] += 1
        kept[keep["class"]][1] += not spans_of(output, keep["value"], "x")

sources = sorted({source for source, _ in families})
print("\nrecall by class and family (all occurrences)\n" + " " * 12 + "".join(f"{source[-22:]:>24}" for source in sources))
for name in sorted(entities):
    cells = (families.get((source, name)) for source in sources)
    print(f"{name:12}" + "".join(f"{'-' if c is None else f'{1 - c[1] / c[0]:.3f} of {c[0]}':>24}" for c in cells))

print("\nworst datasets")
worst = sorted(datasets.items(), key=lambda item: -item[1][1].total())[:10]
for dataset, (count, missed) in worst:
    if missed:
        print(f"{dataset:36} {missed.total():4} of {count:4}  " + ", ".join(f"{c} {n}" for c, n in missed.most_common()))

share = reasons.total() / len(rows)
print(f"\nquarantined {reasons.total()} of {len(rows)}: " + (", ".join(f"{r} {n}" for r, n in reasons.most_common()) or "-"))

failed = [f"quarantined {share:.4f} > {QUARANTINED_MAX}"] if share > QUARANTINED_MAX else []
for name, bar in GONE_MIN.items():
    every, leaked = entities.get(name, (set(), set()))
    if every and 1 - len(leaked) / len(every) < bar:
        failed.append(f"{name}: {1 - len(leaked) / len(every):.4f} of distinct values gone, must be {bar}")
for name, bar in KEPT_MIN.items():
    count, lost = kept.get(name, (0, 0))
    if count and 1 - lost / count < bar:
        failed.append(f"{name}: {1 - lost / count:.4f} kept, must be {bar}")
print("\n".join(["", *(f"BELOW THE BAR {line}" for line in failed)]) if failed else "\nevery bar is reached")
sys.exit(bool(failed))
