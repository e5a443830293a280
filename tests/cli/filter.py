#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bitloom filter against a plain model of tables and records: filter.py BITLOOM"""

import csv
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest
from fractions import Fraction

BITLOOM = sys.argv[1]


def run(*words, stdin=None, expect=0, env=None):
    done = subprocess.run([BITLOOM, "filter", *map(str, words)], input=stdin, capture_output=True,
                          env={**os.environ, **(env or {})})
    assert done.returncode == expect, "%s: exit %d, %s" % (words, done.returncode,
                                                          done.stderr[:500])
    return done.stdout, done.stderr.decode(errors="replace")


def pack(records, widths):
    out = bytearray()
    size = (sum(widths) + 7) // 8
    for record in records:
        word, at = 0, 0
        for value, width in zip(record, widths):
            word |= (value & ((1 << width) - 1)) << at
            at += width
        out += word.to_bytes(size, "little")
    return bytes(out), size


class Folder(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)

    def tearDown(self):
        self.scratch.cleanup()

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path


class Raw(Folder):
    FIELDS = "kind:3,mask:16,price:s20,cost:s20"
    WIDTHS = (3, 16, 20, 20)

    def table(self, n, seed=1):
        r = random.Random(seed)
        return [(r.randrange(8), r.randrange(65536), r.randrange(-2**19, 2**19),
                 r.randrange(-2**19, 2**19)) for _ in range(n)]

    def test_records_are_those_of_the_model(self):
        predicates = [
            ("kind==3 && popcount(mask)>=9 && price-cost>100",
             lambda k, m, p, c: k == 3 and bin(m).count("1") >= 9 and p - c > 100),
            ("price * 3 + mask < cost || kind in {0, 5..6}",
             lambda k, m, p, c: p * 3 + m < c or k in (0, 5, 6)),
            ("mask & 0xFF == 7", lambda k, m, p, c: m & 255 == 7),
            ("1", lambda *_: True),
            ("0", lambda *_: False),
        ]
        for n in (0, 1, 511, 513, 20000):
            rows = self.table(n)
            data, size = pack(rows, self.WIDTHS)
            path = self.file("r.bin", data)
            for text, holds in predicates:
                kept = [i for i, row in enumerate(rows) if holds(*row)]
                right = b"".join(data[size * i:size * (i + 1)] for i in kept)
                expect = 0 if kept else 1
                for threads in (1, 4):
                    out, _ = run(text, path, "-f", self.FIELDS, "--threads", threads, expect=expect)
                    self.assertEqual(out, right)
                for cpu in ("c", "avx2"):
                    out = subprocess.run([BITLOOM, "filter", text, path, "-f", self.FIELDS, "--cpu", cpu],
                                         capture_output=True)
                    if b"this machine has no" not in out.stderr:
                        self.assertEqual(out.stdout, right)
                out, _ = run(text, "-", "-f", self.FIELDS, stdin=data, expect=expect)
                self.assertEqual(out, right)
                out, _ = run(text, path, "-f", self.FIELDS, "--index", expect=expect)
                self.assertEqual(out.split(), [b"%d" % i for i in kept])
                out, _ = run(text, path, "-f", self.FIELDS, "-c", expect=expect)
                self.assertEqual(int(out), len(kept))
                out, _ = run(text + " # all", path, "-f", self.FIELDS, "--invert", "--index",
                             expect=0 if len(kept) < n else 1)
                self.assertEqual(out.split(), [b"%d" % i for i in range(n) if i not in set(kept)])
                out, _ = run(text, path, "-f", self.FIELDS, "--limit", 5, expect=expect)
                self.assertEqual(out, right[:5 * size])

    def test_records_of_any_width(self):
        r = random.Random(7)
        for bits in (1, 7, 8, 9, 17, 24, 31, 40, 57, 65, 100, 129, 200):
            widths, left = [], bits
            while left:
                widths.append(min(left, r.randrange(1, 41)))
                left -= widths[-1]
            rows = [[r.getrandbits(w) for w in widths] for _ in range(1500)]
            data, size = pack(rows, widths)
            fields = ",".join("f%d:%d" % (i, w) for i, w in enumerate(widths))
            a, b = r.randrange(len(widths)), r.randrange(len(widths))
            right = [i for i, row in enumerate(rows) if row[a] > row[b] + 1 or row[b] == 0]
            out, _ = run("f%d > f%d + 1 || f%d == 0" % (a, b, b), self.file("w.bin", data), "-f", fields,
                         "--index", expect=0 if right else 1)
            self.assertEqual(out.split(), [b"%d" % i for i in right])

    def test_large_files_cross_slabs_in_order(self):
        n = 700000
        data = b"".join(((i * 2654435761) & (2**32 - 1)).to_bytes(4, "little") for i in range(n))
        path = self.file("big.bin", data)
        right = [i for i in range(n) if (i * 2654435761) >> 5 & 63 == 9]
        for threads in (1, 2, 3):
            out, _ = run("x >> 5 & 63 == 9", path, "-f", "x:32", "--index", "--threads", threads)
            self.assertEqual(list(map(int, out.split())), right)

    def test_fields_from_a_file_and_statistics(self):
        data, _ = pack(self.table(1000), self.WIDTHS)
        path = self.file("r.bin", data)
        fields = self.file("r.fields", "kind:3 # what\nmask:16\nprice:s20, cost:s20\n")
        out = self.folder / "out.bin"
        text, _ = run("kind < 4", path, "-f", "@%s" % fields, "-o", out, "--json", "--threads", 1)
        facts = json.loads(text)
        kept = [row for row in self.table(1000) if row[0] < 4]
        self.assertEqual(out.read_bytes(), pack(kept, self.WIDTHS)[0])
        self.assertEqual((facts["n_records"], facts["n_kept"], facts["bytes_in"], facts["bytes_out"],
                          facts["n_threads"]), (1000, len(kept), len(data), 8 * len(kept), 1))
        self.assertGreater(facts["n_operations"], 0)
        self.assertGreater(facts["record_ns"], 0)

    def test_the_output_may_be_the_input(self):
        data, _ = pack(self.table(1000), self.WIDTHS)
        path = self.file("r.bin", data)
        run("kind < 4", path, "-f", self.FIELDS, "-o", path)
        self.assertEqual(path.read_bytes(),
                         pack([row for row in self.table(1000) if row[0] < 4], self.WIDTHS)[0])
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["r.bin"])

    def test_errors_say_what_and_where(self):
        path = self.file("r.bin", bytes(17))
        self.assertIn("17 bytes; expected a multiple of 8, the size of a record",
                      run("kind", path, "-f", self.FIELDS, expect=1)[1])
        self.assertIn("expected a multiple of 8",
                      run("kind", "-", "-f", self.FIELDS, stdin=bytes(17), expect=1)[1])
        self.assertIn('predicate:1:1: unknown field "prize"; did you mean price?',
                      run("prize > 3", path, "-f", self.FIELDS, expect=2)[1])
        self.assertIn("--fields:1:", run("a", path, "-f", "a:99", expect=2)[1])
        self.assertIn("raw records need their fields", run("a", path, expect=2)[1])
        self.assertIn("add -o FILE or --count", run("a", path, "-f", "a:8", "--json", expect=2)[1])
        self.assertIn("--format xml: expected csv, tsv or raw",
                      run("a", path, "--format", "xml", expect=2)[1])
        self.assertIn("No such file", run("a", self.folder / "no.bin", "-f", "a:8", expect=1)[1])
        self.assertIn("is a folder", run("a", self.folder, "-f", "a:8", expect=1)[1])

    def test_a_closed_pipe_is_quiet(self):
        path = self.file("z.bin", bytes(4000000))
        done = subprocess.run("%s filter 'x == 0' %s -f x:8 | head -c 1 | wc -c" % (BITLOOM, path),
                              shell=True, capture_output=True)
        self.assertEqual((done.stdout.strip(), done.stderr), (b"1", b""))


