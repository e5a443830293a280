#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Models and compressors on one text: language.py BITLOOM --train FILE --test FILE MODEL.loom ... [-o NAME]

Prints, as CSV, bits per byte of the test text, gates and time of each melted model, and of gzip, xz and
PPMd (Debian: p7zip-full), alone on the test text and primed with the training text: the size of both
together less that of the training text. Compressors go on learning while they read the test text, the
models do not. With -o also writes NAME.csv and NAME.svg: bits per byte over LUT3s.
"""

import argparse
import csv
import json
import lzma
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zlib

COLUMNS = ["what", "bits_per_byte", "bits_per_byte_cold", "n_luts", "n_nodes", "n_nonzeros", "ns_per_byte_and_lane"]
LANES = 512


def gzip_bytes(data):
    return len(zlib.compress(data, 9))


def xz_bytes(data):
    return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def ppmd_bytes(data):
    seven = shutil.which("7z") or shutil.which("7za")
    if not seven:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path, out = pathlib.Path(folder) / "text", pathlib.Path(folder) / "out.7z"
        path.write_bytes(data)
        subprocess.run([seven, "a", "-m0=ppmd:o=8:mem=1g", out, path], check=True, stdout=subprocess.DEVNULL)
        return out.stat().st_size


def compressor_rows(train, test):
    for name, size in (("gzip -9", gzip_bytes), ("xz -9e", xz_bytes), ("PPMd, order 8", ppmd_bytes)):
        alone = size(test)
        if alone is None:
            print("no 7z here: PPMd is left out (Debian: p7zip-full)", file=sys.stderr)
            continue
        yield {"what": name, "bits_per_byte": 8 * alone / len(test)}
        yield {"what": name + ", primed", "bits_per_byte": 8 * (size(train + test) - size(train)) / len(test)}


def score(bitloom, model, text, warm):
    run = subprocess.run([bitloom, "score", model, "--text", text, "--warm", str(warm), "--json", "--threads", "1"],
                         stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)


def model_row(bitloom, model, text):
    warm, cold = score(bitloom, model, text, 256), score(bitloom, model, text, 0)
    return {"what": pathlib.Path(model).stem, "bits_per_byte": warm["bits_per_byte"],
            "bits_per_byte_cold": cold["bits_per_byte"], "n_luts": warm["n_luts"], "n_nodes": warm["n_nodes"],
            "n_nonzeros": warm["n_nonzeros"], "ns_per_byte_and_lane": warm["step_ns"] / LANES}


def picture(rows):
    """Models as points, those on the Pareto front joined; compressors as lines across."""
    models = sorted((r for r in rows if "n_luts" in r), key=lambda r: r["n_luts"])
    bits = [r["bits_per_byte"] for r in rows]
    low, high = math.floor(min(bits) * 5) / 5, math.ceil(max(bits) * 5) / 5
    sizes = [math.log10(r["n_luts"]) for r in models] or [5, 7]
    first, last = math.floor(min(sizes)), math.floor(max(sizes)) + 1  # powers of ten of LUT3s
    width, height, left, top = 640, 360, 56, 24

    def x(n):
        return left + (math.log10(n) - first) / (last - first) * width

    def y(b):
        return top + (high - b) / (high - low) * height

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">'
           '<rect width="100%%" height="100%%" fill="#fff"/>' % (left + width + 24, top + height + 48)]
    for k in range(first, last + 1):
        out.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#444">10<tspan dy="-5" font-size="9">%d'
                   '</tspan></text>' % (x(10 ** k), top + height + 18, k))
    step = 0.2
    for i in range(round((high - low) / step) + 1):
        b = low + i * step
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" '
                   'text-anchor="end" fill="#444">%.1f</text>' % (left, left + width, y(b), y(b), left - 6, y(b) + 4, b))
    for r in rows:
        if "n_luts" not in r:
            out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#b35900" stroke-dasharray="5 4"/>'
                       '<text x="%d" y="%.1f" text-anchor="%s" fill="#b35900">%s</text>'
                       % (left, left + width, y(r["bits_per_byte"]), y(r["bits_per_byte"]),
                          *((left + 6, y(r["bits_per_byte"]) - 4, "start") if "primed" in r["what"] else
                            (left + width - 4, y(r["bits_per_byte"]) - 4, "end")), r["what"]))
    front, best = [], math.inf
    for r in models:
        if r["bits_per_byte"] < best:
            best = r["bits_per_byte"]
            front.append(r)
    out.append('<polyline points="%s" fill="none" stroke="#1f5fa8" stroke-width="2"/>' % " ".join(
        "%.1f,%.1f" % (x(r["n_luts"]), y(r["bits_per_byte"])) for r in front))
    for r in models:
        out.append('<circle cx="%.1f" cy="%.1f" r="4" fill="#1f5fa8"/><text x="%.1f" y="%.1f" fill="#1f5fa8">%s</text>'
                   % (x(r["n_luts"]), y(r["bits_per_byte"]), x(r["n_luts"]) + 5, y(r["bits_per_byte"]) - 7, r["what"]))
    out.append('<text x="%d" y="%d" text-anchor="middle" fill="#444">LUT3s of a step</text>'
               '<text x="%d" y="14" fill="#444">bits per byte</text></svg>'
               % (left + width / 2, top + height + 38, left))
    return "\n".join(out) + "\n"


def write_csv(stream, rows):
    table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    table.writeheader()
    for r in rows:
        table.writerow({k: "%.4f" % v if isinstance(v, float) else v for k, v in r.items()})


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("bitloom")
    p.add_argument("models", nargs="*", metavar="MODEL.loom")
    p.add_argument("--train", required=True, type=pathlib.Path)
    p.add_argument("--test", required=True, type=pathlib.Path)
    p.add_argument("-o", "--output", metavar="NAME")
    a = p.parse_args()
    rows = [model_row(a.bitloom, m, a.test) for m in a.models]
    rows += compressor_rows(a.train.read_bytes(), a.test.read_bytes())
    rows.sort(key=lambda r: r["bits_per_byte"])
    write_csv(sys.stdout, rows)
    if a.output:
        with open(a.output + ".csv", "w", newline="") as f:
            write_csv(f, rows)
        pathlib.Path(a.output + ".svg").write_text(picture(rows))


if __name__ == "__main__":
    main()
