#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Circuits beside ABC's random simulation (&sim), in the same run: abc.py BITLOOM [SIMPLIFIED]

The circuits are $BITLOOM_DATA/circuits/epfl/*.aig; where the folder SIMPLIFIED has one of the same
name, we run that and ABC the original. Speeds count the ANDs of the original. ABC refuses graphs without
latches, so the last input becomes a latch that keeps its value. Its speed is the better of two runs,
one before and one after ours, at 512 and at 8,192 patterns a frame. Installs berkeley-abc (Debian)
where it is missing; asks for sudo when not root.
"""

import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

WORDS = {512: 16, 8192: 256}  # patterns: words of 32 bits
SECONDS = 0.7  # of one run of ABC, about


def install():
    if not shutil.which("berkeley-abc"):
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*sudo, "apt-get", "install", "-y", "-q", "berkeley-abc"], check=True,
                       stdout=sys.stderr)


def with_a_latch(path, folder):
    """A copy whose last input is a latch, and its number of ANDs."""
    head, rest = path.read_bytes().split(b"\n", 1)
    _, maximum, inputs, latches, outputs, ands = head.split()[:6]
    copy = folder / path.name
    if int(latches) == 0:
        head = b"aig %d %d 1 %d %d\n%d" % (int(maximum), int(inputs) - 1, int(outputs), int(ands),
                                            2 * int(inputs))
    copy.write_bytes(head + b"\n" + rest)
    return copy, int(ands)


def simulate(path, words, frames):
    out = subprocess.run(["berkeley-abc", "-c", "&r %s; &sim -W %d -F %d -T 100" % (path, words, frames)],
                         capture_output=True, text=True).stdout
    found = re.findall(r"Time =\s*([0-9.]+) sec", out)
    if not found:
        sys.exit("abc.py: no time in the output of ABC:\n" + out)
    return float(found[-1])


def abc_speed(path, ands, patterns):
    """ANDs x patterns a second."""
    frames = 64
    while (seconds := simulate(path, WORDS[patterns], frames)) < SECONDS / 4:
        frames *= 4
    return ands * patterns * frames / seconds


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def main():
    bitloom = sys.argv[1]
    data = pathlib.Path(os.environ.get("BITLOOM_DATA", "../shared/data"))
    folder = data / "circuits/epfl"
    options = ["--simplified", sys.argv[2]] if len(sys.argv) > 2 else []
    circuits = sorted(folder.glob("*.aig"))
    if not circuits:
        sys.exit("abc.py: no *.aig in %s; BITLOOM_DATA names the folder with circuits/epfl" % folder)
    install()
    with tempfile.TemporaryDirectory() as scratch:
        copies = {c.stem: with_a_latch(c, pathlib.Path(scratch)) for c in circuits}

        def run_abc():
            return {(name, n): abc_speed(*copy, n) for name, copy in copies.items() for n in WORDS}

        before = run_abc()
        environment = {**os.environ, "BITLOOM_DATA": str(data.resolve())}
        result = json.loads(subprocess.run([bitloom, "bench", "logic", "--json", *options], check=True,
                                           capture_output=True, env=environment).stdout)
        after = run_abc()
    abc = {key: max(before[key], after[key]) for key in before}
    ours = {}
    for line in result["lines"]:
        way, _, name = line["name"].partition(" ")
        ours[(name, way)] = line["units_per_second"]
    ways = ["code", "code8", "data", "data8"]
    print("%-11s %9s %9s  %s" % ("10^9 ANDs x", "ABC 512", "ABC 8192", "".join("%9s" % w for w in ways)))
    names = [n for n in copies if (n, ways[0]) in ours]
    for name in names:
        print("%-11s %9.1f %9.1f  %s" % (name, abc[name, 512] / 1e9, abc[name, 8192] / 1e9,
                                        "".join("%9.0f" % (ours[name, w] / 1e9) for w in ways)))
    means = {n: geomean([abc[name, n] for name in names]) for n in WORDS}
    own = {w: geomean([ours[name, w] for name in names]) for w in ways}
    print("%-11s %9.1f %9.1f  %s" % ("geomean", means[512] / 1e9, means[8192] / 1e9,
                                     "".join("%9.0f" % (own[w] / 1e9) for w in ways)))
    print("against ABC: code %.0f x at 512 patterns; %.0f x the best of both"
          % (own["code"] / means[512], max(own["code"], own["code8"]) / max(means.values())))


main()
