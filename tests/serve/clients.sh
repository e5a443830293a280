#!/bin/sh
# SPDX-License-Identifier: MIT
# Unmodified clients from npm against the server: clients.sh TEST.mjs, with BITLOOM_BIN and
# BITLOOM_MODEL set. Exit 77 (skipped) where the clients are not installed and npm cannot fetch them.
set -eu
cd "$(dirname "$0")"
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error || {
        echo "skipped: npm ci in tests/serve could not install the clients (is its registry reachable?)"
        exit 77
    }
fi
exec node "$1"
