#!/bin/sh
# SPDX-License-Identifier: MIT
# Types and module tests of the page: modules.sh WEB-FOLDER
set -eu
cd "$1"
exec npm test --silent
