#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Manual pages from what the program says of itself: man.py BITLOOM FOLDER

Writes FOLDER/bitloom.1 and a page for each verb. `man -l FOLDER/bitloom-serve.1` shows one.
"""

import pathlib
import re
import subprocess
import sys


def help_of(program, *verb):
    return subprocess.run([program, *verb, "--help"], check=True, capture_output=True,
                          text=True).stdout


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def option(line):
    """'  -q, --quiet   text' -> the option in bold, its text."""
    found = re.match(r"\s+((?:-\w, )?--[\w-]+(?: [A-Z][A-Z0-9:.|+-]*)?) +(.*)", line)
    return ".TP\n.B %s\n%s" % (escaped(found[1]), escaped(found[2])) if found else escaped(
        line.strip())


def page(name, text):
    usage, summary, *rest = text.splitlines()
    if summary == "":
        usage, _, summary = usage.partition(": ")
    out = ['.TH "%s" 1 "" "bitloom" "bitloom"' % name.upper(), ".SH NAME",
           "%s \\- %s" % (escaped(name), escaped(summary)), ".SH SYNOPSIS", ".B " + escaped(usage),
           ".SH DESCRIPTION"]
    for line in rest:
        if line in ("Options", "Example", "Examples"):
            out.append(".SH " + line.upper())
        elif re.match(r"\s+-", line):
            out.append(option(line))
        elif line.startswith("  "):
            out.append(".br\n" + escaped(line.strip()))
        elif line:
            out.append(escaped(line))
        else:
            out.append(".PP")
    return "\n".join(out) + "\n"


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    overview = help_of(program)
    verbs = re.findall(r"^  (\w+) ", overview, flags=re.M)
    (folder / "bitloom.1").write_text(page("bitloom", overview))
    for verb in verbs:
        (folder / ("bitloom-%s.1" % verb)).write_text(page("bitloom-" + verb,
                                                           help_of(program, verb)))


if __name__ == "__main__":
    main()
