// SPDX-License-Identifier: Apache-2.0
//
// The header is C that C++ reads too. What several units share stands in it once, behind a guard of
// its own, so that an application may include the headers of many.
#include "apps/skep/commands/compile/unit.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include <fmt/format.h>

#include "skep/helpers/invocation.hpp"
#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::app {

namespace {

using spec::ProgramType;

enum class Context : std::uint8_t { xdp, skb, memory };

struct ContextRow {
    ProgramType type;
    Context context;
    std::string_view says; // of the first argument
};
constexpr std::array kContexts{
    ContextRow{ProgramType::xdp, Context::xdp, "struct skep_xdp"},
    ContextRow{ProgramType::sched_cls, Context::skb, "struct skep_skb"},
    ContextRow{ProgramType::sched_act, Context::skb, "struct skep_skb"},
    ContextRow{ProgramType::socket_filter, Context::skb, "struct skep_skb"},
    ContextRow{ProgramType::cgroup_skb, Context::skb, "struct skep_skb"},
    ContextRow{ProgramType::raw_tracepoint, Context::memory, "its arguments, 64 bits each"},
    ContextRow{ProgramType::syscall, Context::memory, "the memory that the program expects"},
};

const ContextRow* context_of(ProgramType type) {
    const auto row = std::find_if(kContexts.begin(), kContexts.end(),
                                  [type](const ContextRow& one) { return one.type == type; });
    return row == kContexts.end() ? nullptr : &*row;
}

// struct skep_run is helpers::Invocation, of which a program that calls no helper looks at two
// fields.
std::string run_structure() {
    using helpers::Invocation;
    static_assert(offsetof(Invocation, cpu) < offsetof(Invocation, loop_budget));
    constexpr std::size_t kBetween =
        offsetof(Invocation, loop_budget) - offsetof(Invocation, cpu) - sizeof(std::uint32_t);
    constexpr std::size_t kAfter =
        sizeof(Invocation) - offsetof(Invocation, loop_budget) - sizeof(std::uint64_t);
    return fmt::format("struct skep_run {{\n"
                       "    unsigned char reserved_1[{}];\n"
                       "    uint32_t cpu; /* whose values of per-CPU maps are meant */\n"
                       "    unsigned char reserved_2[{}];\n"
                       "    uint64_t loop_budget; /* rounds of may_goto that are left */\n"
                       "    unsigned char reserved_3[{}];\n"
                       "}};\n",
                       offsetof(Invocation, cpu), kBetween, kAfter);
}

static_assert(sizeof(spec::HostXdp) == 56 && offsetof(spec::HostXdp, ingress_ifindex) == 40);
constexpr std::string_view kXdpStructure =
    "/* The context of XDP programs. Addresses are numbers. */\n"
    "struct skep_xdp {\n"
    "    uint64_t data, data_end, data_meta;      /* the packet; data_meta == data: no metadata "
    "*/\n"
    "    uint64_t data_hard_start, data_hard_end; /* of the memory that it lies in */\n"
    "    uint32_t ingress_ifindex, rx_queue_index, egress_ifindex, beyond_bytes;\n"
    "};\n";

static_assert(sizeof(spec::HostSkb) == 248 && offsetof(spec::HostSkb, data) == 192);
constexpr std::string_view kSkbStructure =
    "/* The context of programs on socket buffers: struct __sk_buff of linux/bpf.h with its "
    "addresses\n"
    "   behind it. */\n"
    "struct skep_skb {\n"
    "    uint32_t len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, "
    "vlan_proto;\n"
    "    uint32_t priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, "
    "unused[2];\n"
    "    uint32_t napi_id, family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4];\n"
    "    uint32_t remote_port, local_port, unused_2;\n"
    "    uint64_t flow_keys, tstamp;\n"
    "    uint32_t wire_len, gso_segs;\n"
    "    uint64_t sk;\n"
    "    uint32_t gso_size;\n"
    "    uint8_t tstamp_type, padding[3];\n"
    "    uint64_t hwtstamp;\n"
    "    uint64_t data, data_end, data_meta, head, tail_end, mac_header, network_header;\n"
    "};\n";

constexpr std::string_view kRunFunctions =
    "/* A run by itself: CPU 0, and as many rounds of may_goto as in the kernel. */\n"
    "static inline struct skep_run skep_run_alone(void) {\n"
    "    struct skep_run run = {{0}, 0, {0}, 8u * 1024 * 1024, {0}};\n"
    "    return run;\n"
    "}\n";

// The same with the runtime library, which gives the packet a frame of its own, so that helpers may
// move its ends.
constexpr std::string_view kOnXdpFrame = R"(extern void {0}_call_back(void);
/* Runs it on a packet of *size bytes; what it leaves goes back there, at most room bytes. */
static inline uint32_t {0}_on(void *packet, size_t *size, size_t room, uint32_t cpu) {{
    const struct skep_program program = {{{0}, {0}_call_back, {1}, {2}, {3}}};
    return skep_run_xdp(&program, packet, size, room, cpu);
}}
)";
constexpr std::string_view kOnContext = R"(extern void {0}_call_back(void);
/* Runs it on a context that the caller made. */
static inline uint64_t {0}_on(void *context, uint32_t cpu) {{
    const struct skep_program program = {{{0}, {0}_call_back, {1}, {2}, {3}}};
    return skep_run_program(&program, context, cpu);
}}
)";
constexpr std::string_view kInclude =
    "#include <skep_runtime.h> /* and link with -lskep-runtime */\n";

