#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds with clang, warnings being errors, and runs the tests.
set -eu
build=build-clang
[ -e "$build/build.ninja" ] || CC=clang-16 meson setup "$build" -Dwerror=true -Dpage=false >/dev/null
exec tools/test.sh "$build" --no-suite slow
