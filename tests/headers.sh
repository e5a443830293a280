#!/bin/sh
# SPDX-License-Identifier: MIT
# Every public header compiles alone, as C17 and as C++17: headers.sh INCLUDE-FOLDER
set -eu
for header in "$1"/bitloom/*.h; do
    name=bitloom/$(basename "$header")
    echo "#include <$name>" | cc -std=c17 -Wall -Wextra -Werror -I "$1" -x c -fsyntax-only -
    echo "#include <$name>" | c++ -std=c++17 -Wall -Wextra -Werror -I "$1" -x c++ -fsyntax-only -
    echo "ok $name"
done