std::string shared_part() {
    return fmt::format("#ifndef SKEP_COMPILED\n"
                       "#define SKEP_COMPILED 1\n"
                       "/* What a run needs beside its context. */\n{}{}{}{}"
                       "#endif\n\n",
                       run_structure(), kXdpStructure, kSkbStructure, kRunFunctions);
}

constexpr std::string_view kOnXdp = R"(/* Runs it on a packet, which it may change. */
static inline uint32_t {0}_on(void *packet, size_t size) {{
    struct skep_run run = skep_run_alone();
    struct skep_xdp context;
    memset(&context, 0, sizeof context);
    context.data = context.data_meta = context.data_hard_start = (uint64_t)(uintptr_t)packet;
    context.data_end = context.data_hard_end = context.data + size;
    context.ingress_ifindex = 1;
    return (uint32_t){0}(&context, &run);
}}
)";

constexpr std::string_view kOnSkb = R"(/* Runs it on a frame, which it may change. */
static inline uint32_t {0}_on(void *frame, size_t size) {{
    struct skep_run run = skep_run_alone();
    struct skep_skb context;
    memset(&context, 0, sizeof context);
    context.data = context.data_meta = context.head = (uint64_t)(uintptr_t)frame;
    context.mac_header = context.data;
    context.network_header = context.data + (size < 14 ? size : 14);
    context.data_end = context.tail_end = context.data + size;
    context.len = context.wire_len = (uint32_t)size;
    context.protocol = size < 14 ? 0 : *((unsigned char *)frame + 12) | *((unsigned char *)frame + 13) << 8;
    context.ifindex = context.ingress_ifindex = 1;
    return (uint32_t){0}(&context, &run);
}}
)";

std::string program_part(const Unit& unit, const UnitProgram& program) {
    const ContextRow& row = *context_of(program.type);
    std::string text =
        fmt::format("/* {} ({}); the context is {}. */\n"
                    "uint64_t {}(void *context, struct skep_run *run);\n",
                    program.name, spec::find(program.type)->name, row.says, program.symbol);
    if (unit.needs_runtime()) {
        const auto maps = std::count_if(unit.maps.begin(), unit.maps.end(),
                                        [](const UnitMap& map) { return map.has_handle; });
        const std::string list = maps == 0 ? "0" : unit.prefix + "_maps()";
        const auto type = static_cast<std::uint32_t>(program.type);
        text += row.context == Context::xdp
                    ? fmt::format(kOnXdpFrame, program.symbol, type, list, maps)
                    : fmt::format(kOnContext, program.symbol, type, list, maps);
        return text + "\n";
    }
    const bool from_first_layer =
        program.type == ProgramType::sched_cls || program.type == ProgramType::sched_act;
    if (row.context == Context::xdp) {
        text += fmt::format(kOnXdp, program.symbol);
    } else if (from_first_layer) {
        text += fmt::format(kOnSkb, program.symbol);
    }
    return text + "\n";
}

std::string map_part(const Unit& unit, const UnitMap& map) {
    if (!map.in_object) {
        return {};
    }
    const std::uint32_t cpus = map.spec.type == spec::MapType::percpu_array ? unit.cpus : 1;
    std::string upper = map.symbol;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
    return fmt::format("/* {}: the value of entry i{} is at i * {}_STRIDE. */\n"
                       "enum {{ {}_ENTRIES = {}, {}_VALUE_SIZE = {}, {}_STRIDE = {} }};\n"
                       "extern {}unsigned char {}[{}];\n\n",
                       map.name,
                       cpus == 1 ? std::string()
                                 : fmt::format(" of CPU c (below {}) lies {} bytes after CPU c-1's "
                                               "and",
                                               cpus, map.stride_bytes * map.spec.max_entries),
                       upper, upper, map.spec.max_entries, upper, map.spec.value_size_bytes, upper,
                       map.stride_bytes, map.is_constant ? "const " : "", map.symbol,
                       map.stride_bytes * map.spec.max_entries * cpus);
}

