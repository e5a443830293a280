#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns a file into a C array: embed.py IN OUT.c [NAME]; without IN ("") the array is empty."""

import sys

data = open(sys.argv[1], "rb").read() if sys.argv[1] else b""
name = sys.argv[3] if len(sys.argv) > 3 else "bl_page"
with open(sys.argv[2], "w") as out:
    out.write('#include "page.h"\n\nconst unsigned char %s[] = {\n' % name)
    for i in range(0, len(data), 16):
        out.write("    " + ", ".join("%3d" % b for b in data[i:i + 16]) + ",\n")
    out.write("    0};\nconst size_t %s_bytes = %d;\n" % (name, len(data)))
