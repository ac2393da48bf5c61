// SPDX-License-Identifier: Apache-2.0
#include "tests/law/law_bench.hpp"

#include <fmt/format.h>

#include "skep/os/bpf_call.hpp"
#include "skep/os/files.hpp"
#include "skep/spec/abi.hpp"
#include "skep/verify/calls/call.hpp"

namespace skep::tests {
namespace {

using spec::MapType;
using verify::Value;
using verify::ValueKind;

constexpr int kMapCreate = 0; // BPF_MAP_CREATE
constexpr int kProgLoad = 5;  // BPF_PROG_LOAD
constexpr std::uint32_t kSleepable = 1U << 4;
constexpr int kStackBytes = 64;
constexpr std::uint32_t kValueBytes = 64;

std::uint64_t pointer(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

spec::MapSpec shape_of(MapType type) {
    spec::MapSpec map;
    map.type = type;
    const spec::MapTypeRow& row = *spec::find(type);
    const auto least = [](const spec::SizeRule& rule, std::uint32_t wish) {
        const auto number = static_cast<std::uint32_t>(rule.minimum);
        return rule.maximum >= wish && rule.minimum <= wish && (wish - number) % rule.step == 0
                   ? wish
                   : number;
    };
    map.key_size_bytes = least(row.key, 4);
    map.value_size_bytes = least(row.value, 16);
    map.max_entries = least(row.entries, 4);
    map.flags = row.required_flags;
    return map;
}

long create(const spec::MapSpec& map) {
    abi::MapCreateAttr attributes{};
    attributes.map_type = static_cast<std::uint32_t>(map.type);
    attributes.key_size = map.key_size_bytes;
    attributes.value_size = map.value_size_bytes;
    attributes.max_entries = map.max_entries;
    attributes.map_flags = map.flags;
    return os::bpf_call(kMapCreate, &attributes, sizeof attributes);
}

RawInsn move_immediate(std::uint8_t reg, std::int32_t number) { return {0xb7, reg, 0, number}; }
RawInsn move_register(std::uint8_t reg, std::uint8_t from) {
    return {0xbf, static_cast<std::uint8_t>(reg | (from << 4)), 0, 0};
}

void append_wide(std::vector<RawInsn>& program, std::uint8_t reg, std::uint8_t source, int fd) {
    program.push_back({0x18, static_cast<std::uint8_t>(reg | (source << 4)), 0, fd});
    program.push_back({});
}

// The last line that says something: statistics follow it, details come before.
std::string telling_line(const std::string& log) {
    std::string before;
    std::size_t start = 0;
    while (start < log.size()) {
        const std::size_t end = std::min(log.find('\n', start), log.size());
        const std::string line = log.substr(start, end - start);
        if (line.starts_with("processed ")) {
            break;
        }
        if (!line.empty()) {
            before = line;
        }
        start = end + 1;
    }
    return before;
}

} // namespace

std::string_view name_of(Offer offer) {
    constexpr std::array<std::string_view, 9> kNames{"nothing", "0",   "1",   "16",       "-1",
                                                     "stack",   "ctx", "map", "map value"};
    return kNames[static_cast<std::size_t>(offer)];
}

std::string text_of(const Call& call) {
    const spec::HelperRow& row = *spec::find_helper(static_cast<std::uint32_t>(call.helper));
    std::string text = fmt::format("{} program, attach type {}: {}(", spec::find(call.type)->name,
                                   static_cast<std::uint32_t>(call.attach), row.name);
    for (const Offer offer : call.offers) {
        text += fmt::format("{}{}", text.ends_with("(") ? "" : ", ", name_of(offer));
    }
    return text + ")";
}

bool LawBench::is_available() {
    const long fd = create(shape_of(MapType::array));
    if (fd >= 0) {
        const os::Fd closed(static_cast<int>(fd));
    }
    return fd >= 0;
}

LawBench::LawBench() {
    if (const Result<ByteVector> raw = os::read_file("/sys/kernel/btf/vmlinux"); raw.ok()) {
        if (Result<btf::Btf> types = btf::Btf::parse(*raw); types.ok()) {
            kernel_types_ = std::move(types).value();
        }
    }
    spec::MapSpec values = shape_of(MapType::array);
    values.value_size_bytes = kValueBytes;
    values.max_entries = 1;
    const auto add = [this](const spec::MapSpec& map) {
        const long fd = create(map);
        if (fd >= 0) {
            specs_.push_back(map);
            maps_.emplace_back(static_cast<int>(fd));
        }
    };
    add(values);
    for (const spec::MapTypeRow& row : spec::kMapTypes) {
        if (row.type != MapType::unspec && row.types != spec::MapTypes::required) {
            add(shape_of(row.type));
        }
    }
}

bool LawBench::has_map_for(spec::Helper helper) const {
    const spec::MapTypeSet types = spec::maps_of_helper(static_cast<std::uint32_t>(helper));
    return types.empty() || types.contains(specs_[map_for(helper)].type);
}

std::size_t LawBench::map_for(spec::Helper helper) const {
    const spec::MapTypeSet types = spec::maps_of_helper(static_cast<std::uint32_t>(helper));
    std::size_t chosen = 0;
    for (std::size_t i = 1; i < specs_.size(); ++i) {
        if (types.contains(specs_[i].type)) {
            return i;
        }
        chosen = specs_[i].type == MapType::hash ? i : chosen;
    }
    return chosen;
}

Answer LawBench::kernel(const Call& call) const {
    std::vector<RawInsn> program{move_register(6, 1)};
    for (int offset = -kStackBytes; offset < 0; offset += 8) {
        program.push_back({0x7a, 10, static_cast<std::int16_t>(offset), 0});
    }
    // R1 is set last: until then it holds the context.
    for (std::uint8_t reg = 5; reg >= 1; --reg) {
        switch (call.offers[reg - 1U]) {
        case Offer::nothing:
            break;
        case Offer::zero:
            program.push_back(move_immediate(reg, 0));
            break;
        case Offer::one:
            program.push_back(move_immediate(reg, 1));
            break;
        case Offer::sixteen:
            program.push_back(move_immediate(reg, 16));
            break;
        case Offer::negative:
            program.push_back(move_immediate(reg, -1));
            break;
        case Offer::stack:
            program.push_back(move_register(reg, 10));
            program.push_back({0x07, reg, 0, -kStackBytes});
            break;
        case Offer::context:
            program.push_back(move_register(reg, 6));
            break;
        case Offer::map:
            append_wide(program, reg, 1, maps_[map_for(call.helper)].number());
            break;
        case Offer::map_value:
            append_wide(program, reg, 2, maps_[0].number());
            break;
        }
    }
    program.push_back({0x85, 0, 0, static_cast<std::int32_t>(call.helper)});
    program.push_back(move_immediate(0, 1)); // within every return range
    program.push_back({0x95, 0, 0, 0});

    std::string log(1U << 16, '\0');
    abi::ProgLoadAttr attributes{};
    attributes.prog_type = static_cast<std::uint32_t>(call.type);
    attributes.expected_attach_type = static_cast<std::uint32_t>(call.attach);
    attributes.prog_flags = call.sleepable ? kSleepable : 0;
    attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
    attributes.insns = pointer(program.data());
    attributes.license = pointer(call.gpl ? "GPL" : "MIT");
    attributes.log_level = 1;
    attributes.log_size = static_cast<std::uint32_t>(log.size());
    attributes.log_buf = pointer(log.data());
    const long result = os::bpf_call(kProgLoad, &attributes, sizeof attributes);
    if (result >= 0) {
        const os::Fd closed(static_cast<int>(result));
        return {true, {}};
    }
    return {false, telling_line(log.substr(0, log.find('\0')))};
}

Answer LawBench::ours(const Call& call) const {
    ProgramSpec program;
    program.type = call.type;
    program.expected_attach_type = static_cast<std::uint32_t>(call.attach);
    program.flags = call.sleepable ? kSleepable : 0;
    program.license = call.gpl ? "GPL" : "MIT";
    verify::Environment environment;
    environment.maps = specs_;
    environment.kernel_types = kernel_types_.has_value() ? &*kernel_types_ : nullptr;
    verify::Subject subject{program, environment, {}, {}};
    Insn insn;
    insn.kind = InsnKind::call_helper;
    insn.imm = static_cast<std::int32_t>(call.helper);
    subject.insns.push_back(insn);

    verify::State state = verify::State::entering(0);
    state.sleepable = call.sleepable;
    state.stack_for_write(0).set_bytes(-kStackBytes, kStackBytes, verify::SlotByte::zero);
    state.set_reg(1, Value::pointer(ValueKind::context));
    for (Reg reg = 1; reg <= 5; ++reg) {
        const auto offered = [&]() -> std::optional<Value> {
            switch (call.offers[reg - 1U]) {
            case Offer::nothing:
                return std::nullopt;
            case Offer::zero:
                return Value::constant(0);
            case Offer::one:
                return Value::constant(1);
            case Offer::sixteen:
                return Value::constant(16);
            case Offer::negative:
                return Value::constant(~0ULL);
            case Offer::stack:
                return Value::stack_pointer(0, -kStackBytes);
            case Offer::context:
                return Value::pointer(ValueKind::context);
            case Offer::map:
                return Value::pointer(ValueKind::map_pointer, 0,
                                      static_cast<std::uint32_t>(map_for(call.helper)));
            case Offer::map_value:
                return Value::pointer(ValueKind::map_value, 0, 0);
            }
            return std::nullopt;
        }();
        if (offered.has_value()) {
            state.set_reg(reg, *offered);
        }
    }
    const verify::Ruling<verify::CallPlan> ruling =
        verify::check_helper_call(subject, state, InsnIndex{0});
    return ruling.ok() ? Answer{true, {}} : Answer{false, ruling.finding().kernel_message};
}

} // namespace skep::tests
