#!/usr/bin/env python3
"""Alarms for size: lines in a file (600), source files in a folder (20, headers among them, tests and
tables not), lines in a function (70).

Tables (.def), generated files and case data are exempt; other exceptions are lines of
size_exceptions.txt: a path (or path:function), then the reason. Function length is judged by the
formatted layout: a body opens on a line that ends with '{' at depth 0 or inside namespaces and
classes, which the formatter guarantees.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILE_LIMIT, FOLDER_LIMIT, FUNCTION_LIMIT = 600, 20, 70
TREES = ("skep", "apps", "tests", "fuzz", "bench", "tools")
SOURCES = {".cpp", ".hpp", ".h", ".c", ".py"}
SCOPE = re.compile(r"^\s*(namespace|class|struct|union|enum|extern|template<|export)\b")
NOT_FUNCTION = re.compile(r"=\s*\{$|^\s*(if|for|while|switch|else|do|try|catch|case|default)\b|\]\s*\{$")


def exceptions():
    allowed = {}
    path = ROOT / "tools" / "size_exceptions.txt"
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            allowed[name] = reason.strip()
    return allowed


def functions(lines):
    """(first line number, length, head) of each function body, by brace depth and indentation."""
    stack = []
    for number, raw in enumerate(lines, 1):
        line = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'', '""', raw)
        line = line.split("//")[0].rstrip()
        for character in line:
            if character == "{":
                head = line.strip()
                inside = any(kind == "function" for kind, _, _ in stack)
                if inside or NOT_FUNCTION.search(line) or SCOPE.search(line):
                    kind = "scope" if not inside else "block"
                else:
                    kind = "function" if ")" in head or (number > 1 and ")" in lines[number - 2]) else "scope"
                stack.append((kind, number, head))
            elif character == "}" and stack:
                kind, first, head = stack.pop()
                if kind == "function":
                    yield first, number - first + 1, head


def main():
    allowed, errors, near, folders = exceptions(), [], [], {}
    for tree in TREES:
        for path in sorted((ROOT / tree).rglob("*")) if (ROOT / tree).exists() else []:
            name = str(path.relative_to(ROOT))
            if path.suffix not in SOURCES or not path.is_file() or "/golden/" in name or "/objects/" in name:
                continue
            lines = path.read_text(errors="replace").splitlines()
            if not path.stem.endswith("_test"):
                folders[path.parent] = folders.get(path.parent, 0) + (path.suffix != ".py")
            if len(lines) > FILE_LIMIT and name not in allowed:
                errors.append(f"{name}: {len(lines)} lines, the limit is {FILE_LIMIT}")
            elif len(lines) > FILE_LIMIT * 9 // 10:
                near.append(f"{name}: {len(lines)} lines")
            if path.suffix in {".cpp", ".hpp"}:
                for first, length, head in functions(lines):
                    if length > FUNCTION_LIMIT and name not in allowed:
                        errors.append(f"{name}:{first}: a function of {length} lines, the limit is {FUNCTION_LIMIT}: {head[:60]}")
    for folder, count in folders.items():
        name = str(folder.relative_to(ROOT))
        if count > FOLDER_LIMIT and name not in allowed:
            errors.append(f"{name}/: {count} source files, the limit is {FOLDER_LIMIT}")
    print("\n".join(["near a limit:"] + near) if near else "near a limit: nothing")
    print("\n".join(errors))
    print(f"sizes: {len(errors)} past a limit")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
