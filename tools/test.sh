#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every test of a build folder and ends with the line "N passed, N failed, N skipped".
# test.sh BUILD [meson test options]
set -u
build=$1
shift
ninja -C "$build" --quiet || exit 1
meson test -C "$build" --no-rebuild --print-errorlogs "$@" || true
python3 - "$build/meson-logs/testlog.json" <<'PY'
import json, sys
counts = {"passed": 0, "failed": 0, "skipped": 0}
kinds = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}
for line in open(sys.argv[1]):
    counts[kinds.get(json.loads(line)["result"], "failed")] += 1
print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % counts)
sys.exit(counts["failed"] > 0 or counts["passed"] == 0)
PY
