"""Prints what an event costs: costs.py [--all]. See dev/stories/costs."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

LOGVEIL = "target/release/logveil"
# The stages of a batch, by the function that each of them is.
STAGES = {"plan": "plan_record", "compute": "compute", "emit": "emit"}
# Kind of log, pack, and the most instructions that an event may cost: plan, compute, emit. About a seventh more than they
# were when they were set.
BUDGETS = [
    ("api", "api-gateway", (97_000, 28_500, 34_000)),
    ("api", "generic-json", (99_000, 28_500, 40_500)),
    ("cloudtrail", "auto", (74_000, 17_500, 41_500)),
    ("nginx", "nginx", (25_800, 6_800, 5_600)),
    ("sshd", "linux-auth", (25_000, 3_800, 3_300)),
]
FEW, MANY = 300, 1300
GROWTH_KIB_MAX = 32 * 1024


def scrub(work, log, *options):
    keyring = ["--keyring", f"{work}/keyring.toml", "--at", "2026-01-01T00:00:00Z"]
    return [LOGVEIL, "scrub", "--quiet", "--allow-quarantine", *keyring, *options, log]


def generate(work, kind, events):
    path = f"{work}/{kind}-{events}.log"
    options = ["--kind", kind, "--events", str(events), "--seed", "3", "--hostile-per-mille", "0"]
    with open(path, "wb") as log:
        subprocess.run([LOGVEIL, "generate", *options], stdout=log, stderr=subprocess.DEVNULL, check=True)
    return path


def stage_costs(work, log, pack):
    """Instructions of each stage, with all that it calls."""
    out = f"{work}/callgrind.out"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
    subprocess.run(
        command + scrub(work, log, "--threads", "1", "--pack", pack),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
    )
    listed = subprocess.run(
        ["callgrind_annotate", "--inclusive=yes", "--threshold=100", out], capture_output=True, text=True, check=True
    ).stdout
    costs = {}
    for stage, function in STAGES.items():
        found = re.search(r"^ *([\d,]+) .*veil::Batch>?::" + function + r"\b", listed, re.M)
        if not found:
            sys.exit(f"FAILED: the profile does not know the stage `{stage}`")
        costs[stage] = int(found[1].replace(",", ""))
    return costs


def stages(work):
    """Prints the table of costs and returns whether every stage keeps its budget."""
    kept = True
    print(f"{'log':11} {'pack':13} {'bytes':>6} {'plan':>9} {'compute':>9} {'emit':>9}  instructions per event")
    for kind, pack, budget in BUDGETS:
        few, many = (generate(work, kind, events) for events in (FEW, MANY))
        before, after = stage_costs(work, few, pack), stage_costs(work, many, pack)
        events = MANY - FEW
        size = (os.path.getsize(many) - os.path.getsize(few)) // events
        costs = [(after[stage] - before[stage]) // events for stage in STAGES]
        over = [stage for stage, cost, most in zip(STAGES, costs, budget) if cost > most]
        print(f"{kind:11} {pack:13} {size:6} {costs[0]:9,} {costs[1]:9,} {costs[2]:9,}  {'over: ' + ', '.join(over) if over else 'ok'}")
        kept &= not over
    return kept


def peak_kib(work, users):
    """The most memory that scrub takes for a log with so many distinct users and addresses."""
    reader = subprocess.Popen(scrub(work, "-", "--pack", "generic-json"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    event = '{"user":"user%d","client_ip":"2001:db8::%x:%x","note":"logged in"}\n'
    for start in range(0, users, 10_000):
        numbers = range(start, min(start + 10_000, users))
        reader.stdin.write("".join(event % (n, n >> 16, n & 0xFFFF) for n in numbers).encode())
    reader.stdin.close()
    _, status, usage = os.wait4(reader.pid, 0)
    if status:
        sys.exit("FAILED: scrub did not end well")
    return usage.ru_maxrss


def memory(work, most):
    """Prints the curve and returns whether it is flat."""
    peaks = {}
    users = 1_000
    while users <= most:
        peaks[users] = peak_kib(work, users)
        print(f"{users:12,} distinct users: at most {peaks[users]:,} KiB")
        users *= 10
    # The first one has not filled the buffers yet.
    settled = [peak for users, peak in peaks.items() if users >= 100_000]
    growth = max(settled) - min(settled)
    print(f"growth from 100,000 distinct users on: {growth:,} KiB (limit {GROWTH_KIB_MAX:,})")
    return growth <= GROWTH_KIB_MAX


def scaling(work):
    """Prints how much faster two threads are; a busy machine hides it, so it decides nothing."""
    log = generate(work, "mixed", 200_000)
    seconds = {}
    for threads in ("1", "2"):
        start = time.monotonic()
        subprocess.run(scrub(work, log, "--threads", threads), stdout=subprocess.DEVNULL, check=True)
        seconds[threads] = time.monotonic() - start
    megabytes = os.path.getsize(log) / 1e6
    speeds = ", ".join(f"{threads}: {megabytes / took:.0f} MB/s" for threads, took in seconds.items())
    print(f"scrub by threads: {speeds}; two are {seconds['1'] / seconds['2']:.2f} times one, start-up included")


def main():
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([LOGVEIL, "keys", "init", "--keyring", f"{work}/keyring.toml"], stdout=subprocess.DEVNULL, check=True)
        kept = stages(work)
        flat = memory(work, 10_000_000 if "--all" in sys.argv[1:] else 1_000_000)
        scaling(work)
    if not (kept and flat):
        sys.exit("FAILED: over budget" if flat else "FAILED: memory grows")


main()
