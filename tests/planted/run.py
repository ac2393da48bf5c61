#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# usage: run.py BUILD [--only TEXT] [--some] [--every-suite]
#
# Are the verifier's tests worth their name? Each file of bugs/ is a mistake of a known kind. Its
# change is made in a copy of one source, the copy is compiled as BUILD compiles the source, and the
# test programs are linked with it in the original's place: one of them must fail. Without any
# mistake all pass. The product's own sources are never touched.
#
#   # what the mistake is, in a sentence
#   -- file       the source, from the root
#   -- old        lines that are there exactly once; when not, the mistake has rotted: an error, also
#                 with --some
#   -- new        what stands in their place
#   -- rebuild    for a header: the sources that are compiled with it, tests among them
#
# --only: mistakes whose path has TEXT. --some: one of each folder, for the tests of every day.
# --every-suite: do not stop at the first suite that fails. Wants Ninja; BUILD must be built.
import json, pathlib, shlex, shutil, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LONGEST = 120  # seconds for one suite; a suite that hangs has caught the mistake too

# name, target, arguments, whether it is for mistakes in headers that it is compiled with only
SUITES = [
    ("verdict cases", "verdict_cases_test", [], False),
    ("verify room", "verify_test", [], False),
    ("claims", "claims_test", [], False),
    ("objects", "object_verdicts_test", [], False),
    ("kernel functions", "kfunc_verdicts_test", [], False),
    ("generated programs", "claims_campaign",
     ["--count", "20000", "--runs", "4", "--seed", "5", "--seconds", "60"], False),
    ("numbers", "domain_test", ["--gtest_fail_fast"], True),
    ("objects in C", "skep", ["objects"], False),
]


class Build:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.ccache = [c for c in [shutil.which("ccache")] if c]
        entries = json.loads((self.folder / "compile_commands.json").read_text())
        self.commands = {pathlib.Path(e["file"]): shlex.split(e["command"]) for e in entries}
        self.links = {}
        for _, target, _, _ in SUITES:
            text = subprocess.run(["ninja", "-C", self.folder, "-t", "commands", target],
                                  capture_output=True, text=True, check=True).stdout
            line = text.strip().splitlines()[-1]
            self.links[target] = shlex.split(line.removeprefix(": && ").split(" && ")[0])

    def place(self, source):
        """Where BUILD has the object of a source."""
        command = self.commands[ROOT / source]
        return command[command.index("-o") + 1]

    def compile(self, source, overlay):
        """The object of `source`, or of its changed copy in `overlay`."""
        made = overlay / (source.replace("/", "_") + ".o")
        if made.exists():
            return str(made)
        command = [word for word in self.commands[ROOT / source] if word != "-Werror"]
        command[command.index("-o") + 1] = str(made)
        copy = overlay / source
        if copy.exists():
            command[-1] = str(copy)
        command[1:1] = ["-w", f"-I{overlay}"]
        subprocess.run(self.ccache + command, cwd=self.folder, check=True)
        return str(made)

    def is_part(self, original, target):
        """Whether an object of BUILD is linked into a program, by itself or in a library."""
        library = f"lib{original.split('CMakeFiles/')[1].split('.dir/')[0]}.a"
        return any(word == original or word.endswith("/" + library) or word == library
                   for word in self.links[target])

    def link(self, target, sources, overlay):
        """The program with the changed objects: in their places, or before the libraries."""
        command = list(self.links[target])
        for source in sources:
            original = self.place(source)
            if original in command:
                command[command.index(original)] = self.compile(source, overlay)
            elif self.is_part(original, target):
                first = next(i for i, word in enumerate(command) if word.endswith(".o"))
                command.insert(first, self.compile(source, overlay))
        program = overlay / "program"
        command[command.index("-o") + 1] = str(program)
        subprocess.run(command, cwd=self.folder, check=True)
        return program


def sections(path):
    found, name = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("-- "):
            name = line[3:].strip()
            found[name] = []
        elif name:
            found[name].append(line)
        elif line.startswith("# "):
            found.setdefault("says", []).append(line[2:])
    return {key: "\n".join(lines).rstrip("\n") for key, lines in found.items()}


def failure(program, arguments):
    """What failed, or nothing."""
    if arguments == ["objects"]:
        folder = ROOT / "tests/verdicts/objects"
        return ", ".join(object.name for object in sorted(folder.glob("obj/*.o"))
                         if subprocess.run([folder / "run_programs", program, object],
                                           capture_output=True).returncode)
    try:
        run = subprocess.run([str(program), *arguments], capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return "it hangs"
    if run.returncode == 0:
        return ""
    failed = [line.split("]")[1].split("(")[0].split(",")[0].strip()
              for line in run.stdout.splitlines() if line.startswith("[  FAILED  ]") and "(" in line]
    violated = [line for line in run.stdout.splitlines() if line.startswith("== ")]
    return ", ".join((failed or violated or [f"status {run.returncode}"])[:3])


def catch(build, bug, path, every):
    """The suites that fail with the mistake, and what is wrong when none does."""
    overlay = build.folder / "planted" / path.relative_to(HERE / "bugs").with_suffix("")
    shutil.rmtree(overlay, ignore_errors=True)
    text = (ROOT / bug["file"]).read_text()
    copy = overlay / bug["file"]
    copy.parent.mkdir(parents=True)
    copy.write_text(text.replace(bug["old"], bug["new"]))
    sources, caught = bug.get("rebuild", bug["file"]).split(), []
    for name, target, arguments, own in SUITES:
        if own and not any(source.startswith("tests/soundness/domain/") for source in sources):
            continue
        failed = failure(build.link(target, sources, overlay), arguments)
        if failed:
            caught.append(f"{name}: {failed}")
            if not every:
                break
    shutil.rmtree(overlay)
    return caught, "" if caught else "NOT CAUGHT"


def rotten(path):
    """What is wrong when the text that the mistake changes is not there exactly once."""
    bug = sections(path)
    found = (ROOT / bug["file"]).read_text().count(bug["old"])
    return "" if found == 1 else f"{path.relative_to(HERE / 'bugs')} has rotted: its text is there {found} times in {bug['file']}"


def main(words):
    only = words[words.index("--only") + 1] if "--only" in words else ""
    paths = sorted(path for path in (HERE / "bugs").rglob("*.bug") if only in str(path))
    problems = [problem for problem in map(rotten, paths) if problem]
    if problems:
        sys.exit("\n".join(problems))
    build = Build(words[0])
    begin = time.time()
    for name, target, arguments, own in SUITES:
        place = "bin" if target == "skep" else "tests"
        failed = "" if own else failure(build.folder / place / target, arguments)
        if failed:
            sys.exit(f"without any mistake the suite '{name}' fails: {failed}")
    if "--some" in words:
        paths = list({path.parent: path for path in paths}.values())
    missed = 0
    for path in paths:
        bug = sections(path)
        caught, problem = catch(build, bug, path, "--every-suite" in words)
        name = path.relative_to(HERE / "bugs").with_suffix("")
        print(f"{'MISSED ' if problem else 'caught '}{name}: {problem or '; '.join(caught)}", flush=True)
        missed += bool(problem)
    print(f"{len(paths)} mistakes planted, {len(paths) - missed} caught, in {time.time() - begin:.0f} s")
    return 1 if missed or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
