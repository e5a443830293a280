#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""prove against cec of berkeley-abc, on EPFL circuits: prove_epfl.py BITLOOM

Needs berkeley-abc and the circuits in $BITLOOM_DATA or ../shared/data; skipped without them."""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

BITLOOM = sys.argv[1]
SLOW = {"hyp", "log2"}  # minutes in sanitizer builds
root = pathlib.Path(__file__).resolve().parents[2]
folder = pathlib.Path(os.environ.get("BITLOOM_DATA", root.parent / "shared/data")) / "circuits/epfl"
circuits = [p for p in sorted(folder.glob("*.aig")) if p.stem not in SLOW]
if not circuits or not shutil.which("berkeley-abc"):
    print("skipped: needs berkeley-abc and AIGER files in", folder)
    sys.exit(77)


def prove(a, b):
    done = subprocess.run([BITLOOM, "prove", a, b, "-q", "--seconds", "60"], capture_output=True)
    assert done.returncode in (0, 1, 3), done.stderr
    return {0: "equal", 1: "different", 3: "undecided"}[done.returncode]


def cec(a, b):
    text = subprocess.run(["berkeley-abc", "-c", "cec -n -T 60 %s %s" % (a, b)],
                          capture_output=True, text=True).stdout
    if "NOT EQUIVALENT" in text:
        return "different"
    return "equal" if "Networks are equivalent" in text else "undecided"


def mutate(source, target):
    """Complements one fanin of one AND."""
    lines = source.read_text().splitlines()
    header = list(map(int, lines[0].split()[1:]))
    first = 1 + header[1] + header[2] + header[3]
    at = first + random.randrange(header[4])
    words = lines[at].split()
    which = random.choice((1, 2))
    words[which] = str(int(words[which]) ^ 1)
    lines[at] = " ".join(words)
    target.write_text("\n".join(lines) + "\n")


random.seed(1)
n_failed = n_checked = 0
with tempfile.TemporaryDirectory() as scratch:
    scratch = pathlib.Path(scratch)
    for circuit in circuits:
        plain, other = scratch / "plain.aag", scratch / "other.aig"
        subprocess.run([BITLOOM, "convert", circuit, plain], check=True)
        subprocess.run(["berkeley-abc", "-c", "read_aiger %s; strash; dch; write_aiger %s"
                        % (circuit, other)], capture_output=True, check=True)
        pairs = [(circuit, other, "equal")]
        for k in range(2):
            path = scratch / ("changed%d.aag" % k)
            binary = path.with_suffix(".aig")
            mutate(plain, path)
            subprocess.run([BITLOOM, "convert", path, binary], check=True)
            pairs.append((other, binary, cec(other, binary)))
        for a, b, expected in pairs:
            verdict = prove(a, b)
            is_right = verdict == expected or "undecided" in (verdict, expected)
            n_checked += 1
            n_failed += not is_right
            print("%s %s: %s, expected %s" % ("ok" if is_right else "not ok", circuit.stem, verdict,
                                              expected), flush=True)
print("%d pairs, %d failed" % (n_checked, n_failed))
sys.exit(n_failed > 0)