std::string bytes_text(const ByteVector& bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        text += fmt::format("{}{}", i == 0 ? "" : i % 32 == 0 ? ",\n            " : ",", bytes[i]);
    }
    return text;
}

std::string make_map_text(const Unit& unit, const UnitMap& map, std::size_t place) {
    std::string text = "    {\n";
    if (!map.initial.empty()) {
        text +=
            fmt::format("        static const unsigned char initial[] = {{\n            {}}};\n",
                        bytes_text(map.initial));
    }
    text += fmt::format("        const struct skep_map_shape shape = {{\"{}\", {}, {}, {}, {}, "
                        "{}, {}, {}u}};\n",
                        map.symbol, static_cast<std::uint32_t>(map.spec.type),
                        map.spec.key_size_bytes, map.spec.value_size_bytes, map.spec.max_entries,
                        map.spec.flags, unit.cpus, map.spec.map_extra);
    text += fmt::format("        const int made = skep_map_make(&shape, {}, &{}_handle);\n"
                        "        if (made != 0) return made;\n",
                        map.initial.empty() ? "0, 0" : "initial, sizeof initial", map.symbol);
    text += fmt::format("        {0} = (unsigned char *)skep_map_values({0}_handle);\n"
                        "        {1}_maps()[{2}] = {0}_handle;\n    }}\n",
                        map.symbol, unit.prefix, place);
    return text;
}

// Variables of the object, and the function that fills them in.
std::string open_part(const Unit& unit) {
    std::string text;
    std::string body;
    std::size_t maps = 0;
    for (const UnitMap& map : unit.maps) {
        if (map.has_handle) {
            text += fmt::format("/* {} */\nextern struct skep_map *{}_handle;\n"
                                "extern unsigned char *{};\n",
                                map.name, map.symbol, map.symbol);
            body += make_map_text(unit, map, maps++);
        }
    }
    if (maps != 0) {
        text += fmt::format("static inline struct skep_map **{}_maps(void) {{\n"
                            "    static struct skep_map *all[{}];\n    return all;\n}}\n",
                            unit.prefix, maps);
    }
    for (const run::AheadCall& call : unit.calls) {
        const bool is_helper = call.referent == run::jit::Referent::helper;
        text += fmt::format("extern void *{};\n", call.symbol);
        body += fmt::format("    if (({} = {}({})) == 0) return -38; /* ENOSYS */\n", call.symbol,
                            is_helper ? "skep_helper" : "skep_routine", call.number);
    }
    return fmt::format("{}\n/* Makes the maps and hands the code what it calls: once, before "
                       "anything runs, and in "
                       "the source\n   file that runs the programs. 0, or a negative errno. */\n"
                       "static inline int {}_open(void) {{\n{}    return 0;\n}}\n\n",
                       text, unit.prefix, body);
}

} // namespace

bool Unit::needs_runtime() const {
    return !calls.empty() ||
           std::any_of(maps.begin(), maps.end(), [](const UnitMap& map) { return map.has_handle; });
}

std::string as_identifier(std::string_view name) {
    std::string identifier;
    for (const char letter : name) {
        const bool fits = std::isalnum(static_cast<unsigned char>(letter)) != 0;
        identifier += fits ? letter : '_';
    }
    while (identifier.starts_with('_')) {
        identifier.erase(0, 1);
    }
    const bool begins_well =
        !identifier.empty() && std::isdigit(static_cast<unsigned char>(identifier[0])) == 0;
    return begins_well ? identifier : "p" + identifier;
}

bool can_be_entered(spec::ProgramType type) { return context_of(type) != nullptr; }

std::string header_of(const Unit& unit) {
    std::string upper = unit.prefix;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
    std::string text = fmt::format(
        "/* Written by skep compile from {}: the programs as native code. What runs was proved by\n"
        "   skep's verifier to stay inside its context, its packet and its maps. */\n"
        "#ifndef SKEP_COMPILED_{}\n#define SKEP_COMPILED_{} 1\n\n"
        "#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n{}\n"
        "#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n",
        unit.source, upper, upper, unit.needs_runtime() ? kInclude : "");
    text += shared_part();
    text += unit.needs_runtime() ? open_part(unit) : std::string();
    for (const UnitMap& map : unit.maps) {
        text += map_part(unit, map);
    }
    for (const UnitProgram& program : unit.programs) {
        text += program_part(unit, program);
    }
    return text + "#ifdef __cplusplus\n}\n#endif\n#endif\n";
}

} // namespace skep::app
