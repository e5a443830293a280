#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws the pictures of docs/guide/records.md: draw.py FOLDER writes its .svg files there."""

import pathlib
import sys

FIELDS = [("kind", 3, "#3b6ea8", "#dbe6f3"), ("hp", 7, "#3f8f3a", "#dcefd9"), ("vx", 6, "#c96a12", "#fae5d0")]
BITS = [(name, k, dark, light) for name, width, dark, light in FIELDS for k in range(width)]
INK, DIM, MARK = "#22262b", "#6a7178", "#b3123f"
CELLS = [(3, 100, -2), (0, 17, 5), (5, 127, -31), (2, 64, 0), (7, 9, 12), (1, 80, -7), (4, 33, 30), (6, 120, -1)]


def row_bits(cell):
    row = (cell[0] & 7) | (cell[1] & 127) << 3 | (cell[2] & 63) << 10
    return [row >> k & 1 for k in range(16)]


class Picture:
    def __init__(self, width, height, title):
        self.out = [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">'
            % (width, height, width, height),
            "<title>%s</title>" % title,
            '<style>text{font-family:"DejaVu Sans",Verdana,sans-serif}.m{font-family:"DejaVu Sans Mono",Menlo,monospace}</style>',
            '<rect x="0.5" y="0.5" width="%d" height="%d" rx="10" fill="#fcfcfa" stroke="#d5d8da"/>'
            % (width - 1, height - 1)]

    def text(self, x, y, words, size=13, anchor="start", colour=INK, mono=False, weight="normal"):
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        self.out.append('<text x="%g" y="%g" font-size="%g" text-anchor="%s" fill="%s" font-weight="%s"%s>%s</text>'
                        % (x, y, size, anchor, colour, weight, ' class="m"' if mono else "", words))

    def box(self, x, y, w, h, fill, stroke="none", rx=2, width=1):
        self.out.append('<rect x="%g" y="%g" width="%g" height="%g" rx="%g" fill="%s" stroke="%s" stroke-width="%g"/>'
                        % (x, y, w, h, rx, fill, stroke, width))

    def bit(self, x, y, size, value, dark, light):
        self.box(x + 0.75, y + 0.75, size - 1.5, size - 1.5, dark if value else light)
        self.text(x + size / 2, y + size * 0.7, str(value), size * 0.55, "middle", "#ffffff" if value else dark, True)

    def line(self, points, colour=INK, width=1.4, arrow=False):
        self.out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="%g"/>'
                        % (" ".join("%g,%g" % p for p in points), colour, width))
        if arrow:
            (x0, y0), (x, y) = points[-2:]
            dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
            self.out.append('<polygon points="%g,%g %g,%g %g,%g" fill="%s"/>'
                            % (x, y, x - 8 * dx - 4 * dy, y - 8 * dy - 4 * dx, x - 8 * dx + 4 * dy, y - 8 * dy + 4 * dx, colour))

    def save(self, path):
        path.write_text("\n".join(self.out + ["</svg>", ""]))


def draw_row():
    p, s, x, y = Picture(720, 190, "A packed row of 16 bits"), 36, 72, 70
    p.text(24, 32, "{kind = 3, hp = 100, vx = -2} as a packed row: 16 bits, 2 bytes", 14, weight="bold")
    for k, ((name, j, dark, light), value) in enumerate(zip(BITS, row_bits(CELLS[0]))):
        p.bit(x + k * s, y, s, value, dark, light)
        p.text(x + k * s + s / 2, y - 8, str(k), 11, "middle", DIM)
    p.text(x - 10, y - 8, "bit", 11, "end", DIM)
    first = 0
    for name, width, dark, light in FIELDS:
        left, right = x + first * s + 3, x + (first + width) * s - 3
        p.line([(left, y + s + 5), (left, y + s + 11), (right, y + s + 11), (right, y + s + 5)], dark, 1.6)
        p.text((left + right) / 2, y + s + 27, name, 13, "middle", dark, True, "bold")
        first += width
    for b in range(2):
        left, right = x + 8 * b * s + 3, x + 8 * (b + 1) * s - 3
        p.line([(left, y + s + 40), (right, y + s + 40)], DIM, 1)
        p.text((left + right) / 2, y + s + 56, "byte %d" % b, 12, "middle", DIM)
    return p


