#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every block of C in docs/guide stands in an example or a header, line by line. quotes.py ROOT"""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])


def lines_of(text):  # indentation, comment marks of headers and blank lines do not count
    return [line for line in (re.sub(r"^// {5}", "", line).strip() for line in text.splitlines()) if line]


sources = {path: "\n".join(lines_of(path.read_text()))
           for path in [*(root / "examples").glob("*.c"), *(root / "include/bitloom").glob("*.h")]}
n_blocks = n_failed = 0
for page in sorted((root / "docs/guide").glob("*.md")):
    for block in re.findall(r"^```c\n(.*?)^```", page.read_text(), re.M | re.S):
        n_blocks += 1
        if not any("\n".join(lines_of(block)) in source for source in sources.values()):
            print("%s: not in any example or header:\n%s" % (page.relative_to(root), block))
            n_failed += 1
print("%d quoted blocks, %d failed" % (n_blocks, n_failed))
sys.exit(n_failed > 0 or not n_blocks)
