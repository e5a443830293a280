#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws what `bitloom bench sizes --json` measured: chart.py RESULT.json OUT.svg"""

import json
import math
import re
import sys

W, H, LEFT, TOP, GAP = 430, 300, 56, 46, 84
COLOUR = {"data": "#b35900", "code": "#1f5fa8", "auto": "#2c7a3f"}


def read(path):
    """panels[(circuit, chunks)][way] = [(ands, T)]"""
    panels = {}
    for line in json.load(open(path))["lines"]:
        match = re.fullmatch(r"(\w+) (\d+) x (\d+) (code|auto)", line["name"])
        if line["group"] != "sizes" or not match:
            continue
        ands, chunks = int(match[2]), int(match[3])
        ways = panels.setdefault((match[1], chunks), {"data": [], "code": [], "auto": []})
        work = line["units_per_second"] * line["run_ns"] * 1e-12
        ways[match[4]].append((ands, work / line["run_ns"]))
        if match[4] == "code":
            ways["data"].append((ands, work / line["anchor_ns"]))
    return panels


def draw_panel(out, x0, y0, title, ways):
    def x(ands):
        return x0 + (math.log10(ands) - 2.6) / 5.8 * W

    def y(speed):
        return y0 + H - (math.log10(speed) + 2) / 3.3 * H

    out.append('<rect x="%d" y="%d" width="%d" height="%d" class="frame"/>' % (x0, y0, W, H))
    out.append('<text x="%d" y="%d" class="title">%s</text>' % (x0, y0 - 12, title))
    for k in range(3, 9):
        out.append('<text x="%.1f" y="%d" class="tick" text-anchor="middle">10<tspan dy="-5" '
                   'font-size="9">%d</tspan></text>' % (x(10 ** k), y0 + H + 18, k))
    for speed in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20):
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="grid"/>'
                   % (x0, x0 + W, y(speed), y(speed)))
        out.append('<text x="%d" y="%.1f" class="tick" text-anchor="end">%g</text>'
                   % (x0 - 7, y(speed) + 4, speed))
    for way, points in ways.items():
        path = " ".join("%.1f,%.1f" % (x(a), y(s)) for a, s in sorted(points))
        dash = ' stroke-dasharray="5 4"' if way == "auto" else ""
        out.append('<polyline points="%s" stroke="%s"%s class="line"/>' % (path, COLOUR[way], dash))
        out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (x(a), y(s), COLOUR[way])
                for a, s in points if way != "auto"]


def draw(panels):
    keys = sorted(panels, key=lambda k: (k[0] != "neurons", k[1]))
    width = 2 * (LEFT + W) + 30
    height = TOP + (len(keys) + 1) // 2 * (H + GAP) + 16
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif">'
           '<style>.frame{fill:none;stroke:#888}.grid{stroke:#ddd}.line{fill:none;stroke-width:2}'
           '.tick{font-size:12px;fill:#444}.title{font-size:14px;font-weight:bold}</style>'
           '<rect width="100%%" height="100%%" fill="white"/>' % (width, height)]
    names = {"neurons": "Neurons (operands near)", "layers": "Random layers (operands anywhere)"}
    for i, key in enumerate(keys):
        title = "%s, %s lanes a call" % (names[key[0]], format(512 * key[1], ","))
        draw_panel(out, LEFT + i % 2 * (W + LEFT + 10), TOP + i // 2 * (H + GAP), title, panels[key])
    for i, (way, text) in enumerate((("data", "interpreter"), ("code", "machine code"),
                                     ("auto", "automatic choice"))):
        out.append('<text x="%d" y="%d" fill="%s" class="title">%s</text>'
                   % (LEFT + i * 150, height - 12, COLOUR[way], text))
    out.append('<text x="%d" y="%d" class="tick" text-anchor="end">10<tspan dy="-5" font-size="9">12'
               '</tspan><tspan dy="5"> ANDs x patterns a second over ANDs, one core</tspan></text></svg>'
               % (width - 24, height - 12))
    return "\n".join(out) + "\n"


open(sys.argv[2], "w").write(draw(read(sys.argv[1])))
