// SPDX-License-Identifier: Apache-2.0
//
// What a header says when the runtime library is wanted: variables of the object, a record of each
// program, and the function that makes everything ready.
#include <algorithm>

#include <fmt/format.h>

#include "apps/runtime/layout.hpp"
#include "apps/skep/commands/compile/names.hpp"
#include "apps/skep/commands/compile/unit.hpp"

namespace skep::app {

namespace {

std::string variables_of(const UnitMap& map) {
    const std::string capitals = in_capitals(map.symbol);
    std::string text = fmt::format(
        "/* {} ({}){} */\nextern struct skep_map *{}_handle;\n", as_remark(map.name),
        spec::find(map.spec.type)->name,
        map.is_array() ? fmt::format(": the value of entry i is at i * {}_STRIDE.", capitals) : "",
        map.symbol);
    if (map.is_array()) {
        text += fmt::format("extern unsigned char *{};\n", map.symbol);
        text += constant_text(capitals + "_STRIDE", map.stride_bytes);
    }
    text += constant_text(capitals + "_ENTRIES", map.spec.max_entries);
    text += constant_text(capitals + "_KEY_SIZE", map.spec.key_size_bytes);
    text += constant_text(capitals + "_VALUE_SIZE", map.spec.value_size_bytes);
    return text + variables_text(map) + "\n";
}

std::string bytes_text(const ByteVector& bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        text += fmt::format("{}{}", i == 0 ? "" : i % 32 == 0 ? ",\n            " : ",", bytes[i]);
    }
    return text;
}

// Zeroes at the end are the rest, which need not be said.
ByteVector without_trailing_zeroes(ByteVector bytes) {
    while (!bytes.empty() && bytes.back() == 0) {
        bytes.pop_back();
    }
    return bytes;
}

// Its places that are no plain memory, as the array `name`.
std::string fields_text(const spec::MapSpec& spec, const char* name) {
    if (spec.value_fields.empty()) {
        return {};
    }
    std::string text = fmt::format("        static const struct skep_map_field {}[] = {{", name);
    for (const spec::ValueField& field : spec.value_fields) {
        text += fmt::format("{{{}, {}, {}}},", static_cast<unsigned>(field.kind),
                            field.offset_bytes, field.size_bytes);
    }
    text.back() = '}';
    return text + ";\n";
}

struct ShapeNames {
    const char* shape;
    const char* fields;
    const char* inner; // "0" when there is none
};

std::string shape_text(const spec::MapSpec& spec, const std::string& map_name, std::uint32_t cpus,
                       const ShapeNames& names) {
    const std::size_t count = spec.value_fields.size();
    return fields_text(spec, names.fields) +
           fmt::format("        static const struct skep_map_shape {} = {{\"{}\", {}u, {}u, {}u, "
                       "{}u, {}u, {}u, {}u, {}, {}, {}}};\n",
                       names.shape, map_name, static_cast<std::uint32_t>(spec.type),
                       spec.key_size_bytes, spec.value_size_bytes, spec.max_entries, spec.flags,
                       cpus, spec.map_extra, count == 0 ? "0" : names.fields, count, names.inner);
}

std::string making_of(const Unit& unit, const UnitMap& map) {
    const ByteVector initial = without_trailing_zeroes(map.initial);
    std::string text = "    {\n";
    if (!initial.empty()) {
        text +=
            fmt::format("        static const unsigned char initial[] = {{\n            {}}};\n",
                        bytes_text(initial));
    }
    if (map.spec.inner != nullptr) {
        text += shape_text(*map.spec.inner, map.symbol + "_inner", unit.cpus,
                           {"inner", "inner_fields", "0"});
    }
    text += shape_text(map.spec, map.symbol, unit.cpus,
                       {"shape", "fields", map.spec.inner != nullptr ? "&inner" : "0"});
    text += fmt::format("        status = {0}_handle != 0 ? 0 : skep_map_make(&shape, {1}, "
                        "&{0}_handle);\n"
                        "        if (status != 0) return status;\n",
                        map.symbol, initial.empty() ? "0, 0" : "initial, sizeof initial");
    if (map.is_array()) {
        text += fmt::format("        {0} = (unsigned char *)skep_map_values({0}_handle);\n",
                            map.symbol);
    }
    return text + "    }\n";
}

std::string filling_of(const Unit& unit, const UnitMap& map) {
    std::string text;
    for (const UnitSlot& slot : map.slots) {
        text += map.spec.type == spec::MapType::prog_array
                    ? fmt::format("    status = skep_map_put_program({}_handle, {}, "
                                  "{}_record());\n",
                                  map.symbol, slot.index, unit.programs[slot.target].symbol)
                    : fmt::format("    index = {};\n"
                                  "    status = skep_map_put_map({}_handle, &index, {}_handle);\n",
                                  slot.index, map.symbol, unit.maps[slot.target].symbol);
        text += "    if (status != 0) return status;\n";
    }
    return text;
}

std::string record_of(const Unit& unit, const UnitProgram& program) {
    std::string maps, memory;
    std::size_t map_count = 0, memory_count = 0;
    for (const UnitMap& map : unit.maps) {
        if (map.has_handle) {
            maps += fmt::format("{}&{}_handle", map_count++ == 0 ? "" : ", ", map.symbol);
        } else if (map.in_object) {
            const bool per_cpu = map.spec.type == spec::MapType::percpu_array;
            memory += fmt::format("{}{{{}, {}, {}}}", memory_count++ == 0 ? "" : ", ", map.symbol,
                                  map.stride_bytes * map.spec.max_entries, per_cpu ? unit.cpus : 1);
        }
    }
    return fmt::format(
        "extern void {0}_call_back(void);\n"
        "/* What the runtime library is to know of it. */\n"
        "static inline const struct skep_program *{0}_record(void) {{\n{1}{2}"
        "    static const struct skep_program record = {{{0}, {0}_call_back, {3}, {8}, {4}, {5}, "
        "{6}, {7}}};\n"
        "    return &record;\n}}\n\n",
        program.symbol,
        map_count == 0
            ? ""
            : fmt::format("    static struct skep_map *const *const maps[] = {{{}}};\n", maps),
        memory_count == 0
            ? ""
            : fmt::format("    static const struct skep_memory memory[] = {{{}}};\n", memory),
        static_cast<std::uint32_t>(program.type), map_count == 0 ? "0" : "maps", map_count,
        memory_count == 0 ? "0" : "memory", memory_count, unit.cpus);
}

std::string opener_of(const Unit& unit) {
    std::string making, filling;
    bool has_keys = false;
    for (const UnitMap& map : unit.maps) {
        if (map.has_handle) {
            making += making_of(unit, map);
            filling += filling_of(unit, map);
            has_keys = has_keys || (map.spec.inner != nullptr && !map.slots.empty());
        }
    }
    for (const run::AheadCall& call : unit.calls) {
        const bool is_helper = call.referent == run::jit::Referent::helper;
        making += fmt::format("    if (({} = {}({})) == 0) return -38; /* ENOSYS */\n", call.symbol,
                              is_helper ? "skep_helper" : "skep_routine", call.number);
    }
    return fmt::format(
        "/* Makes the maps and hands the code what it calls: once, before anything runs. 0, or a "
        "negative\n   errno; -8 (ENOEXEC): libskep-runtime is of another version of skep. */\n"
        "static inline int {}(void) {{\n    int status = 0;\n{}"
        "    if (skep_layout() != UINT64_C({:#x})) return -8;\n{}{}    return status;\n}}\n\n",
        unit.opener, has_keys ? "    uint32_t index;\n" : "", runtime::layout_number(), making,
        filling);
}

} // namespace

std::string runtime_part(const Unit& unit) {
    std::string text;
    for (const UnitMap& map : unit.maps) {
        text += map.has_handle ? variables_of(map) : "";
    }
    for (const run::AheadCall& call : unit.calls) {
        text += fmt::format("extern void *{};\n", call.symbol);
    }
    text += "\n";
    for (const UnitProgram& program : unit.programs) {
        text += record_of(unit, program);
    }
    return text + opener_of(unit);
}

} // namespace skep::app
