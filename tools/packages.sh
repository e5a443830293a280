#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what a list of Debian packages names and this machine lacks: packages.sh LIST.
# Asks for sudo when not root. Node.js from elsewhere counts as nodejs and npm.
set -eu
missing=""
for package in $(grep -v '^#' "$1"); do
    case $package in
        nodejs) command -v node >/dev/null && continue ;;
        npm)    command -v npm >/dev/null && continue ;;
    esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || { echo "please install:$missing" >&2; exit 1; }
echo "installing:$missing" >&2
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
install="$sudo apt-get install -y -q --no-install-recommends $missing"
$install >/dev/null 2>&1 || { $sudo apt-get update -q >/dev/null && $install >/dev/null; }
