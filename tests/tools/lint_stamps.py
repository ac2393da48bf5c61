#!/usr/bin/env python3
"""Whether tools/check_lint.py looks again at what changed, and only at that: in a small tree of its own,
with one header and two sources of which one includes it."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RULES = "Checks: '-*,readability-identifier-naming'\nWarningsAsErrors: '*'\nHeaderFilterRegex: '.*'\n" \
        "CheckOptions:\n  - { key: readability-identifier-naming.FunctionCase, value: lower_case }\n"


def main():
    if not shutil.which("clang-tidy-14") or not shutil.which("git"):
        print("SKIP: clang-tidy 14 and git are needed")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder).resolve()
        for part in ("tools", "skep", "build/dev"):
            (top / part).mkdir(parents=True)
        shutil.copy(ROOT / "tools" / "check_lint.py", top / "tools")
        header, alone = top / "skep" / "shared.hpp", top / "skep" / "alone.cpp"
        (top / ".clang-tidy").write_text(RULES)
        header.write_text("int shared();\n")
        alone.write_text("int alone() { return 1; }\n")
        user = top / "skep" / "user.cpp"
        user.write_text('#include "skep/shared.hpp"\nint used() { return shared(); }\n')
        (top / "build/dev/compile_commands.json").write_text(json.dumps([
            {"directory": str(top), "file": str(one), "command": f"c++ -I{top} -c {one}"} for one in (alone, user)]))
        subprocess.run(["git", "init", "-q", top], check=True)
        subprocess.run(["git", "-C", top, "add", "skep"], check=True)

        def lint():
            run = subprocess.run([top / "tools" / "check_lint.py"], capture_output=True, text=True)
            looked, unclean = re.search(r"(\d+) of them looked at now, (\d+) with findings", run.stdout).groups()
            assert (run.returncode != 0) == (unclean != "0"), run.stdout
            return int(looked), int(unclean), run.stdout

        assert lint()[:2] == (2, 0), "at first every source"
        assert lint()[:2] == (0, 0), "then none"
        alone.write_text("int Alone() { return 1; }\n")
        assert lint()[:2] == (1, 1), "the one that changed"
        assert lint()[:2] == (1, 1), "what has findings is looked at until it has none"
        alone.write_text("int alone() { return 1; }\n")
        header.write_text("int shared();\nint Spelled();\n")
        looked, unclean, text = lint()
        assert (looked, unclean) == (1, 1) and "shared.hpp:2" in text, "who includes what changed: " + text
        header.write_text("int shared();\n")
        assert lint()[:2] == (0, 0), "all is as it was when it was clean"
        (top / ".clang-tidy").write_text(RULES + "\n")
        assert lint()[:2] == (2, 0), "other rules: all again"
    print("what changed is looked at again, and only that")
    return 0


if __name__ == "__main__":
    sys.exit(main())
