"""Writes the records of logveil's cases into a folder, one file each, behind a prefix: records.py FOLDER PREFIX.

With a prefix of `\\0` each is read by the pack that its case belongs to: a byte 0, and the number of the pack.
"""

import hashlib
import pathlib
import sys

folder, with_pack = pathlib.Path(sys.argv[1]), sys.argv[2] != ""
packs = sorted(path.parent.name for path in pathlib.Path("rules").glob("*/pack.toml"))
for number, pack in enumerate(packs, start=1):
    for case in sorted(pathlib.Path("rules", pack, "cases").glob("*.txt")):
        sections = case.read_bytes().split(b"\n--- ")
        for section in sections:
            if not section.startswith(b"in\n"):
                continue
            record = section[3:].rstrip(b"\n")
            for prefix in [bytes([0, number]), b"\0\0"] if with_pack else [b""]:
                name = hashlib.sha256(prefix + record).hexdigest()[:16]
                (folder / name).write_bytes(prefix + record)
