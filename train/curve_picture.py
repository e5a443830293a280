# SPDX-License-Identifier: MIT
"""The training curve as an .svg file: bits per byte against bytes read, without any library.

Two lines, training and validation, each with its name and last value at its end; a grid whose
steps are round numbers. Colours suit light and dark backgrounds.
"""

import math

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 124, 40, 44      # margins around the lines
LINES = (("training", 1, "#8a93a3"), ("validation", 2, "#2f7fd1"))   # name, column, colour
LABEL_GAP = 16                                  # between the two names at the lines' ends


def grid_step(span, n_most):
    """The smallest of 1, 2, 5 x 10^k that cuts `span` into at most `n_most` parts."""
    step = 10 ** math.floor(math.log10(span / n_most))
    return next(step * m for m in (1, 2, 5, 10) if span / (step * m) <= n_most)


def grid(low, high, n_most):
    step = grid_step(high - low, n_most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def text(x, y, content, anchor="middle", colour="#6b7480", size=12):
    return ('<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s" font-size="%d">%s</text>'
            % (x, y, anchor, colour, size, content))


def line(x0, y0, x1, y1):
    return '<path d="M%.1f %.1fL%.1f %.1f" stroke="#8a93a3" stroke-opacity=".3"/>' % (x0, y0, x1, y1)


class Axes:
    """From megabytes read and bits per byte to places in the picture."""

    def __init__(self, curve):
        costs = [point[i] for point in curve for _, i, _ in LINES]
        self.last_byte = curve[-1][0] / 1e6
        self.low = math.floor(min(costs) * 10) / 10
        # The first points of a run are high; the interesting part shall fill the picture.
        self.high = min(max(costs), self.low + 4 * (sorted(costs)[len(costs) // 2] - self.low) + 0.1)

    def x(self, megabytes):
        return LEFT + (WIDTH - LEFT - RIGHT) * megabytes / self.last_byte

    def y(self, cost):
        share = (min(cost, self.high) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def draw_grid(axes):
    out = []
    for cost in grid(axes.low, axes.high, 8):
        out.append(line(LEFT, axes.y(cost), WIDTH - RIGHT, axes.y(cost)))
        out.append(text(LEFT - 8, axes.y(cost) + 4, "%.2f" % cost, "end"))
    for megabytes in grid(0, axes.last_byte, 8):
        out.append(text(axes.x(megabytes), HEIGHT - BOTTOM + 18, "%g" % round(megabytes, 6)))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "megabytes read"))
    return out


def draw_lines(axes, curve):
    out, last = [], curve[-1]
    order = sorted(LINES, key=lambda l: axes.y(last[l[1]]))
    place = axes.y(last[order[0][1]]) - LABEL_GAP
    for name, i, colour in order:
        points = " ".join("%.1f,%.1f" % (axes.x(p[0] / 1e6), axes.y(p[i])) for p in curve)
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>'
                   % (points, colour))
        place = max(place + LABEL_GAP, axes.y(last[i]))
        out.append(text(WIDTH - RIGHT + 8, place + 4, "%s %.3f" % (name, last[i]), "start", colour))
    return out


def svg(curve, title):
    """curve: [bytes read, training cost, validation cost] each, at least one; -> the file's text."""
    axes = Axes(curve)
    safe = title.replace("&", "&amp;").replace("<", "&lt;")
    parts = [text(LEFT, 22, "bits per byte, " + safe, "start", size=14)]
    parts += draw_grid(axes) + draw_lines(axes, curve)
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif">\n'
            "%s\n</svg>\n" % (WIDTH, HEIGHT, "\n".join(parts)))