class Table(Folder):
    def test_quotes_line_ends_and_texts(self):
        rows = ['3,"a, ""q"" b",1.50,2', '4,plain,12.34,-1', '3,x,100,99.5', '5,"multi\nline",7,1']
        for end in ("\n", "\r\n"):
            for last in ("", end):
                text = "kind,name,price,cost" + end + end.join(rows) + last
                path = self.file("t.csv", text)

                def kept(*numbers):
                    return ("kind,name,price,cost" + end
                            + "".join(rows[i] + (end if i < 3 or last else "\n") for i in numbers)).encode()

                for predicate, numbers in (
                        ("kind == 3", (0, 2)), ("kind >= 4", (1, 3)), ('name == "x"', (2,)),
                        ('name == "a, \\"q\\" b"', (0,)), ('starts_with(name, "multi\\nl")', (3,)),
                        ('name in {"x", "plain"}', (1, 2)), ('name != "x" && kind < 4', (0,)),
                        ("price - cost > 5.99", (1, 3)), ("price == 12.34", (1,)), ("cost > 99.4", (2,))):
                    out, _ = run(predicate, path, "-f", "price:.2,cost:.1")
                    self.assertEqual(out, kept(*numbers), predicate)
                    self.assertEqual(run(predicate, path)[0], out) # decimals are guessed

    def test_other_formats(self):
        tabs = "a\tb\n1\t2,5\n3\t4\n"
        self.assertEqual(run("a == 3", self.file("t.tsv", tabs))[0], b"a\tb\n3\t4\n")
        self.assertEqual(run("a == 3", "-", "--format", "tsv", stdin=tabs.encode())[0], b"a\tb\n3\t4\n")
        self.assertEqual(run("a == 3", "-", "--format", "csv", "--separator", "\\t",
                             stdin=tabs.encode())[0], b"a\tb\n3\t4\n")
        self.assertEqual(run("b > 1.5", "-", "--format", "csv", "--no-header", "-f", "a,b",
                             stdin=b"x,1.25\ny,1.75\n")[0], b"y,1.75\n")
        self.assertEqual(run("b > 1", "-", "--format", "csv", "--separator", ";", "--no-header", "-f",
                             "a,b:8", stdin=b"x;1\ny;2\n")[0], b"y;2\n")
        self.assertEqual(run("`a b` == 2", "-", "--format", "csv", stdin=b"\xef\xbb\xbfa b,c\n1,2\n2,3\n")[0],
                         b"\xef\xbb\xbfa b,c\n2,3\n")
        self.assertEqual(run("a == 2", "-", "--format", "csv", "--no-quotes",
                             stdin=b'a,b\n1,5" pipe\n2,6" pipe\n')[0], b'a,b\n2,6" pipe\n')

    def test_blank_lines_and_ragged_rows(self):
        data = b"a,b\n\n1,2\n\r\n2\n3,4,5\n\n"
        self.assertEqual(run("a >= 1", "-", "--format", "csv", stdin=data)[0], b"a,b\n1,2\n2\n3,4,5\n")
        out, _ = run("a >= 2", "-", "--format", "csv", "--index", stdin=data)
        self.assertEqual(out, b"1\n2\n")
        self.assertIn("-:5:1: the row has 1 cells; column b is number 2",
                      run("b >= 1", "-", "--format", "csv", stdin=data, expect=1)[1])

    def test_bad_cells_name_the_place_or_are_skipped(self):
        cases = [
            (b"a,b\n1,2\n1,x2\n", "b == 2", [], "t.csv:3:3: column b: \"x2\" is no number"),
            (b"a,b\n1,\n", "b == 2", [], "t.csv:2:3: column b is empty; --empty 0"),
            (b"a,b\n1,2.125\n", "b == 2", ["-f", "b:.1"], "t.csv:2:3: column b: \"2.125\" has more than 1 "
                                                         "decimals; declare them: --fields b:.3"),
            (b"a,b\n" + b"1,2.5\n" * 100000 + b"1,2.125\n", "b == 2", [],
             "t.csv:100002:3: column b: \"2.125\" has more than 1 decimals"),
            (b"a,b\n1,300\n", "b == 2", ["-f", "b:8"], "\"300\" does not fit"),
            (b"a,b\n1,-1\n", "b == 2", ["-f", "b:u64"], "\"-1\" does not fit"),
            (b"a,b\n1,9223372036854775808\n", "b == 2", [], "does not fit"),
            (b"a,b\n1,99999999999999999999\n", "b == 2", [], "does not fit"),
            (b"a,b\n1,1e5\n", "b == 2", [], "is no number"),
            (b"a,b\n1,-\n", "b == 2", [], "is no number"),
            (b"a,b\n\"x\ny\",1\n3,z\n", "b == 2", [], "t.csv:4:3: column b"),
            (b"a,b\n1,2\n3\"4,5\n", "b == 2", [], "t.csv:3:2: a quote within a cell"),
            (b"a,b\n1,\"2\n", "b == 2", [], "t.csv:2:3: a quote without its end"),
            (b"", "b == 2", [], "empty; expected a line with the names"),
        ]
        for data, predicate, words, message in cases:
            path = self.file("t.csv", data)
            self.assertIn(message, run(predicate, path, *words, expect=1)[1])
        path = self.file("t.csv", b"a,b\n1,2\n1,x\n1,\n1,2\n")
        out, err = run("b == 2", path, "--skip-bad")
        self.assertEqual((out, err), (b"a,b\n1,2\n1,2\n", "bitloom: 2 bad rows skipped\n"))
        self.assertEqual(run("b == 2", path, "--skip-bad", "--index")[0], b"0\n3\n")
        self.assertEqual(run("b == 0", path, "--skip-bad", "--empty", 0)[0], b"a,b\n1,\n")
        self.assertEqual(json.loads(run("b == 2", path, "--skip-bad", "--json", "-c")[0])["n_skipped"], 2)
        self.assertEqual(run("b == 2", path, expect=1)[0], b"a,b\n1,2\n")

    def test_usage_errors(self):
        path = self.file("t.csv", b"kind,price\n1,2\n")
        self.assertIn('predicate:1:1: no column "prise"; did you mean price?',
                      run("prise > 1", path, expect=2)[1])
        self.assertIn('no column "q"; did you mean', run("q > 1", path, expect=2)[1]
                      .replace("the table has", "did you mean"))
        self.assertIn("--fields: no column", run("kind", path, "-f", "knd:3", expect=2)[1])
        self.assertIn("price: expected bits and decimals", run("kind", path, "-f", "price:x", expect=2)[1])
        self.assertIn("--no-header needs", run("kind", path, "--no-header", expect=2)[1])
        self.assertIn("--separator", run("kind", path, "--separator", "ab", expect=2)[1])
        self.assertIn("--empty x", run("kind", path, "--empty", "x", expect=2)[1])

    def test_numbers_are_read_exactly(self):
        r = random.Random(3)
        cells = [0, 7, -7, 10**8 - 1, 10**8, 10**16 - 1, 10**16, 10**16 + 1, 2**63 - 1, -2**63]
        cells += [r.randrange(-10**k, 10**k) for k in range(1, 19) for _ in range(20)]
        forms = [str(x) for x in cells]
        forms += ["+5", " 5", "5 ", '"5"', '" -5 "', "007", "5.0", "-0", "0000000000000000000000005"]
        values = cells + [5, 5, 5, 5, -5, 7, 5, 0, 5]
        path = self.file("n.csv", "x\n" + "\n".join(forms) + "\n")
        for bound in r.sample(values, 25):
            out, _ = run("x >= %d" % bound, path, "--index")
            self.assertEqual([int(i) for i in out.split()],
                             [i for i, v in enumerate(values) if v >= bound])
        decimals = ["1.5", "-1.5", ".5", "-.25", "12345678.12", "3", "3.", "1.50000", "123456789.01",
                    "0.07", "-99999999999.99"]
        path = self.file("d.csv", "x\n" + "\n".join(decimals) + "\n")
        exact = [Fraction(d if d[-1] != "." else d[:-1]) for d in decimals]
        for bound in exact:
            out, _ = run("x <= %s" % ("%.2f" % float(bound) if abs(bound) < 10**9 else "-99999999999.99"),
                         path, "-f", "x:.2", "--index")
            self.assertEqual([int(i) for i in out.split()], [i for i, v in enumerate(exact) if v <= bound])

    def model(self, rows, holds):
        return [i for i, row in enumerate(rows) if holds(row)]

    def test_random_tables_are_filtered_as_by_the_csv_module(self):
        r = random.Random(11)
        words = ["", "x", "GET", "a,b", 'say "hi"', "two\nlines", " blank ", "x" * 70, '"', ',']
        for trial in range(25):
            n_columns = r.randrange(1, 7)
            names = ["c%d" % i for i in range(n_columns)]
            texts = [r.random() < 0.5 for _ in names]
            texts[0] = False
            rows = [[r.choice(words) if is_text else r.randrange(-50, 50) for is_text in texts]
                    for _ in range(r.choice((0, 1, 5, 600, 3000)))]
            out = io.StringIO()
            writer = csv.writer(out, lineterminator=r.choice(("\n", "\r\n")),
                                quoting=r.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
            writer.writerow(names)
            writer.writerows(rows)
            path = self.file("t.csv", out.getvalue())
            bound, column = r.randrange(-60, 60), r.randrange(n_columns)
            word = r.choice(words)
            quoted = word.replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
            if texts[column]:
                predicate = 'c0 > %d && c%d == "%s"' % (bound, column, quoted)
                right = self.model(rows, lambda row: row[0] > bound and row[column] == word)
            else:
                predicate = "c0 > %d || c%d == c0" % (bound, column)
                right = self.model(rows, lambda row: row[0] > bound or row[column] == row[0])
            for threads in (1, 2):
                got, _ = run(predicate, path, "--threads", threads, "--index", expect=0 if right else 1)
                self.assertEqual([int(i) for i in got.split()], right, predicate)
            got, _ = run(predicate, path, expect=0 if right else 1)
            parsed = list(csv.reader(io.StringIO(got.decode(), newline="")))
            self.assertEqual(parsed, [names] + [list(map(str, rows[i])) for i in right])

    def test_tables_of_many_blocks(self):
        r = random.Random(5)
        rows = [(i, r.randrange(1000), "line\n%d" % i if i % 97 == 0 else "word%d" % i)
                for i in range(60000)]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("id", "x", "text"))
        writer.writerows(rows)
        data = out.getvalue().encode()
        path = self.file("many.csv", data)
        right = [row for row in rows if row[1] % 7 == 3 and row[0] > 5]
        whole, _ = run("x % 7 == 3 && id > 5", path)
        parsed = list(csv.reader(io.StringIO(whole.decode(), newline="")))[1:]
        self.assertEqual([(int(a), int(b), c) for a, b, c in parsed], right)
        for threads in (1, 2, 4):
            self.assertEqual(run("x % 7 == 3 && id > 5", "-", "--format", "csv", "--threads", threads,
                                 stdin=data)[0], whole)
        few, _ = run("x % 7 == 3 && id > 5", path, "--limit", 17)
        self.assertTrue(whole.startswith(few))
        self.assertEqual(len(list(csv.reader(io.StringIO(few.decode(), newline="")))), 18)
        bad = data.replace(b"59990,", b"oops,")
        _, err = run("x % 7 == 3 && id > 5", "-", "--format", "csv", stdin=bad, expect=1)
        line = bad[:bad.index(b"oops")].count(b"\n") + 1
        self.assertIn('-:%d:1: column id: "oops" is no number' % line, err)

    def test_a_row_larger_than_a_block(self):
        data = b'a,b\n1,"' + b"long\n" * 200000 + b'"\n2,x\n'
        self.assertEqual(run("a == 2", "-", "--format", "csv", stdin=data)[0], b"a,b\n2,x\n")
        self.assertEqual(run("a == 1", "-", "--format", "csv", stdin=data)[0], data[:-4])

    def test_damaged_tables_are_an_error_or_a_table(self):
        r = random.Random(9)
        good = b'a,b,name\r\n1,2.5,"x, ""y"""\n-3,4.25,plain\n\n77,0.5,"two\nlines"\n' * 4
        n_ok = 0
        for trial in range(int(os.environ.get("BITLOOM_FUZZ", 300))):
            data = bytearray(good)
            for _ in range(r.randrange(1, 5)):
                at = r.randrange(len(data))
                kind = r.randrange(3)
                if kind == 0:
                    data[at] = r.choice(b'",\n\r\x00 x9.\xff-')
                elif kind == 1:
                    del data[at:at + r.randrange(1, 9)]
                else:
                    data[at:at] = bytes(r.choice(b'",\n\r\x009x') for _ in range(r.randrange(1, 9)))
            words = ["--skip-bad"] if trial % 2 else []
            done = subprocess.run([BITLOOM, "filter", 'a > 0 && b < 3 || name == "plain"', "--format", "csv",
                                   "-f", "b:.2", *words], input=bytes(data), capture_output=True)
            self.assertIn(done.returncode, (0, 1, 2), done.stderr)
            if done.returncode == 0:
                n_ok += 1
        self.assertGreater(n_ok, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=0)
