#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the library, the program without the server, and the tests for AArch64; runs the tests
# under qemu. The libraries for arm64 come as Debian packages, unpacked under the build folder.
set -eu
build=build-arm64
root=$PWD/$build/root
if [ ! -e "$build/build.ninja" ]; then
    mkdir -p "$build/deb" "$root"
    list="-oDir::State::Lists=$PWD/$build/lists -oAPT::Architecture=arm64 -oAPT::Architectures=arm64"
    mkdir -p "$build/lists/partial"
    apt-get $list update -q >/dev/null 2>&1
    (cd "$build/deb" && apt-get $list download libssl-dev libssl3 libjansson-dev libjansson4 libsqlite3-dev libsqlite3-0 >/dev/null 2>&1)
    for package in "$build"/deb/*.deb; do dpkg -x "$package" "$root"; done
    cat > "$build/cross.ini" <<INI
[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu', '-E', 'LD_LIBRARY_PATH=$root/usr/lib/aarch64-linux-gnu']
[properties]
sys_root = '$root'
pkg_config_libdir = '$root/usr/lib/aarch64-linux-gnu/pkgconfig'
[built-in options]
c_args = ['-I$root/usr/include/aarch64-linux-gnu']
c_link_args = ['-L$root/usr/lib/aarch64-linux-gnu', '-Wl,-rpath-link,$root/usr/lib/aarch64-linux-gnu']
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
INI
    meson setup "$build" --cross-file "$build/cross.ini" -Dserve=false -Dpage=false >/dev/null
fi
export BITLOOM_EFFORT=25 # of random cases, which take long here
exec tools/test.sh "$build" --no-suite host --no-suite slow --timeout-multiplier 10