def draw_slice():
    p, s = Picture(860, 440, "Slicing is a transpose"), 20
    x, y = 56, 96
    p.text(24, 34, "packed rows", 14, weight="bold")
    p.text(24, 52, "one record after the other", 12, colour=DIM)
    p.text(x - 8, y - 10, "lane", 11, "end", DIM)
    for lane, cell in enumerate(CELLS):
        p.text(x - 8, y + lane * s + 15, str(lane), 12, "end", MARK if lane == 2 else DIM, True)
        for k, ((name, j, dark, light), value) in enumerate(zip(BITS, row_bits(cell))):
            p.bit(x + k * s, y + lane * s, s, value, dark, light)
    p.box(x - 1.5, y + 2 * s - 1.5, 16 * s + 3, s + 3, "none", MARK, 3, 2)
    p.text(x + 8 * s, y + 8 * s + 20, "... 511", 12, "middle", DIM, True)
    p.text(x, y + 8 * s + 62, "Record 2, a row on the left,", 12.5, colour=MARK)
    p.text(x, y + 8 * s + 80, "is lane 2, a column on the right.", 12.5, colour=MARK)
    p.text(x, y + 8 * s + 106, "Bit k of all rows, a column on the left,", 12.5)
    p.text(x, y + 8 * s + 124, "is plane k, a row on the right.", 12.5)
    p.line([(410, 170), (480, 170)], INK, 2, True)
    p.text(445, 160, "slice", 13, "middle", mono=True)
    p.line([(480, 196), (410, 196)], INK, 2, True)
    p.text(445, 216, "unslice", 13, "middle", mono=True)
    x = 590
    p.text(x - 74, 34, "planes", 14, weight="bold")
    p.text(x - 74, 52, "64 bytes each: one bit of 512 lanes", 12, colour=DIM)
    p.text(x - 10, y - 10, "lane", 11, "end", DIM)
    for lane in range(8):
        p.text(x + lane * s + s / 2, y - 10, str(lane), 12, "middle", MARK if lane == 2 else DIM, True)
    p.text(x + 8 * s + 8, y - 10, "... 511", 12, "start", DIM, True)
    for k, (name, j, dark, light) in enumerate(BITS):
        p.text(x - 8, y + k * s + 15, "%s[%d]" % (name, j), 12, "end", dark, True)
        for lane, cell in enumerate(CELLS):
            p.bit(x + lane * s, y + k * s, s, row_bits(cell)[k], dark, light)
        p.text(x + 8 * s + 8, y + k * s + 15, "...", 12, "start", DIM, True)
        p.text(x + 8 * s + 92, y + k * s + 15, "%d" % k, 12, "end", DIM, True)
    p.text(x + 8 * s + 92, y - 26, "plane", 11, "end", DIM)
    p.box(x + 2 * s - 1.5, y - 1.5, s + 3, 16 * s + 3, "none", MARK, 3, 2)
    return p


def draw_adder():
    p = Picture(720, 330, "Adding planes")
    p.text(24, 34, "bl_planes_add(sum, a, b, 3)", 14, mono=True, weight="bold")
    p.text(24, 54, "Every line is a plane: each operation adds one bit of 512 lanes.", 12, colour=DIM)
    for k in range(3):
        y = 96 + 74 * k
        for name, dy in (("a[%d]" % k, 0), ("b[%d]" % k, 26)):
            p.text(66, y + dy + 9, name, 13, "end", "#3b6ea8", True)
            p.line([(74, y + dy + 5), (196, y + dy + 5)], "#3b6ea8", 1.6, True)
        p.box(198, y - 6, 330, 48, "#eef2f6", "#9fb2c6", 6)
        p.text(214, y + 14, "sum   = a ^ b ^ carry" if k else "sum   = a ^ b", 13, mono=True)
        p.text(214, y + 33, "carry = majority(a, b, carry)" if k else "carry = a & b", 13, mono=True)
        p.line([(528, y + 10), (606, y + 10)], "#3f8f3a", 1.6, True)
        p.text(614, y + 15, "sum[%d]" % k, 13, "start", "#3f8f3a", True)
        p.line([(470, y + 42), (470, y + 66)], MARK, 2, True)
        p.text(482, y + 59, "carry" if k < 2 else "carry out (add_carry keeps it)", 12, "start", MARK)
    return p


def draw_filter():
    p = Picture(860, 312, "Filtering with planes")

    def stage(x, title, lines, colour):
        p.box(x, 66, 138, 78, "#ffffff", colour, 8, 1.8)
        p.text(x + 69, 90, title, 13.5, "middle", colour, True, "bold")
        for i, words in enumerate(lines):
            p.text(x + 69, 112 + 17 * i, words, 12, "middle")

    p.text(24, 36, "The words are only read as planes; what is kept is moved as words.", 14, weight="bold")
    stage(150, "slice", ["512 words", "to 16 planes"], "#3b6ea8")
    stage(340, "popcount", ["16 planes to 5", "30 operations"], "#3f8f3a")
    stage(530, "ge_constant", ["5 planes to 1", "3 operations"], "#3f8f3a")
    p.text(24, 108, "words", 13, mono=True)
    p.line([(76, 104), (148, 104)], INK, 1.6, True)
    p.line([(288, 104), (338, 104)], INK, 1.6, True)
    p.line([(478, 104), (528, 104)], INK, 1.6, True)
    p.text(740, 108, "keep", 13, mono=True)
    p.line([(668, 104), (732, 104)], INK, 1.6, True)
    p.text(740, 125, "1 plane", 12, colour=DIM)
    p.box(530, 196, 138, 74, "#ffffff", "#c96a12", 8, 1.8)
    p.text(599, 220, "compact", 13.5, "middle", "#c96a12", True, "bold")
    p.text(599, 242, "kept words", 12, "middle")
    p.text(599, 258, "move together", 12, "middle")
    p.line([(108, 104), (108, 233), (528, 233)], INK, 1.6, True)
    p.line([(757, 134), (757, 233), (670, 233)], INK, 1.6, True)
    p.line([(599, 270), (599, 290)], INK, 1.6, True)
    p.text(612, 288, "kept", 13, mono=True)
    return p


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    for name, draw in (("row", draw_row), ("slice", draw_slice), ("adder", draw_adder), ("filter", draw_filter)):
        draw().save(folder / ("records-%s.svg" % name))
