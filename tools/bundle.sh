#!/bin/sh
# SPDX-License-Identifier: MIT
# Bundles the page: bundle.sh WEB-FOLDER OUT.html. Installs the bundler with npm where it is missing.
set -eu
web=$1
out=$(realpath -m "$2")
cd "$web"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error
node build.mjs "$out"
