#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recorded programs (JSON lines, xz) as the table that compare_recorded reads.

usage: recorded_table.py FILE.jsonl.xz > TABLE
Columns, tab separated: name, program type, attach type, flags, attach target, licence, verdict,
message, instructions (hex), maps (type:key:value:entries:flags:value type, joined by ;), fixups
(instruction:map:kind, joined by ;), types (hex: the program's, or those of its first typed map).
"""
import json
import lzma
import sys


def cells(test):
    maps = test["maps"]
    types = test.get("btf") or next((m["btf"] for m in maps if m.get("btf")), "")
    yield test["name"]
    yield test["prog_type_id"]
    yield test["expected_attach_type"]
    yield test["prog_flags"]
    yield test["attach_btf_name"] or "-"
    yield test["license"]
    yield test["kernel"]
    yield (test["kernel_message"] or "-").replace("\t", " ").replace("\n", " ")
    yield test["insns"]
    yield ";".join(
        f"{m['type_id']}:{m['key_size']}:{m['value_size']}:{m['max_entries']}:{m.get('flags', 0)}:"
        f"{m.get('btf_value_type_id', 0)}" for m in maps) or "-"
    yield ";".join(f"{f['insn']}:{f['map']}:{f['kind']}" for f in test["fixups"]) or "-"
    yield types or "-"


def main():
    with lzma.open(sys.argv[1], "rt", encoding="utf-8") as lines:
        for line in lines:
            test = json.loads(line)
            if test["comparable"]:
                print("\t".join(str(cell) for cell in cells(test)))


main()
