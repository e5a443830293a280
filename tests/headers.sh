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
declaration='#define CELL_FIELDS(F) F(kind, 3, 0) F(vx, 61, 1) F(big, 64, 0)
BL_RECORD(cell, CELL_FIELDS)
BL_STATIC_ASSERT_(BL_FIRST(cell, big) == 64 && cell_BYTES == 16, "");
void step(cell_planes *p);
void step(cell_planes *p) { bl_planes_add(p->vx, p->vx, p->big, BL_WIDTH(p->vx)); }'
for compiler in 'cc -std=c17 -x c' 'c++ -std=c++17 -x c++'; do
    printf '#include <bitloom/planes.h>\n#include <bitloom/record.h>\n%s\n' "$declaration" |
        $compiler -Wall -Wextra -Wconversion -Werror -I "$1" -fsyntax-only -
    echo "ok a record with ${compiler%% *}"
done
