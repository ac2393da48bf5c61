// SPDX-License-Identifier: Apache-2.0
//
// The header is C that C++ reads too. What several units share stands in it once, behind a guard of
// its own, so that an application may include the headers of many.
#include "apps/skep/commands/compile/unit.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

#include <fmt/format.h>

#include "apps/runtime/layout.hpp"
#include "apps/skep/commands/compile/names.hpp"
#include "apps/skep/commands/compile/output.hpp"
#include "skep/helpers/invocation.hpp"
#include "skep/spec/contexts/host_contexts.hpp"
#include "skep/spec/limits.hpp"

namespace skep::app {

namespace {

using spec::ProgramType;

struct ContextRow {
    ProgramType type;
    Context context;
    std::string_view says; // of the first argument
};
constexpr std::array kContexts{
    ContextRow{ProgramType::xdp, Context::xdp, "struct skep_xdp"},
    ContextRow{ProgramType::sched_cls, Context::frame, "struct skep_skb"},
    ContextRow{ProgramType::sched_act, Context::frame, "struct skep_skb"},
    ContextRow{ProgramType::socket_filter, Context::packet, "struct skep_skb"},
    ContextRow{ProgramType::cgroup_skb, Context::packet, "struct skep_skb"},
    ContextRow{ProgramType::raw_tracepoint, Context::memory, "all 12 arguments, 64 bits each"},
    ContextRow{ProgramType::syscall, Context::memory,
               "the structure that the program takes it for, whole"},
};

const ContextRow* row_of(ProgramType type) {
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
    R"(/* The context of XDP programs. Addresses are numbers. */
struct skep_xdp {
    uint64_t data, data_end, data_meta;      /* the packet; data_meta == data: no metadata */
    uint64_t data_hard_start, data_hard_end; /* of the memory that it lies in */
    uint32_t ingress_ifindex, rx_queue_index, egress_ifindex, beyond_bytes;
};
)";

static_assert(sizeof(spec::HostSkb) == 248 && offsetof(spec::HostSkb, data) == 192);
constexpr std::string_view kSkbStructure =
    R"(/* The context of programs on socket buffers: struct __sk_buff of linux/bpf.h with its addresses
   behind it. */
struct skep_skb {
    uint32_t len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto;
    uint32_t priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, unused[2];
    uint32_t napi_id, family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4];
    uint32_t remote_port, local_port, unused_2;
    uint64_t flow_keys, tstamp;
    uint32_t wire_len, gso_segs;
    uint64_t sk;
    uint32_t gso_size;
    uint8_t tstamp_type, padding[3];
    uint64_t hwtstamp;
    uint64_t data, data_end, data_meta, head, tail_end, mac_header, network_header;
};
)";

constexpr std::string_view kRunFunction =
    R"(/* A run by itself: CPU 0, and as many rounds of may_goto as in the kernel. */
static inline struct skep_run skep_run_alone(void) {{
    struct skep_run run;
    memset(&run, 0, sizeof run);
    run.loop_budget = {}u;
    return run;
}}
)";

// As BPF_PROG_TEST_RUN makes it, and contexts/skb_context.cpp.
constexpr std::string_view kSkbFunction =
    R"(/* The context for an Ethernet frame; `skipped` bytes of it lie before the packet. */
static inline void skep_skb_of(struct skep_skb *context, void *frame, size_t size, size_t skipped) {
    unsigned char head[16] = {0};
    unsigned number;
    memset(context, 0, sizeof *context);
    memcpy(head, frame, size < sizeof head ? size : sizeof head);
    number = (unsigned)head[12] << 8 | head[13];
    context->mac_header = context->head = (uint64_t)(uintptr_t)frame;
    context->network_header = context->mac_header + (size < 14 ? size : 14);
    context->data = context->data_meta = context->mac_header + (size < skipped ? size : skipped);
    context->data_end = context->tail_end = context->mac_header + size;
    context->len = (uint32_t)(context->data_end - context->data);
    context->pkt_type = (head[0] & 1) != 0 ? 2u
        : (head[0] | head[1] | head[2] | head[3] | head[4] | head[5]) == 0 ? 0u : 3u;
    context->protocol = number >= 1536 ? (number & 255) << 8 | number >> 8
        : head[14] == 255 && head[15] == 255 ? 0x100u : 0x400u;
    context->ifindex = 1;
}
)";

std::string shared_part() {
    const std::string number = fmt::format("{:#x}", runtime::layout_number() >> 33);
    return fmt::format("#ifndef SKEP_COMPILED\n#define SKEP_COMPILED {}\n"
                       "/* What a run needs beside its context. */\n{}{}{}{}{}"
                       "#elif SKEP_COMPILED != {}\n"
                       "#error \"units of different versions of skep: compile all with one\"\n"
                       "#endif\n\n",
                       number, run_structure(), kXdpStructure, kSkbStructure,
                       fmt::format(kRunFunction, spec::limits::loop_iterations), kSkbFunction,
                       number);
}

