#!/usr/bin/env python3
"""Prints a random sample of comments and messages, to read as an editor would.

It prints COUNT comments and COUNT messages (60 by default), each with its file and line. The same seed on the same
commit prints the same sample.

A comment is a run of comment lines in a tracked .rs, .js, .css or .sh file, with at least three words.

A message is text that users see, with at least three words:
- a string literal in checker/src or shared/src, except in tests and in attributes other than `#[error(…)]` and clap's;
- a doc comment in checker/src/cli.rs, which is the help of a command or flag;
- a string of the page in statuspage/locales/en.txt;
- a line that the scripts or the Makefile print.
"""

import argparse
import random
import re
import subprocess

COMMENT_START = {"rs": "//", "js": "//", "sh": "#"}
# Not in the sample: test inputs and translations.
SKIPPED = re.compile(r"^(fuzz/corpus|shared/golden|statuspage/locales/(?!en))")
# Character and byte literals, then strings. Byte strings have the prefix `b`, raw strings the prefix `r`.
LITERAL = re.compile(
    r"""b?'(?:[^'\\\n]|\\(?:u\{\w+\}|x\w\w|.))'|(?<!\w)([bc]?)(?:r(\#*)"(.*?)"\2|"((?:[^"\\]|\\.)*)")""", re.S
)
# What precedes string literals that only developers see.
INTERNAL = re.compile(r"(expect|unreachable!|debug_assert\w*!|include_str!)\($|(reason|cfg|feature) *= *$")


def words(text):
    return re.findall(r"[A-Za-z]{2,}", text)


def is_prose(text):
    """Whether a string has at least three words and is not a path, a JSON document or a template."""
    return len(words(text)) >= 3 and len(re.findall(r"[A-Za-z]{2,}[,:;]? +\w", text)) >= 2 and not re.match(r"\s*[<{\[]", text)


def comments(path, lines):
    """Yields runs of comment lines as (line number, text)."""
    if path.endswith(".css"):
        for found in re.finditer(r"/\*(.*?)\*/", "\n".join(lines), re.S):
            yield "\n".join(lines)[: found.start()].count("\n") + 1, " ".join(found[1].split())
        return
    start, run, kind = 0, [], None
    for number, line in enumerate([*lines, ""], 1):
        found = re.match(r"\s*(//[/!]?|#)(?![!\[])(.*)", line)
        is_comment = found and found[1].startswith(COMMENT_START[path.rsplit(".", 1)[1]])
        if is_comment and (kind in (None, found[1])):
            start, kind = start or number, found[1]
            run.append(found[2].strip())
            continue
        if run:
            yield start, " ".join(run)
        start, run, kind = (number, [found[2].strip()], found[1]) if is_comment else (0, [], None)


def messages(path, lines):
    """Yields messages as (line number, text)."""
    if path == "statuspage/locales/en.txt":
        yield from ((number, line.split("=", 1)[1].strip()) for number, line in enumerate(lines, 1) if "=" in line and line[0] != "#")
    elif path == "checker/src/cli.rs":
        yield from comments(path, lines)
    if path.startswith(("checker/src/", "shared/src/")) and path.endswith(".rs") and not re.search(r"test|snapshots", path):
        source = "\n".join(lines).split("#[cfg(test)]")[0]
        source = re.sub(r"(?m)^[ \t]*//.*$", lambda comment: " " * len(comment[0]), source)
        for found in LITERAL.finditer(source):
            if not found[1] and not INTERNAL.search(source[: found.start()].rstrip()[-20:]):
                text = re.sub(r"\\\n\s*", "", found[3] or found[4] or "")
                yield source[: found.start()].count("\n") + 1, " ".join(text.split())
    elif path == "Makefile" or path.endswith(".sh"):
        for number, line in enumerate(lines, 1):
            for found in re.finditer(r'\b(?:note|stop|echo|report,)\s*"?([^")]+)|##\s(.+)', line):
                yield number, (found[1] or found[2] or found[3]).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed", metavar="SEED", nargs="?", type=int, default=1, help="selects the sample (1 by default)")
    parser.add_argument("count", metavar="COUNT", nargs="?", type=int, default=60, help="the size of the sample")
    arguments = parser.parse_args()
    seed, count = arguments.seed, arguments.count
    paths = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout.split("\n")
    found = {"comments": [], "messages": []}
    for path in paths:
        is_source = path.endswith((".rs", ".js", ".css", ".sh"))
        if SKIPPED.match(path) or not (is_source or path in ("Makefile", "statuspage/locales/en.txt")):
            continue
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        if is_source:
            found["comments"] += [(path, *one) for one in comments(path, lines) if len(words(one[1])) >= 3]
        found["messages"] += [(path, *one) for one in messages(path, lines) if is_prose(one[1])]
    generator = random.Random(seed)
    for name, texts in found.items():
        print(f"{count} of {len(texts)} {name}, seed {seed}\n")
        for path, number, text in sorted(generator.sample(texts, min(count, len(texts)))):
            print(f"{path}:{number}: {text}")
        print()


if __name__ == "__main__":
    main()
