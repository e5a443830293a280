#!/bin/sh
# SPDX-License-Identifier: MIT
# How does `bitloom filter` do against what is there already? A raw file against cat, a table against
# mawk, gawk and DuckDB; all must count the same. filter.sh BITLOOM [RAW-MB [TABLE-MB]]
#
# Files go to a fresh folder under $TMPDIR and are removed. Default: 4096 and 1024 MB; the folder needs
# twice that. Programs that are not installed are left out; DuckDB is asked through the npm package
# @duckdb/node-api, if $DUCKDB names a folder with its node_modules.
set -eu
bitloom=$(realpath "$1") raw_mb=${2:-4096} table_mb=${3:-1024} rounds=${ROUNDS:-5}
here=$(dirname "$(realpath "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
free_mb=$(($(df -Pk "$folder" | awk 'NR == 2 { print $4 }') / 1024))
if [ "$free_mb" -lt $((2 * (raw_mb + table_mb))) ]; then
    echo "filter.sh: $folder has $free_mb MB left; expected $((2 * (raw_mb + table_mb)))" >&2
    exit 1
fi
cc -O2 -o "$folder/generate" "$here/generate.c"

# The best of some rounds, in seconds; every round must print what the first program printed.
answer=
measure() {
    name=$1 bytes=$2 best=
    shift 2
    for _ in $(seq "$rounds"); do
        begun=$(date +%s%N)
        found=$("$@" 2>/dev/null | tail -n 1)
        elapsed=$(($(date +%s%N) - begun))
        if [ -z "$best" ] || [ "$elapsed" -lt "$best" ]; then best=$elapsed; fi
    done
    if [ -n "$answer" ] && [ "$found" != "$answer" ]; then
        echo "filter.sh: $name finds $found rows, expected $answer" >&2
        exit 1
    fi
    awk -v n="$name" -v t="$best" -v b="$bytes" -v r="$found" \
        'BEGIN { printf "%-34s %8.3f s  %8.2f GB/s  %s\n", n, t * 1e-9, b / t, r }'
}

raw=$folder/records.bin fields=a:12,b:12,c:16,d:12,e:12
predicate='(a < b && popcount(c) >= 9 && (d ^ e) & 0x33 == 0x11)
           || ((a + b) & 0x800 == 0 && c & 0xFF == d >> 4)'
"$folder/generate" raw $((raw_mb * 131072)) > "$raw"
bytes=$(stat -c %s "$raw")
count_of_cat() { cat "$raw" > /dev/null; }
echo "raw records, $raw_mb MB"
measure "cat > /dev/null" "$bytes" count_of_cat
answer=
for threads in 1 2; do
    measure "bitloom filter --threads $threads" "$bytes" "$bitloom" filter "$predicate" "$raw" \
        --fields $fields --count --threads $threads
    answer=$found
done
rm "$raw"

table=$folder/orders.csv
"$folder/generate" table $((table_mb * 1048576)) > "$table"
bytes=$(stat -c %s "$table")
answer=
echo "table, $table_mb MB: kind == 3 && price - cost > 100"
for threads in 1 2; do
    measure "bitloom filter --threads $threads" "$bytes" "$bitloom" filter \
        'kind == 3 && price - cost > 100' "$table" --count --threads $threads
    answer=$found
done
for awk in mawk gawk; do
    command -v $awk > /dev/null && measure $awk "$bytes" $awk -F, \
        'NR > 1 && $2 == 3 && $4 - $5 > 100 { n++ } END { print n + 0 }' "$table"
done
[ -z "${DUCKDB:-}" ] || measure "DuckDB, 2 threads" "$bytes" env NODE_PATH="$DUCKDB/node_modules" node -e "
    const { DuckDBInstance } = require('@duckdb/node-api');
    (async () => {
        const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
        const result = await connection.runAndReadAll(
            \"select count(*) from read_csv('$table') where kind = 3 and price - cost > 100\");
        console.log(String(result.getRows()[0][0]));
    })();"
