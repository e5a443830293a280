#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds under build-<sanitizers> and runs the tests there: sanitize.sh address,undefined
set -eu
build=build-$(echo "$1" | tr , -)
tools/packages.sh packages.txt
[ -e "$build/build.ninja" ] || meson setup "$build" -Db_sanitize="$1" -Db_lundef=false \
    -Dbuildtype=debugoptimized -Dpage=false >/dev/null
export BITLOOM_FUZZ=40 # damaged tables; each run of the program takes half a second here
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export BITLOOM_EFFORT=25 # of random cases, which take long here
exec tools/test.sh "$build" --no-suite slow --timeout-multiplier 5
