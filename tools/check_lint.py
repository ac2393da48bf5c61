#!/usr/bin/env python3
"""usage: tools/check_lint.py [FILE...]     lint by clang-tidy 14, after cmake --preset dev

Without names: every source of skep/ and apps/ that the dev preset builds here, tests not. Headers are
judged with the sources that include them. A file that was clean is not looked at again until it
changes, or a header of ours that it includes, the rules, the way it is compiled, clang-tidy or an
installed package: all this is hashed into a stamp in build/dev/lint/.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "dev"
STAMPS = BUILD / "lint"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
FINDING = re.compile(r"^\S+:\d+:\d+: (error|warning): ")


@functools.lru_cache(None)
def included(path):
    """Our own files that this one includes, and the hash of its text."""
    text = path.read_bytes()
    found = set()
    for name in INCLUDE.findall(text.decode(errors="replace")):
        for place in (ROOT / name, path.parent / name):
            if place.is_file():
                found.add(place.resolve())
                break
    return found, hashlib.sha256(text).hexdigest()


def stamp(path, command, common):
    """What the verdict on a source depends on."""
    todo, seen = [path], set()
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo.extend(included(one)[0])
    parts = [common, command] + [f"{one} {included(one)[1]}" for one in sorted(seen)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def what_all_share(tidy):
    version = subprocess.run([tidy, "--version"], capture_output=True, text=True).stdout
    packages = pathlib.Path("/var/lib/dpkg/status")
    installed = str(packages.stat().st_mtime_ns) if packages.exists() else ""
    return "\n".join([version, (ROOT / ".clang-tidy").read_text(), installed])


def look_at(tidy, path):
    """What clang-tidy says about a source; nothing when it is clean."""
    run = subprocess.run([tidy, "-p", str(BUILD), "--quiet", str(path)], capture_output=True, text=True)
    if run.returncode != 0 and not run.stdout.strip():
        return f"{path}: clang-tidy failed: {run.stderr.strip()[-500:]}"
    return run.stdout.strip() if run.returncode != 0 else ""


def findings(text):
    """One text for each finding, its notes with it."""
    parts = []
    for line in text.splitlines():
        if FINDING.match(line) or not parts:
            parts.append([])
        parts[-1].append(line)
    return ["\n".join(part) for part in parts]


def main():
    tidy = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
    database = BUILD / "compile_commands.json"
    if tidy is None or not database.exists():
        print("clang-tidy 14 is missing" if tidy is None else "first: cmake --preset dev")
        return 1
    commands = {entry["file"]: entry["command"] for entry in json.loads(database.read_text())}
    listed = [os.path.abspath(name) for name in sys.argv[1:]] or [
        str(ROOT / name) for name in subprocess.check_output(
            ["git", "ls-files", "skep/*.cpp", "apps/*.cpp"], cwd=ROOT, text=True).split()
        if not name.endswith("_test.cpp")]
    sources = [name for name in listed if name in commands]
    for name in sorted(set(listed) - set(sources)):
        print(f"not built here, so not looked at: {os.path.relpath(name, ROOT)}")
    common = what_all_share(tidy)
    stamps = {name: stamp(pathlib.Path(name), commands[name], common) for name in sources}
    place = lambda name: STAMPS / os.path.relpath(name, ROOT).replace("/", "_")
    STAMPS.mkdir(exist_ok=True)
    changed = [name for name in sources
               if not place(name).exists() or place(name).read_text() != stamps[name]]
    told, unclean = set(), 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, said in zip(changed, pool.map(functools.partial(look_at, tidy), changed)):
            if not said:
                place(name).write_text(stamps[name])
                continue
            unclean += 1
            new = [one for one in findings(said) if one not in told]
            told.update(new)
            print("\n".join(new), flush=True)
    print(f"lint: {len(sources)} sources, {len(changed)} of them looked at now, {unclean} with findings")
    return 1 if unclean or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
