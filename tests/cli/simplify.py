#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""EPFL circuits are simplified to what they were, and smaller; judged by berkeley-abc where it is
installed. simplify.py BITLOOM [CIRCUIT...]; circuits lie in $BITLOOM_DATA or ../shared/data."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

BITLOOM, ROOT = sys.argv[1], pathlib.Path(__file__).resolve().parents[2]
# LUT3s after `if -K 3 -a` of the best of no script, resyn2 (twice) and compress2rs (three times), each
# with and without `dch; if -K 3 -a; mfs2 -a -L 200`; effort 4 must reach 1.05 of that
BEST = {"adder": 256, "bar": 1669, "ctrl": 60, "dec": 298, "int2float": 122, "priority": 270,
        "router": 108, "voter": 2743}
SKIP = 77


def data_folder():
    for folder in (os.environ.get("BITLOOM_DATA"), ROOT.parent / "shared/data"):
        if folder and (pathlib.Path(folder) / "circuits/epfl").is_dir():
            return pathlib.Path(folder) / "circuits/epfl"
    return None


def is_equivalent(a, b):
    """None without a judge."""
    abc = shutil.which("berkeley-abc")
    if not abc:
        return None
    done = subprocess.run([abc, "-c", "cec %s %s" % (a, b)], capture_output=True, text=True)
    return "Networks are equivalent" in done.stdout


folder = data_folder()
if not folder:
    print("skipped: no circuits/epfl in $BITLOOM_DATA or %s" % (ROOT.parent / "shared/data"))
    sys.exit(SKIP)
n_failed = 0
with tempfile.TemporaryDirectory() as scratch:
    for name in sys.argv[2:] or BEST:
        source, small = folder / (name + ".aig"), pathlib.Path(scratch) / (name + ".aig")
        done = subprocess.run([BITLOOM, "simplify", source, "-o", small, "--effort", "4", "--json"],
                              capture_output=True, text=True, check=True)
        n_luts = json.loads(done.stdout)["after"]["n_luts"]
        equivalent = is_equivalent(source, small)
        is_good = equivalent is not False and n_luts <= 1.05 * BEST.get(name, n_luts)
        print("%s %s: %d LUT3s, best of ABC's scripts %s, %s" % (
            "ok" if is_good else "not ok", name, n_luts, BEST.get(name, "unknown"),
            {None: "no berkeley-abc to judge", True: "equivalent", False: "DIFFERENT"}[equivalent]))
        n_failed += not is_good
sys.exit(n_failed > 0)
