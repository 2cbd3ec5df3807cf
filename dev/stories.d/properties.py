"""Runs property tests and fuzz targets and prints their figures: properties.py SECONDS_PER_TARGET."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

# What proptest runs a test for unless its block says otherwise (`proptest::test_runner::Config::default`).
DEFAULT_CASES = 256
SOURCES = ["src", "tests/it"]


def modules_of(path):
    """The path of a file as its tests are named: `decode::json`, `layers`."""
    parts = list(path.with_suffix("").parts)
    parts = parts[2:] if parts[0] == "tests" else parts[1:]
    return "::".join(part for part in parts if part != "mod")


def blocks(text):
    """The bodies of all `proptest! { .. }` of a file: up to a closing brace as far in as the opening line."""
    for start in re.finditer(r"^( *)proptest! \{\n", text, re.M):
        end = re.compile(r"^" + start[1] + r"\}$", re.M).search(text, start.end())
        yield text[start.end() : end.start()]


def property_tests():
    """Every property test by binary and name, with the cases that it asks for."""
    found = {}
    for folder in SOURCES:
        binary = "it" if folder.startswith("tests") else "lib"
        for path in sorted(pathlib.Path(folder).rglob("*.rs")):
            for block in blocks(path.read_text()):
                cases = re.search(r"with_cases\((\d[\d_]*)\)", block)
                cases = int(cases[1].replace("_", "")) if cases else DEFAULT_CASES
                for name in re.findall(r"^ *#\[test\]\n *fn (\w+)\(", block, re.M):
                    inside = [modules_of(path)] + ([] if binary == "it" else ["tests"])
                    found[(binary, "::".join(part for part in inside if part) + "::" + name)] = cases
    return found


def run_properties():
    """Runs them, one binary after the other; returns how many tests and cases ran, and the seconds they took."""
    tests = property_tests()
    if not tests:
        sys.exit("FAILED: no property tests found")
    environment = {name: value for name, value in os.environ.items() if name != "PROPTEST_CASES"}
    passed, cases, seconds = 0, 0, 0.0
    for binary, option in [("lib", ["--lib"]), ("it", ["--test", "it"])]:
        names = sorted(name for of, name in tests if of == binary)
        command = ["cargo", "test", "--quiet", "--locked", *option]
        subprocess.run([*command, "--no-run"], check=True)
        run = [*command, "--", "--exact", "--format=pretty", *names]
        output = subprocess.run(run, env=environment, capture_output=True, text=True)
        ran = re.findall(r"^test (\S+) \.\.\. (\w+)$", output.stdout, re.M)
        ok = [name for name, outcome in ran if outcome == "ok"]
        missing = sorted(set(names) - {name for name, _ in ran})
        if output.returncode or missing:
            print(output.stdout, output.stderr, f"not run: {missing}", sep="\n")
            sys.exit("FAILED: a property test does not hold, or did not run")
        passed += len(ok)
        cases += sum(tests[(binary, name)] for name in ok)
        seconds += sum(float(took) for took in re.findall(r"finished in ([\d.]+)s", output.stdout))
    return passed, cases, seconds


def run_target(target, seconds):
    """Runs a fuzz target; returns its figures."""
    crashes = pathlib.Path("target/fuzz/crashes", target)
    before = set(crashes.glob("*"))
    start = time.monotonic()
    # From the seeds alone: what earlier runs have found would hide whether coverage grows.
    with tempfile.TemporaryDirectory() as corpus:
        environment = {**os.environ, "CORPUS": corpus}
        command = ["dev/fuzz", target, str(seconds), *os.environ.get("FUZZ_OPTIONS", "").split()]
        output = subprocess.run(command, env=environment, capture_output=True, text=True)
    took = time.monotonic() - start
    log = output.stderr
    seeds_covered = re.search(r"INITED cov: (\d+)", log)
    covered = re.findall(r" cov: (\d+)", log)
    executed = re.search(r"stat::number_of_executed_units: (\d+)", log)
    per_second = re.search(r"stat::average_exec_per_sec: +(\d+)", log)
    new = sorted(set(crashes.glob("*")) - before)
    if output.returncode or new:
        print("\n".join(log.splitlines()[-40:]))
    return {
        "target": target,
        "executed": int(executed[1]) if executed else 0,
        "per_second": int(per_second[1]) if per_second else 0,
        "seconds": took,
        "seeds_covered": int(seeds_covered[1]) if seeds_covered else 0,
        "covered": int(covered[-1]) if covered else 0,
        "crashes": max(len(new), 1 if output.returncode else 0),
    }


def main():
    seconds = int(sys.argv[1])
    passed, cases, took = run_properties()
    subprocess.run(["dev/fuzz", "build"], check=True, stderr=subprocess.DEVNULL)
    targets = subprocess.run(["dev/fuzz"], check=True, capture_output=True, text=True).stdout.split()
    results = []
    for target in targets:
        results.append(run_target(target, seconds))
        print(
            "{target:9} {executed:9,} executions in {seconds:4.0f} s, {per_second:6,} per second; edges covered: "
            "{seeds_covered:6,} by seeds, {covered:6,} now; {crashes} crashes".format(**results[-1]),
            flush=True,
        )
    print(f"{passed} property tests held for {cases:,} cases in {took:.1f} s")
    crashes = sum(result["crashes"] for result in results)
    print(f"{len(results)} fuzz targets: {sum(r['executed'] for r in results):,} executions, {crashes} crashes")
    idle = [result["target"] for result in results if result["executed"] == 0]
    grew = any(result["covered"] > result["seeds_covered"] > 0 for result in results)
    if crashes or idle or not results or not grew:
        sys.exit(f"FAILED: {crashes} crashes, nothing executed in {idle}, coverage grew: {grew}")


main()
