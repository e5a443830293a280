#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The layer check: a file includes only its own folder and lower layers. layers.py ROOT"""

import pathlib
import re
import sys

ORDER = [["base"], ["bits"], ["record"], ["logic"], ["batch"],
         ["automaton", "melt", "layout", "hair", "music"], ["gpu"], ["serve"], ["apps"]]
HEADER_LAYER = {"planes": "record", "netlist": "logic", "simplify": "logic", "prove": "logic", "code": "logic", "timeline": "logic", "pattern": "logic",
                "gated": "melt"}  # public headers that are not named after their layer
LEVEL = {layer: i for i, group in enumerate(ORDER) for layer in group}
root = pathlib.Path(sys.argv[1]).resolve()


def layer_of(path):
    parts = path.relative_to(root).parts
    return {"src": lambda: parts[1], "apps": lambda: "apps", "bench": lambda: "apps",
            "include": lambda: HEADER_LAYER.get(path.stem, path.stem)}[parts[0]]()


def target_of(path, text):
    if text.startswith("bitloom/"):
        header = text[len("bitloom/"):].removesuffix(".h")
        return HEADER_LAYER.get(header, header)
    parts = text.split("/")
    if len(parts) > 1 and parts[0] in LEVEL:
        return parts[0]
    return layer_of((path.parent / text).resolve()) if parts[0] == ".." else layer_of(path)


failed = 0
files = [p for folder in ("src", "apps", "bench", "include") for p in sorted((root / folder).rglob("*.[ch]"))]
for path in files:
    own = layer_of(path)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+(?:"([^"]+)"|<(bitloom/[^>]+)>)', line)
        if not match:
            continue
        target = target_of(path, match[1] or match[2])
        if target != own and (target not in LEVEL or LEVEL[target] >= LEVEL[own]):
            print("%s:%d: %s may not include %s" % (path.relative_to(root), number, own, target))
            failed += 1
print("%d files, %d forbidden includes" % (len(files), failed))
sys.exit(failed > 0 or not files)
