// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/program/program_info.hpp"

#include <optional>

#include "skep/syscall/program/program_request.hpp"

namespace skep::syscall {
namespace {

using registry::ProgramObject;
using spec::WideSource;

constexpr std::uint32_t kFunctionRecord = 8;
constexpr std::uint32_t kLineRecord = 16;
constexpr std::uint32_t kAddress = 8;

// The running instructions with map ids where they have indexes, as tools expect them.
ByteVector running_insns(const ProgramObject& object) {
    const auto running = object.program->insns();
    std::vector<RawInsn> shown(running.begin(), running.end());
    for (std::size_t i = 0; i + 1 < shown.size(); ++i) {
        constexpr std::uint8_t kLoadWide = 0x18;
        if (shown[i].opcode != kLoadWide) {
            continue;
        }
        const auto source = static_cast<WideSource>(shown[i].src());
        const bool is_map = source == WideSource::map_index;
        const bool is_value = source == WideSource::map_value_index;
        const auto index = static_cast<std::uint32_t>(shown[i].imm);
        if ((is_map || is_value) && index < object.maps.size()) {
            const auto kind = is_map ? WideSource::map_fd : WideSource::map_value_fd;
            shown[i].registers =
                static_cast<std::uint8_t>(shown[i].dst() | static_cast<unsigned>(kind) << 4);
            shown[i].imm = static_cast<std::int32_t>(object.maps[index]->id());
        }
        ++i;
    }
    ByteVector bytes(shown.size() * sizeof(RawInsn));
    std::memcpy(bytes.data(), shown.data(), bytes.size());
    return bytes;
}

ByteVector function_records(const verify::VerifiedProgram& program) {
    ByteWriter records;
    for (const verify::SubprogramFacts& subprogram : program.subprograms()) {
        const InsnIndex origin = program.origin(subprogram.start);
        for (const FunctionInfo& function : program.spec().functions) {
            if (function.insn == origin) {
                records.write(subprogram.start.value);
                records.write(function.btf_type_id);
            }
        }
    }
    return records.take();
}

// A line begins where the instruction that it was given for still runs, or the first after it that
// does; lines of which nothing is left are gone.
struct RunningLine {
    std::uint32_t insn = 0;
    const LineInfo* line = nullptr;
};
std::vector<RunningLine> running_lines(const verify::VerifiedProgram& program) {
    const auto& lines = program.spec().lines;
    std::vector<RunningLine> shown;
    const auto count = static_cast<std::uint32_t>(program.insns().size());
    for (std::uint32_t i = 0; i < count && !lines.empty(); ++i) {
        const InsnIndex origin = program.origin(InsnIndex(i));
        auto after =
            std::upper_bound(lines.begin(), lines.end(), origin,
                             [](InsnIndex insn, const LineInfo& line) { return insn < line.insn; });
        if (after == lines.begin()) {
            continue;
        }
        const LineInfo* line = &*std::prev(after);
        if (shown.empty() || shown.back().line != line) {
            shown.push_back({i, line});
        }
    }
    return shown;
}

ByteVector line_records(const std::vector<RunningLine>& lines) {
    ByteWriter records;
    for (const RunningLine& each : lines) {
        records.write(each.insn);
        records.write(each.line->file_name_offset);
        records.write(each.line->line_offset);
        records.write(each.line->line_column);
    }
    return records.take();
}

// Tags of single functions, over the instructions as given; one that is the whole program has the
// program's tag.
ByteVector function_tags(const ProgramObject& object) {
    const verify::VerifiedProgram& program = *object.program;
    if (program.subprograms().size() == 1) {
        return {object.tag.begin(), object.tag.end()};
    }
    std::vector<std::uint32_t> starts;
    for (const verify::SubprogramFacts& subprogram : program.subprograms()) {
        starts.push_back(program.origin(subprogram.start).value);
    }
    const std::span<const RawInsn> insns = program.spec().insns;
    ByteVector tags;
    for (const std::uint32_t start : starts) {
        std::uint32_t end = static_cast<std::uint32_t>(insns.size());
        for (const std::uint32_t other : starts) {
            end = other > start && other < end ? other : end;
        }
        const auto tag = tag_of(insns.subspan(start, end - start));
        tags.insert(tags.end(), tag.begin(), tag.end());
    }
    return tags;
}

// Machine code as arrays; all empty when there is none.
struct MachineCode {
    ByteVector bytes;
    ByteVector addresses; // of functions
    ByteVector lengths;   // of functions
    ByteVector line_addresses;
};
MachineCode machine_code(const ProgramObject& object, const std::vector<RunningLine>& lines) {
    MachineCode code;
    const auto listing = object.listing == nullptr ? std::nullopt : object.listing->listing();
    if (!listing) {
        return code;
    }
    code.bytes.assign(listing->bytes.begin(), listing->bytes.end());
    ByteWriter addresses;
    ByteWriter lengths;
    const auto& starts = listing->subprogram_offsets;
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const auto end = i + 1 < starts.size() ? starts[i + 1]
                                               : static_cast<std::uint32_t>(listing->bytes.size());
        addresses.write(listing->address + starts[i]);
        lengths.write(end - starts[i]);
    }
    ByteWriter line_addresses;
    for (const RunningLine& line : lines) {
        if (line.insn < listing->insn_offsets.size()) {
            line_addresses.write(listing->address + listing->insn_offsets[line.insn]);
        }
    }
    code.addresses = addresses.take();
    code.lengths = lengths.take();
    code.line_addresses = line_addresses.take();
    return code;
}

// Puts an array where the caller wants it, and its full count into the record.
Result<void> put(Call& call, std::uint64_t address, std::uint32_t& count, const ByteVector& all,
                 std::size_t entry_bytes) {
    TRY(put_array(call, {address, count}, all, entry_bytes));
    count = static_cast<std::uint32_t>(all.size() / entry_bytes);
    return {};
}

Result<void> check_record_sizes(const abi::ProgInfo& info) {
    const bool fine = (info.nr_func_info == 0 || info.func_info_rec_size == kFunctionRecord) &&
                      (info.nr_line_info == 0 || info.line_info_rec_size == kLineRecord) &&
                      (info.nr_jited_line_info == 0 || info.jited_line_info_rec_size == kAddress);
    return fine ? Result<void>() : answer(EINVAL, "record sizes that this engine does not give");
}

Result<void> put_arrays(Call& call, const ProgramObject& object, abi::ProgInfo& info) {
    const verify::VerifiedProgram& program = *object.program;
    const auto lines = running_lines(program);
    const MachineCode code = machine_code(object, lines);
    ByteWriter map_ids;
    for (const auto& map : object.used_maps) {
        map_ids.write(map->id());
    }
    TRY(put(call, info.map_ids, info.nr_map_ids, map_ids.bytes(), 4));
    TRY(put(call, info.xlated_prog_insns, info.xlated_prog_len, running_insns(object), 1));
    TRY(put(call, info.jited_prog_insns, info.jited_prog_len, code.bytes, 1));
    TRY(put(call, info.jited_ksyms, info.nr_jited_ksyms, code.addresses, kAddress));
    TRY(put(call, info.jited_func_lens, info.nr_jited_func_lens, code.lengths, 4));
    TRY(put(call, info.func_info, info.nr_func_info, function_records(program), kFunctionRecord));
    TRY(put(call, info.line_info, info.nr_line_info, line_records(lines), kLineRecord));
    TRY(put(call, info.jited_line_info, info.nr_jited_line_info, code.line_addresses, kAddress));
    TRY(put(call, info.prog_tags, info.nr_prog_tags, function_tags(object), abi::kTagSize));
    return {};
}

} // namespace

