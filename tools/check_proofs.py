#!/usr/bin/env python3
"""Checks that what a "Proved by:" line names is there.

A source says at its top what proves it: a test file (x_test.cpp), a folder of tests (tests/jit), a
fuzz target (fuzz/elf) or a case (Suite.ItsName). A bare file name stands beside the source or in
its room; a path counts from the root, from skep/ or from the room. What else the line says is prose.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TREES = ("skep", "apps", "fuzz", "bench", "tests")
PROOF = re.compile(r"^// (?:.*?[.;] )?Proved by: *(.*)$")
TEST_FILE = re.compile(r"[\w/]*_test\.cpp")
FOLDER = re.compile(r"(?<![\w/])(?:tests|fuzz)/[\w/]+(?!\.cpp)\b")
CASE = re.compile(r"\b[A-Z]\w*\.[A-Z]\w*\b")


def proofs(lines):
    """(line number, text) of each "Proved by", continued over comment lines to its full stop."""
    for number, line in enumerate(lines, 1):
        found = PROOF.match(line)
        if not found:
            continue
        text, after = found.group(1), number
        while not text.rstrip().endswith(".") and after < len(lines) and lines[after].startswith("// "):
            text, after = f"{text} {lines[after][3:].strip()}", after + 1
        yield number, text


def exists(name, path, tests):
    room = ROOT.joinpath(*path.relative_to(ROOT).parts[:2])
    if "/" in name:
        return any((base / name).is_file() for base in (ROOT, ROOT / "skep", room, path.parent))
    return any(test.name == name and room in test.parents for test in tests)


def main():
    tests = {p for tree in TREES for p in (ROOT / tree).rglob("*_test.cpp")}
    cases = {f"{suite}.{case}" for test in tests
             for suite, case in re.findall(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", test.read_text())}
    errors, count = [], 0
    for path in sorted(p for tree in TREES for p in (ROOT / tree).rglob("*") if p.suffix in {".cpp", ".hpp"}):
        for number, text in proofs(path.read_text().splitlines()):
            count += 1
            missing = [n for n in TEST_FILE.findall(text) if not exists(n, path, tests)]
            rest = TEST_FILE.sub("", text)
            missing += [n for n in FOLDER.findall(rest)
                        if not (ROOT / n).exists() and not (ROOT / (n + ".cpp")).exists()]
            missing += [n for n in CASE.findall(rest) if n not in cases]
            errors += [f"{path.relative_to(ROOT)}:{number}: '{n}' proves nothing, it is not there" for n in missing]
            if not text.strip():
                errors.append(f"{path.relative_to(ROOT)}:{number}: says nothing")
    print("\n".join(errors))
    print(f"proofs: {count} claims, {len(errors)} without their test")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
