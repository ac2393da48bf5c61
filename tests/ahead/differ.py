# SPDX-License-Identifier: Apache-2.0
"""A unit beside the user engine: the same object file, compiled ahead and linked into an application that is written here, and
loaded into an engine of the test's own; the same packets for both; what must be equal are answers, packets and maps.

Limits: maps without keys, and those whose slots hold programs or maps, are not compared themselves.
"""
import json
import os
import pathlib
import subprocess

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2", "-std=c99"]
UNCOMPARED = {"queue", "stack", "bloom_filter", "ringbuf", "prog_array", "perf_event_array", "array_of_maps", "hash_of_maps"}

BEGINNING = """#include <stdio.h>
#include "{unit}.h"
static unsigned char packet[1 << 16], given[1 << 16], key[512], next[512], value[1 << 16];
static void bytes(const unsigned char *at, size_t size) {{
    while (size-- > 0) printf("%02x", *at++);
    printf("\\n");
}}
"""
READING = """    while (fread(key, 1, 4, stdin) == 4) {{
        size_t size, length = key[0] | (size_t)key[1] << 8;
        if (fread(given, 1, length, stdin) != length) return 1;
"""
RUN = """        size = length; memcpy(packet, given, length);
        printf("{name} %u ", (unsigned){symbol}_on(packet, {how})); bytes(packet, size);
"""
AT_RUN_TIME = """    for (int status = skep_map_next_key({symbol}_handle, NULL, next); status == 0; status = skep_map_next_key({symbol}_handle, key, next)) {{
        memcpy(key, next, {key_size});
        if (skep_map_lookup({symbol}_handle, key, value, sizeof value) != 0) continue;
        printf("{name} "); for (int i = 0; i < {key_size}; i++) printf("%02x", key[i]);
        printf(" "); bytes(value, {value_size});
    }}
"""
IN_OBJECT = """    for (unsigned i = 0; i < {entries}; i++) {{
        printf("{name} "); for (int j = 0; j < 4; j++) printf("%02x", i >> 8 * j & 255);
        printf(" "); bytes({symbol} + i * {capitals}_STRIDE, {value_size});
    }}
"""


class Failure(Exception):
    pass


def run(words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=100, **more)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, words))}: status {done.returncode}: {done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}")
    return done.stdout


def compared(unit, most=1 << 16):
    return [one for one in unit["maps"] if (one["in_object"] or one["at_run_time"]) and one["type"] not in UNCOMPARED and one["value_size"] <= most and one["entries"] <= most]


def application_text(name, unit):
    """C that reads packets (length in four bytes, then the bytes) and prints what becomes of them, then what maps hold."""
    text = BEGINNING.format(unit=name) + "int main(void) {\n"
    if unit["opener"]:
        text += f'    const int opened = {unit["opener"]}();\n    if (opened != 0) {{ fprintf(stderr, "open: %d\\n", opened); return 1; }}\n'
    text += READING.replace("{{", "{").replace("}}", "}")
    for one in unit["programs"]:
        text += RUN.format(how="&size, sizeof packet, 0" if unit["needs_runtime"] else "size", **one)
        if not unit["needs_runtime"] and one["type"] == "socket_filter":  # which leaves alone what the engine's test run wipes
            text = "memset(packet, 0, 14); bytes(".join(text.rsplit("bytes(", 1))
    text += "    }\n"
    for one in compared(unit):
        more = dict(one, capitals=one["symbol"].upper(), value_size=(one["value_size"] + 7) // 8 * 8 if "percpu" in one["type"] else one["value_size"])
        text += (IN_OBJECT if one["in_object"] else AT_RUN_TIME).format(**more)
    return text + "    (void)next; (void)value;\n" + "    return 0;\n}\n"


class Application:
    """The native side. `compiler` is its words; `around` what runs the program (qemu); `link` further words for the linker."""

    def __init__(self, skep, object_file, place, include, link=(), compiler=("cc",), around=(), target=None, environment=None):
        self.around, self.environment = list(around), environment
        name = pathlib.Path(object_file).name.split(".")[0]
        native = place / f"{name}.o"
        words = [skep, "-j", "compile", object_file, "-o", native, *(["--target", target] if target else [])]
        self.unit = json.loads(run(words))
        (place / f"{name}_app.c").write_text(application_text(name, self.unit))
        self.program = place / f"{name}_app"
        run([*compiler, *WARNINGS, f"-I{include}", f"-I{place}", place / f"{name}_app.c", native, *(link if self.unit["needs_runtime"] else ()), "-o", self.program])

    def says(self, packets):
        stream = b"".join(len(packet).to_bytes(4, "little") + packet for packet in packets)
        return run([*self.around, self.program], input=stream, env=self.environment).decode().splitlines()


class Engine:
    """The same, from an engine of its own below `place`."""

    def __init__(self, skep, object_file, place):
        self.skep, self.place = skep, place
        self.environment = dict(os.environ, SKEP_BPFFS=str(place / "bpf"), SKEP_ENGINE="user")
        self.pins = "/sys/fs/bpf/differ"
        self.call("prog", "loadall", object_file, self.pins, "pinmaps", self.pins)

    def call(self, *words):
        return run([self.skep, "-j", *words], env=self.environment)

    def stop(self):
        subprocess.run([self.skep, "daemon", "stop", "force"], env=self.environment, capture_output=True)

    def says(self, packets, unit):
        lines = []
        for packet in packets:
            (self.place / "in").write_bytes(packet)
            for one in unit["programs"]:
                said = json.loads(self.call("prog", "run", "pinned", f"{self.pins}/{one['name']}", "data_in", self.place / "in", "data_out", self.place / "out"))
                lines.append(f"{one['name']} {said['retval']} {(self.place / 'out').read_bytes().hex()}")
        for one in compared(unit):
            named = ["name", one["name"][:15]] if "." in one["name"] else ["pinned", f"{self.pins}/{one['name']}"]
            for element in json.loads(self.call("map", "dump", *named)):
                values = [entry["value"] for entry in element["values"]] if "values" in element else [element["value"]]
                added = sum(int.from_bytes(raw(value), "little") for value in values) # one CPU's alone are not zero
                size = (one["value_size"] + 7) // 8 * 8 if "values" in element else one["value_size"]
                lines.append(f"{one['name']} {raw(element['key']).hex()} {added.to_bytes(size, 'little').hex()}")
        return lines


def raw(numbers):
    return bytes(int(number, 16) for number in numbers)


def first_difference(left, right):
    """Nothing when both say the same; maps may be walked in any order."""
    for one, other in zip(sorted(left), sorted(right)):
        if one != other:
            return f"compiled: {one}\nengine:   {other}"
    return None if len(left) == len(right) else f"{len(left)} lines, and {len(right)} of the engine"