// ---- runs without the runtime library: nothing moves the packet's ends ----

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
constexpr std::string_view kOnSkb = R"(/* Runs it on an Ethernet frame, which it may change{1}. */
static inline uint32_t {0}_on(void *frame, size_t size) {{
    struct skep_run run = skep_run_alone();
    struct skep_skb context;
    skep_skb_of(&context, frame, size, {2});
    return (uint32_t){0}(&context, &run);
}}
)";
constexpr std::string_view kOnMemory = R"(/* Runs it on a context that the caller made. */
static inline uint64_t {0}_on(void *context) {{
    struct skep_run run = skep_run_alone();
    return {0}(context, &run);
}}
)";

std::string plain_run(const UnitProgram& program) {
    switch (context_of(program.type)) {
    case Context::xdp:
        return fmt::format(kOnXdp, program.symbol);
    case Context::frame:
        return fmt::format(kOnSkb, program.symbol, "", 0);
    case Context::packet:
        return fmt::format(kOnSkb, program.symbol, "; it sees what follows the Ethernet header",
                           14);
    case Context::memory:
        break;
    }
    return fmt::format(kOnMemory, program.symbol);
}

// ---- runs with it: packets have frames of their own, in which helpers may move their ends ----

constexpr std::string_view kOnPacket =
    R"(/* Runs it on a packet of *size bytes; what it leaves goes back there, at most room bytes. */
static inline uint32_t {0}_on(void *packet, size_t *size, size_t room, uint32_t cpu) {{
    return {1}({0}_record(), packet, size, room, cpu);
}}
)";
constexpr std::string_view kOnContext = R"(/* Runs it on a context that the caller made. */
static inline uint64_t {0}_on(void *context, uint32_t cpu) {{
    return skep_run_program({0}_record(), context, cpu);
}}
)";

std::string runtime_run(const UnitProgram& program) {
    switch (context_of(program.type)) {
    case Context::xdp:
        return fmt::format(kOnPacket, program.symbol, "skep_run_xdp");
    case Context::frame:
    case Context::packet:
        return fmt::format(kOnPacket, program.symbol, "skep_run_skb");
    case Context::memory:
        break;
    }
    return fmt::format(kOnContext, program.symbol);
}

std::string entry_part(const UnitProgram& program) {
    return fmt::format("/* {} ({}); the context is {}. */\n"
                       "uint64_t {}(void *context, struct skep_run *run);\n",
                       as_remark(program.name), spec::find(program.type)->name,
                       row_of(program.type)->says, program.symbol);
}

std::string map_part(const Unit& unit, const UnitMap& map) {
    const bool per_cpu = map.spec.type == spec::MapType::percpu_array;
    const std::string capitals = in_capitals(map.symbol);
    const std::uint64_t part_bytes = map.stride_bytes * map.spec.max_entries;
    return fmt::format("/* {}: the value of entry i{} is at i * {}_STRIDE. */\n"
                       "enum {{ {}_ENTRIES = {}, {}_VALUE_SIZE = {}, {}_STRIDE = {} }};\n"
                       "extern {}unsigned char {}[{}];\n{}\n",
                       as_remark(map.name),
                       per_cpu && unit.cpus > 1
                           ? fmt::format(" of CPU c (below {}) lies {} bytes after CPU c-1's and",
                                         unit.cpus, part_bytes)
                           : "",
                       capitals, capitals, map.spec.max_entries, capitals,
                       map.spec.value_size_bytes, capitals, map.stride_bytes,
                       map.is_constant ? "const " : "", map.symbol,
                       part_bytes * (per_cpu ? unit.cpus : 1), variables_text(map));
}

} // namespace

bool Unit::needs_runtime() const {
    return !calls.empty() ||
           std::any_of(maps.begin(), maps.end(), [](const UnitMap& map) { return map.has_handle; });
}

std::string constant_text(const std::string& name, std::uint64_t value) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max();
    return value <= kMost ? fmt::format("enum {{ {} = {} }};\n", name, value)
                          : fmt::format("/* {} would be {}. */\n", name, value);
}

std::string variables_text(const UnitMap& map) {
    std::string text;
    for (const UnitVariable& variable : map.variables) {
        text += constant_text(variable.constant, variable.offset);
    }
    return text;
}

bool can_be_entered(ProgramType type) { return row_of(type) != nullptr; }
Context context_of(ProgramType type) { return row_of(type)->context; }

std::string header_of(const Unit& unit) {
    const bool with_runtime = unit.needs_runtime();
    std::string text = fmt::format(
        "{0} from {1}: the programs as native code. What runs was\n"
        "   proved by skep's verifier to stay inside its context, its packet and its maps. */\n"
        "#ifndef SKEP_COMPILED_{2}\n#define SKEP_COMPILED_{2} 1\n\n"
        "#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n{3}\n"
        "#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n",
        kHeaderBeginning, as_remark(unit.source), unit.prefix,
        with_runtime ? "#include <skep_runtime.h> /* and link with -lskep-runtime */\n" : "");
    text += shared_part();
    for (const UnitMap& map : unit.maps) {
        text += map.in_object ? map_part(unit, map) : "";
    }
    for (const UnitProgram& program : unit.programs) {
        text += entry_part(program);
    }
    text += "\n" + (with_runtime ? runtime_part(unit) : "");
    for (const UnitProgram& program : unit.programs) {
        text += (with_runtime ? runtime_run(program) : plain_run(program)) + "\n";
    }
    return text + "#ifdef __cplusplus\n}\n#endif\n#endif\n";
}

} // namespace skep::app
