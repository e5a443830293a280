#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds under build-<sanitizers> and runs the tests there: sanitize.sh address,undefined
set -eu
build=build-$(echo "$1" | tr , -)
tools/packages.sh packages.txt
[ -e "$build/build.ninja" ] || meson setup "$build" -Db_sanitize="$1" -Db_lundef=false \
    -Dbuildtype=debugoptimized -Dpage=false >/dev/null
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
exec tools/test.sh "$build" --no-suite slow --timeout-multiplier 5
