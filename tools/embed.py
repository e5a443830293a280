#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns a file into a C array: embed.py IN OUT.c; without IN ("") the array is empty."""

import sys

data = open(sys.argv[1], "rb").read() if sys.argv[1] else b""
with open(sys.argv[2], "w") as out:
    out.write('#include "page.h"\n\nconst unsigned char bl_page[] = {\n')
    for i in range(0, len(data), 16):
        out.write("    " + ", ".join("%3d" % b for b in data[i:i + 16]) + ",\n")
    out.write("    0};\nconst size_t bl_page_bytes = %d;\n" % len(data))
