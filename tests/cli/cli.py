#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line as scripts use it: cli.py BITLOOM TINY.safetensors"""

import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BITLOOM, TINY = sys.argv[1:3]
HALF_ADDER = "aag 5 2 0 2 3\n2\n4\n6\n10\n6 2 4\n8 3 5\n10 9 7\ni0 a\ni1 b\no0 carry\no1 sum\n"


def run(*words, stdin=None, expect=0, env=None):
    done = subprocess.run([BITLOOM, *map(str, words)], input=stdin, capture_output=True,
                          env={**os.environ, **(env or {})})
    assert done.returncode == expect, "%s: exit %d, %s" % (words, done.returncode, done.stderr)
    return done.stdout, done.stderr.decode(errors="replace")


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)
        (self.folder / "half.aag").write_text(HALF_ADDER)

    def tearDown(self):
        self.scratch.cleanup()

    def test_every_verb_has_help(self):
        overview = run("--help")[0].decode()
        verbs = [line.split()[0] for line in overview.splitlines() if line.startswith("  ")]
        self.assertIn("melt", verbs)
        for verb in verbs:
            text = run(verb, "--help")[0].decode()
            self.assertIn("bitloom " + verb, text)
            self.assertIn("--json", text)

    def test_usage_errors_exit_2_and_suggest(self):
        self.assertIn("did you mean stats", run("stat", expect=2)[1])
        self.assertIn("did you mean --random", run("simulate", "x", "--rando", "3", expect=2)[1])
        self.assertIn("expected: bitloom stats FILE", run("stats", expect=2)[1])
        self.assertIn(".aig, .aag, .blif, .bench, .v or .blp", run("convert", "a.aag", "b.xyz", expect=2)[1])

    def test_missing_and_malformed_files_exit_1_with_the_place(self):
        self.assertIn("nowhere.aig: No such file", run("stats", "nowhere.aig", expect=1)[1])
        bad = self.folder / "bad.aag"
        bad.write_text("aag 1 1 0 1 0\n2\n7\n")
        self.assertIn("bad.aag:3:2: output 7 is above the maximum 3", run("stats", bad, expect=1)[1])
        self.assertIn("not AIGER", run("stats", "-", stdin=b"hello", expect=1)[1])
        self.assertIn("expected a .loom", run("score", bad, "--text", bad, expect=1)[1])

    def test_emitted_c_computes_what_simulate_prints(self):
        xor = self.folder / "toggle.aag"  # a latch and more, so that state is written
        xor.write_text("aag 5 1 1 2 3\n2\n4 10 1\n4\n11\n6 2 5\n8 3 4\n10 7 9\n")
        source, library = self.folder / "toggle.c", self.folder / "toggle.so"
        run("emit", xor, "-o", source)
        self.assertIn("void toggle_step(", source.read_text())
        subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-DWORD_BYTES=8", "-shared", "-fPIC",
                        "-o", library, source], check=True)
        step = ctypes.CDLL(str(library)).toggle_step
        state, out, ones = (ctypes.c_uint64 * 1)(2**64 - 1), (ctypes.c_uint64 * 2)(), 2**64 - 1
        lines = run("simulate", xor, "--stimulus", "-", "--steps", 6, stdin=b"1\n")[0].split()
        for line in lines:
            step((ctypes.c_uint64 * 1)(ones), state, out)
            self.assertEqual([int(c) * ones for c in line.decode()], list(out))
        self.assertIn("no name for a C function", run("emit", xor, "--name", "a b", expect=2)[1])

    def test_map_writes_netlists_and_programs(self):
        half, blif, program = (self.folder / n for n in ("half.aag", "half.blif", "half.blp"))
        found = json.loads(run("map", half, "-o", blif, "--json")[0])
        self.assertEqual((found["n_luts"], found["n_levels"], found["cost"]), (2, 1, 2))
        text = blif.read_text()
        self.assertIn(".model half\n.inputs a b\n.outputs carry sum\n", text)
        run("map", half, "-o", program, "--lut", 3, "--target", "avx2")
        lines = run("simulate", program, "--stimulus", "-", stdin=b"00\n01\n10\n11\n")[0].split()
        self.assertEqual(lines, [b"00", b"01", b"01", b"10"])
        self.assertIn("use --lut 3", run("map", half, "-o", program, "--lut", 6, expect=2)[1])
        self.assertIn("no target", run("map", half, "-o", blif, "--target", "z80", expect=2)[1])
        self.assertIn("expected -o FILE", run("map", half, expect=2)[1])
        self.assertIn("use -o FILE.blp", run("map", half, "-o", blif, "--macros", expect=2)[1])
        found = json.loads(run("map", half, "-o", program, "--macros", "--json")[0])
        self.assertEqual((found["n_luts"], found["n_counts"], found["n_literals"]), (2, 0, 0))

    def test_verilog_escapes_names_that_it_could_not_read(self):
        odd, verilog = self.folder / "odd.aag", self.folder / "odd.v"
        odd.write_text("aag 3 3 0 2 0\n2\n4\n6\n2\n5\ni0 time\ni1 x[0]\ni2 plain\no0 int\no1 y\n")
        run("convert", odd, verilog)
        text = verilog.read_text()
        for line in ("input \\time ;", "input \\x[0] ;", "input plain;", "output \\int ;",
                     "assign y = ~\\x[0] ;"):
            self.assertIn(line, text)

    def test_stats_counts(self):
        stats = json.loads(run("stats", self.folder / "half.aag", "--json")[0])
        self.assertEqual((stats["n_inputs"], stats["n_outputs"], stats["n_nodes"], stats["n_levels"]),
                         (2, 2, 3, 2))

    def test_simulate_follows_the_truth_table_on_every_level_and_format(self):
        for name in ("half.aig", "half.blp", "half2.aag"):
            run("convert", self.folder / "half.aag", self.folder / name)
            for cpu in ("c", "avx2", "avx512", "neon"):
                words = ("simulate", self.folder / name, "--stimulus", "-", "--cpu", cpu)
                done = subprocess.run([BITLOOM, *map(str, words)], input=b"00\n01\n10\n11\n",
                                      capture_output=True)
                if b"this machine has no" in done.stderr:
                    continue
                self.assertEqual(done.stdout.decode().split(), ["00", "01", "01", "10"])

    def test_convert_goes_in_every_direction(self):
        abc, suffixes = shutil.which("berkeley-abc"), ("aig", "aag", "blif", "bench", "blp")
        first = self.folder / "first.aag"
        first.write_text("aag 10 3 0 3 7\n2\n4\n6\n15\n19\n1\n8 4 2\n10 5 3\n12 11 9\n"
                         "14 17 21\n16 12 6\n18 17 9\n20 13 7\n"
                         "i0 a\ni1 b\ni2 c\no0 sum\no1 carry\no2 one\n")
        patterns = b"".join(b"%d%d%d\n" % (k >> 2, k >> 1 & 1, k & 1) for k in range(8))
        expected = run("simulate", first, "--stimulus", "-", stdin=patterns)[0]
        for a in suffixes:
            middle = self.folder / ("middle." + a)
            run("convert", first, middle)
            for b in suffixes:
                last = self.folder / ("last." + b)
                run("convert", middle, last)
                self.assertEqual(run("simulate", last, "--stimulus", "-", stdin=patterns)[0], expected)
                if abc and b in ("aig", "blif", "bench"):
                    said = subprocess.run([abc, "-c", "cec %s %s" % (self.folder / "middle.aig", last)],
                                          capture_output=True, text=True).stdout
                    self.assertIn("Networks are equivalent", said, last)
        verilog = self.folder / "last.v"
        run("convert", first, verilog)
        self.assertIn("module first (a, b, c, sum, carry, one);", verilog.read_text())
        if not abc:
            print("no berkeley-abc here: nobody else has looked at these files")

    def test_convert_says_what_bench_cannot(self):
        ones = self.folder / "ones.aag"
        ones.write_text("aag 1 0 1 1 0\n2 3 1\n2\n")
        self.assertIn("which .bench cannot say; use .blif",
                      run("convert", ones, self.folder / "ones.bench", expect=1)[1])

    def test_stimulus_errors_name_line_and_column(self):
        half = self.folder / "half.aag"
        self.assertIn("-:2:2: expected 2 digits", run("simulate", half, "--stimulus", "-",
                                                      stdin=b"00\n0x\n", expect=1)[1])
        self.assertIn("1 digits; expected 2", run("simulate", half, "--stimulus", "-", stdin=b"0\n",
                                                  expect=1)[1])
        run("simulate", half, expect=2)

    def test_latches_count_steps(self):
        toggle = self.folder / "toggle.aag"
        toggle.write_text("aag 1 0 1 1 0\n2 3 1\n2\n")
        out = run("simulate", toggle, "--stimulus", "-", "--steps", 4, stdin=b"")[0]
        self.assertEqual(out, b"")  # no inputs: no line is a pattern
        out = run("simulate", toggle, "--random", 1, "--steps", 4)[0]
        self.assertEqual(out.decode().split(), ["1", "0", "1", "0"])

    def test_simulate_gives_the_same_however_it_runs(self):
        half = self.folder / "half.aag"
        expected = run("simulate", half, "--random", 3000, "--seed", 5, "--threads", 1)[0]
        self.assertEqual(expected.count(b"\n"), 3000)
        for how in (["--run", "interp"], ["--run", "auto"], ["--cpu", "c"], ["--threads", 3]):
            self.assertEqual(run("simulate", half, "--random", 3000, "--seed", 5, *how)[0], expected)
        counts = run("simulate", half, "--random", 3000, "--seed", 5, "--count")[0].decode()
        ones = [sum(line[k:k + 1] == b"1" for line in expected.split()) for k in (0, 1)]
        self.assertEqual(counts, "%d carry\n%d sum\n" % tuple(ones))
        found = json.loads(run("simulate", half, "--random", 3000, "--seed", 5, "--count", "--json")[0])
        self.assertEqual(found["ones"], ones)
        self.assertIn("no way to run", run("simulate", half, "--random", 3, "--run", "fast",
                                           expect=2)[1])

    def test_prove_tells_equal_from_different_and_shows_where(self):
        half = self.folder / "half.aag"
        run("convert", half, self.folder / "half.blp")
        self.assertEqual(run("prove", half, self.folder / "half.blp")[0], b"")
        wrong = self.folder / "wrong.aag"  # carry = a & !b
        wrong.write_text(HALF_ADDER.replace("6 2 4", "6 2 5"))
        out = run("prove", half, wrong, "-q", expect=1)[0].decode().splitlines()
        self.assertEqual(len(out), 2)
        self.assertRegex(out[1], "^(carry|sum) differs$")
        results = [run("simulate", g, "--stimulus", "-", stdin=out[0].encode())[0].decode()
                   for g in (half, wrong)]
        output = ("carry", "sum").index(out[1].split()[0])
        self.assertNotEqual(results[0][output], results[1][output])
        facts = json.loads(run("prove", half, wrong, "--json", expect=1)[0])
        self.assertEqual((facts["verdict"], facts["n_frames"], facts["output"]),
                         ("different", 1, out[1].split()[0]))
        self.assertEqual(facts["inputs"], [out[0]])
        narrow = self.folder / "narrow.aag"
        narrow.write_text("aag 1 1 0 2 0\n2\n2\n2\n")
        self.assertIn("has 2 inputs and the second 1", run("prove", half, narrow, expect=2)[1])
        self.assertIn("nowhere.aig", run("prove", half, "nowhere.aig", expect=2)[1])

    def test_prove_with_latches_by_induction_and_for_frames(self):
        toggle, twice, delayed = (self.folder / n for n in ("toggle.aag", "twice.aag", "late.aag"))
        toggle.write_text("aag 1 0 1 1 0\n2 3\n2\n")
        twice.write_text("aag 2 0 2 1 0\n2 4 1\n4 2\n5\n")  # 2 = !4, output !4: 1, 0, 1, ..
        self.assertIn("frame 0", run("prove", toggle, twice, expect=1)[0].decode())
        twice.write_text("aag 2 0 2 1 0\n2 5\n4 3\n4\n")  # two latches in step
        self.assertIn("induction", run("prove", toggle, twice)[1])
        # a chain of three latches filled with ones: the output rises in frame 3
        delayed.write_text("aag 4 0 3 1 0\n2 1\n4 2\n6 4\n6\n")
        zero = self.folder / "zero.aag"
        zero.write_text("aag 0 0 0 1 0\n0\n")
        out = run("prove", delayed, zero, expect=1)[0].decode().splitlines()
        self.assertEqual(out, ["", "", "", "", "output 0 differs in frame 3"])
        # a ring of three latches with a single one, and a counter: no latch equals another
        ring, count = self.folder / "ring.aag", self.folder / "count.aag"
        ring.write_text("aag 3 0 3 1 0\n2 6 1\n4 2\n6 4\n6\n")
        count.write_text("aag 3 0 2 1 1\n2 6\n4 2\n4\n6 5 3\n")
        self.assertIn("for 16 frames", run("prove", ring, count, expect=3)[1])
        self.assertIn("for 40 frames", run("prove", ring, count, "--frames", 40)[1])
        facts = json.loads(run("prove", ring, count, "--json", expect=3)[0])
        self.assertEqual((facts["verdict"], facts["n_frames"]), ("equal_for_frames", 16))

    def test_simplify_keeps_ports_and_counts(self):
        redundant = self.folder / "redundant.aag"  # a & b & (a | c), and a latch that reads it
        redundant.write_text("aag 7 3 1 2 3\n2\n4\n6\n8 14 1\n14\n8\n10 4 2\n12 7 3\n14 13 10\n"
                             "i0 a\ni1 b\ni2 c\nl0 held\no0 all\no1 before\nc\nby hand\n")
        small = self.folder / "small.aag"
        for effort in range(0, 10, 3):
            facts = json.loads(run("simplify", redundant, "-o", small, "--effort", effort,
                                   "--json")[0])
            self.assertEqual((facts["before"]["n_nodes"], facts["after"]["n_nodes"]), (3, 1))
            self.assertEqual((facts["after"]["n_luts"], facts["after"]["n_levels"]), (1, 1))
            self.assertEqual(small.read_text(), "aag 5 3 1 2 1\n2\n4\n6\n8 10 1\n10\n8\n10 4 2\n"
                             "i0 a\ni1 b\ni2 c\nl0 held\no0 all\no1 before\nc\nby hand\n")
        self.assertEqual(run("simplify", redundant, "-o", "-", "-q")[0][:4], b"aig ")
        self.assertIn("strash", run("simplify", redundant, "-o", small, "-v")[1])
        self.assertEqual(run("simplify", redundant, "-o", small), (b"", ""))

    def test_simplify_errors_say_what_is_expected(self):
        half = self.folder / "half.aag"
        self.assertIn("expected -o OUT.aig", run("simplify", half, expect=2)[1])
        self.assertIn("--effort", run("simplify", half, "-o", "x", "--effort", 10, expect=2)[1])
        self.assertIn("both write", run("simplify", half, "-o", "-", "--json", expect=2)[1])
        self.assertIn("nowhere.aig: No such", run("simplify", "nowhere.aig", "-o", "x", expect=1)[1])

    def test_transpose_matches_a_plain_loop(self):
        for rows, cols in ((1, 1), (3, 9), (100, 301), (520, 70)):
            data = os.urandom(rows * ((cols + 7) // 8))
            path = self.folder / "m.bin"
            path.write_bytes(data)
            out = run("transpose", "--rows", rows, "--cols", cols, path)[0]
            width, height = (cols + 7) // 8, (rows + 7) // 8
            expected = bytearray(cols * height)
            for r in range(rows):
                for c in range(cols):
                    if data[r * width + c // 8] >> c % 8 & 1:
                        expected[c * height + r // 8] |= 1 << r % 8
            self.assertEqual(out, bytes(expected))
        self.assertIn("expected 4 rows of 2 bytes, 8 in all",
                      run("transpose", "--rows", 4, "--cols", 9, stdin=b"123", expect=1)[1])

    def test_transpose_in_bands_and_on_threads_is_the_same(self):
        rows, cols = 20000, 2100  # a band of 1 MiB holds 419 rows of the result, rounded up to 512
        width = (cols + 7) // 8
        data = bytearray(os.urandom(rows * width))
        for r in range(rows):
            data[r * width + width - 1] &= 0x0F  # bits behind the last column
        path, out, back = (self.folder / n for n in ("wide.bin", "turned.bin", "back.bin"))
        path.write_bytes(data)
        whole = run("transpose", "--rows", rows, "--cols", cols, path)[0]
        for options in (("--band", 1), ("--band", 1, "--threads", 1), ("--threads", 3)):
            run("transpose", "--rows", rows, "--cols", cols, path, out, *options)
            self.assertEqual(out.read_bytes(), whole)
        run("transpose", "--rows", cols, "--cols", rows, out, back, "--band", 1)
        self.assertEqual(back.read_bytes(), bytes(data))
        self.assertEqual(sorted(p.name for p in self.folder.glob("*.bin*")),
                         ["back.bin", "turned.bin", "wide.bin"])  # no leftovers

    def test_manual_pages_say_what_the_program_says(self):
        tool = pathlib.Path(__file__).parents[2] / "tools" / "man.py"
        subprocess.run([sys.executable, str(tool), BITLOOM, str(self.folder / "man")], check=True)
        page = (self.folder / "man" / "bitloom-score.1").read_text()
        self.assertIn(".SH NAME\nbitloom\\-score \\- bits per byte", page)
        self.assertIn(".B \\-\\-in\\-order\n", page)
        self.assertIn("bitloom map", (self.folder / "man" / "bitloom-map.1").read_text())

    def test_reading_in_order_and_writing_by_pattern(self):
        loom, text = self.folder / "tiny.loom", self.folder / "t.txt"
        run("melt", TINY, "-o", loom, "-q")
        text.write_bytes(b"It was the best of times, it was the worst of times. " * 60)
        cut = json.loads(run("score", loom, "--text", text, "--json", "--warm", "4000")[0])
        whole = json.loads(run("score", loom, "--text", text, "--json", "--in-order")[0])
        self.assertEqual((whole["n_bytes"], whole["n_pieces"]), (cut["n_bytes"], 1))
        self.assertAlmostEqual(whole["bits_per_byte"], cut["bits_per_byte"], places=9)
        pattern = r"(one|two)( [a-z]+){2}\."
        texts = json.loads(run("sample", loom, "--pattern", pattern, "--lanes", "9", "--bytes",
                               "200", "--json")[0])["texts"]
        for written in texts:
            self.assertRegex(written, r"^(one|two)( [a-z]*){0,2}\.?$")
        wrong = subprocess.run([BITLOOM, "sample", loom, "--pattern", "(a"], capture_output=True,
                               text=True)
        self.assertIn("--pattern:1:1: ( is not closed", wrong.stderr)

    def test_melt_score_and_sample(self):
        loom, aig = self.folder / "tiny.loom", self.folder / "tiny.aig"
        facts = json.loads(run("melt", TINY, "-o", loom, "--aig", aig, "--json")[0])
        stats = json.loads(run("stats", aig, "--json")[0])
        self.assertEqual(stats["n_nodes"], facts["n_nodes"])
        self.assertEqual(stats["n_latches"], facts["n_state_bits"])
        text = self.folder / "t.txt"
        text.write_bytes(b"The quick brown fox jumps over the lazy dog. \xe2\x80\x94 \x00\xff\n" * 40)
        scores = set()
        for cpu in ("c", "avx2", "avx512", "neon"):
            done = subprocess.run([BITLOOM, "score", loom, "--text", text, "--json", "--cpu", cpu],
                                  capture_output=True)
            if done.returncode == 0:
                scores.add(json.loads(done.stdout)["bits_per_byte"])
        self.assertEqual(len(scores), 1)
        self.assertTrue(2 < scores.pop() < 8)
        one = run("sample", loom, "--prompt", "It ", "--bytes", 30, "--seed", 4)[0]
        many = json.loads(run("sample", loom, "--prompt", "It ", "--bytes", 30, "--seed", 4,
                              "--lanes", 9, "--json")[0])
        self.assertEqual(len(many["texts"]), 9)
        self.assertEqual(one.decode(errors="replace").rstrip("\n")[3:][:20], many["texts"][0][:20])
        inside = run("sample", loom, "--prompt", "It ", "--bytes", 300, "--inside", "--seed", 4)[0]
        self.assertEqual(len(inside), 3 + 300 + 1)
        self.assertEqual(inside, run("sample", loom, "--prompt", "It ", "--bytes", 300, "--inside",
                                     "--seed", 4)[0])
        cut = self.folder / "cut.loom"
        cut.write_bytes(loom.read_bytes()[:-100])
        self.assertIn("truncated", run("sample", cut, expect=1)[1])

    def test_ablated_models_are_smaller_and_told_apart(self):
        loom, new = self.folder / "tiny.loom", self.folder / "new.loom"
        run("melt", TINY, "-o", loom, "-q")
        text = self.folder / "t.txt"
        text.write_bytes(b'It was late, "said he," in 1893. ' * 300)
        told = json.loads(run("ablate", loom, "--bit", "layer0[3]=1,layer1[5].gate=0", "--text", text,
                              "-o", new, "--json")[0])
        self.assertLess(told["n_luts_after"], told["n_luts_before"])
        self.assertEqual(told["ties"], ["layer0[3]=1", "layer1[5].gate=0"])
        after = json.loads(run("score", new, "--text", text, "--warm", 64, "--json")[0])
        self.assertAlmostEqual(after["bits_per_byte"], told["bits_per_byte_after"], 9)
        self.assertNotEqual(told["bits_per_byte_after"], told["bits_per_byte_before"])
        self.assertIn("no such bit", run("ablate", loom, "--bit", "layer9[3]=1", expect=2)[1])
        self.assertIn("=0 or =1", run("ablate", loom, "--bit", "layer0[3]", expect=2)[1])
        self.assertIn("expected --text", run("ablate", loom, "--remove", "digit", expect=2)[1])
        self.assertIn("expected --bit", run("ablate", loom, expect=2)[1])
        text.write_bytes(b'It was late, "said he. Then he said: in 1893." ' * 20000)
        found = json.loads(run("ablate", loom, "--find", "quotes", "--text", text, "--json")[0])
        self.assertEqual(len(found["bits"]), 10)
        self.assertGreater(found["bits"][0]["information"], 0)

    def test_output_to_a_bad_place_is_reported(self):
        self.assertIn("/nowhere/x.loom: No such file", run("melt", TINY, "-o", "/nowhere/x.loom",
                                                           expect=1)[1])

    def test_cpu_level_can_be_chosen_by_the_environment(self):
        half = self.folder / "half.aag"
        out = run("simulate", half, "--random", 700, env={"BITLOOM_CPU": "c"})[0]
        self.assertEqual(out, run("simulate", half, "--random", 700)[0])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