Result<long> program_info(Call& call, const ProgramObject& object, InfoRecord record) {
    auto info = TRY(record.read<abi::ProgInfo>(call));
    if (info.padding != 0) {
        return answer(E2BIG, "the record has a part that this engine does not know");
    }
    TRY(check_record_sizes(info));
    TRY(put_arrays(call, object, info));
    const registry::RunCounts counts = call.engine.host.counts_of(object);
    info.type = static_cast<std::uint32_t>(object.program->spec().type);
    info.id = object.id();
    std::copy(object.tag.begin(), object.tag.end(), std::begin(info.tag));
    info.load_time = object.load_time_ns;
    info.created_by_uid = object.uid;
    std::memset(info.name, 0, sizeof info.name);
    std::copy_n(object.name.begin(), std::min(object.name.size(), sizeof info.name - 1),
                std::begin(info.name));
    info.ifindex = 0;
    info.gpl_compatible = object.gpl_compatible ? 1 : 0;
    info.netns_dev = 0;
    info.netns_ino = 0;
    info.btf_id = object.types == nullptr ? 0 : object.types->id();
    info.func_info_rec_size = kFunctionRecord;
    info.line_info_rec_size = kLineRecord;
    info.jited_line_info_rec_size = kAddress;
    info.run_time_ns = counts.time_ns;
    info.run_cnt = counts.runs;
    info.recursion_misses = counts.misses;
    info.verified_insns = static_cast<std::uint32_t>(object.program->verified_insns());
    info.attach_btf_obj_id = 0;
    info.attach_btf_id = object.program->spec().attach_btf_id;
    return record.write(call, info);
}

} // namespace skep::syscall
