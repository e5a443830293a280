#!/bin/sh
# SPDX-License-Identifier: MIT
# Feeds every reader of foreign data with libFuzzer, under AddressSanitizer and
# UndefinedBehaviorSanitizer: fuzz.sh [SECONDS of each] [TARGET...]. What was found interesting stays in
# build-fuzz/corpus, what crashed in build-fuzz/crashes.
set -eu
seconds=${1:-60}
[ $# -gt 0 ] && shift
tools/packages.sh packages-test.txt
[ -e build-fuzz/build.ninja ] || CC=clang-16 meson setup build-fuzz -Dfuzz=true -Dserve=false \
    -Dpage=false -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized >/dev/null
ninja -C build-fuzz --quiet
export BITLOOM_TINY="$PWD/tests/data/tiny.safetensors"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
mkdir -p build-fuzz/crashes
for target in ${*:-graph program network pattern expression lanes http session sessions}; do
    corpus=build-fuzz/corpus/$target
    mkdir -p "$corpus"
    seeds=tests/data/fuzz/$target
    [ -d "$seeds" ] || seeds=
    log=build-fuzz/$target.log
    echo "=== $target, $seconds s"
    rm -f build-fuzz/crashes/"$target"-*
    if ! build-fuzz/tests/fuzz/fuzz-"$target" -max_total_time="$seconds" -max_len=4096 -timeout=20 \
        -rss_limit_mb=4096 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix=build-fuzz/crashes/"$target"- "$corpus" $seeds >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "$target failed: see $log and build-fuzz/crashes"
        exit 1
    fi
    grep number_of_executed "$log"
done
echo "nothing found"
