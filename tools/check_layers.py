#!/usr/bin/env python3
"""Checks every include against the layers.

layers.txt at the root says which rooms of skep/ a room may include; verify/ and run/ carry a
layers.txt of their own for the rooms inside. A file directly in a room that has inner layers belongs
to the inner room named like its stem, else to "root" if there is one and the file is not named like
the room, else it stands above all of them. Only os/ includes system headers. The apps may include
every room.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
SYSTEM = re.compile(r"^(sys|linux|net|netinet|arpa|asm)/|^(unistd|fcntl|poll|sched|dlfcn|ucontext)\.h$")
SOURCES = (".cpp", ".hpp", ".h", ".def")


def read_layers(path):
    """Room -> rooms it may include, checking that every name stands above its line."""
    layers, errors = {}, []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        room, _, below = line.partition(":")
        for name in below.split():
            if name != "*" and name not in layers:
                errors.append(f"{path.relative_to(ROOT)}:{number}: '{name}' does not stand above '{room}'")
        layers[room.strip()] = set(below.split())
    return layers, errors


def inner_room(room, parts, layers):
    """The inner room of a path below a room: its folder, its stem, root, or '' (above all)."""
    name = parts[0] if len(parts) > 1 else pathlib.Path(parts[0]).stem.removesuffix("_test")
    if name not in layers and len(parts) == 1 and name != room and "root" in layers:
        return "root"
    return name if name in layers else ""


def check_file(path, outer, inner):
    errors = []
    parts = path.relative_to(ROOT / "skep").parts
    room, is_test = parts[0], path.stem.endswith("_test")
    text = path.read_text()
    for match in INCLUDE.finditer(text):
        quote, name = match.groups()
        where = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
        if quote == "<":
            if room != "os" and not is_test and SYSTEM.search(name):
                errors.append(f"{where}: only os/ includes system headers, not <{name}>")
            continue
        target = pathlib.PurePath(name).parts
        if target[0] == "tests" and is_test:
            continue
        if target[0] != "skep" or len(target) < 3:
            errors.append(f'{where}: includes are written "skep/room/file.hpp", not "{name}"')
            continue
        if target[1] != room and target[1] not in outer.get(room, set()):
            errors.append(f"{where}: {room}/ may not include {target[1]}/")
        if target[1] == room and room in inner:
            ours, theirs = inner_room(room, parts[1:], inner[room]), inner_room(room, target[2:], inner[room])
            if ours and theirs != ours and theirs not in inner[room][ours] and "*" not in inner[room][ours]:
                errors.append(f"{where}: {room}/{ours} may not include {room}/{theirs or 'its top'}")
    return errors


def main():
    outer, errors = read_layers(ROOT / "layers.txt")
    inner = {}
    for path in sorted((ROOT / "skep").glob("*/layers.txt")):
        inner[path.parent.name], more = read_layers(path)
        errors += more
    count = 0
    for path in sorted((ROOT / "skep").rglob("*")):
        if path.suffix in SOURCES:
            count += 1
            if path.relative_to(ROOT / "skep").parts[0] not in outer:
                errors.append(f"{path.relative_to(ROOT)}: its room is not in layers.txt")
                continue
            errors += check_file(path, outer, inner)
    print("\n".join(errors))
    print(f"layers: {count} files, {len(errors)} breaches")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
