// SPDX-License-Identifier: Apache-2.0
//
// Requests about programs.
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "skep/client/bpf_call.hpp"
#include "skep/spec/private/private_commands.hpp"

namespace skep::client {

using spec::Command;

namespace {

constexpr std::uint32_t kFirstLogBytes = 1U << 20;
constexpr std::uint32_t kMaxLogBytes = 64U << 20;
constexpr std::uint32_t kMaxEntries = 1U << 24; // of any array of a program's record

// One attempt. The log's buffer keeps its zeros, so its text ends where the engine stopped.
LoadAnswer try_load(Transport& engine, const ProgramRequest& request, std::uint32_t log_level,
                    std::uint32_t log_bytes) {
    abi::ProgLoadAttr attr = {};
    attr.prog_type = static_cast<std::uint32_t>(request.type);
    attr.insns = address_of(request.insns.data());
    attr.insn_cnt = static_cast<std::uint32_t>(request.insns.size());
    attr.license = address_of(request.license.c_str());
    attr.kern_version = request.kernel_version;
    attr.prog_flags = request.flags;
    attr.expected_attach_type = request.expected_attach_type;
    attr.prog_ifindex = request.ifindex;
    attr.attach_btf_id = request.attach_btf_id;
    put_name(attr.prog_name, request.name);
    if (request.btf_fd >= 0) {
        attr.prog_btf_fd = static_cast<std::uint32_t>(request.btf_fd);
        attr.func_info_rec_size = sizeof(request.functions[0]);
        attr.func_info = address_of(request.functions.data());
        attr.func_info_cnt = static_cast<std::uint32_t>(request.functions.size());
        attr.line_info_rec_size = sizeof(request.lines[0]);
        attr.line_info = address_of(request.lines.data());
        attr.line_info_cnt = static_cast<std::uint32_t>(request.lines.size());
    }
    std::string log;
    if (log_level != 0) {
        log.resize(log_bytes);
        attr.log_level = log_level;
        attr.log_buf = address_of(log.data());
        attr.log_size = log_bytes;
    }
    LoadAnswer answer;
    answer.answer = call(engine, Command::prog_load, attr);
    answer.log = log.c_str();
    if (answer.answer >= 0) {
        answer.program = os::Fd(static_cast<int>(answer.answer));
    }
    return answer;
}

} // namespace

LoadAnswer load_program(Transport& engine, const ProgramRequest& request) {
    LoadAnswer answer = try_load(engine, request, request.log_level, kFirstLogBytes);
    const bool wants_log = answer.answer < 0 && answer.answer != -ENOSPC && request.log_level == 0;
    constexpr std::uint32_t kPathLog = 1;
    const std::uint32_t level = request.log_level == 0 ? kPathLog : request.log_level;
    if (wants_log) {
        answer = try_load(engine, request, level, kFirstLogBytes);
    }
    for (std::uint32_t bytes = kFirstLogBytes * 8;
         answer.answer == -ENOSPC && bytes <= kMaxLogBytes; bytes *= 8) {
        answer = try_load(engine, request, level, bytes);
    }
    return answer;
}

std::string ProgramRecord::name() const { return text_of(info.name); }

std::string ProgramRecord::tag() const {
    std::string digits;
    for (const std::uint8_t byte : info.tag) {
        digits += fmt::format("{:02x}", byte);
    }
    return digits;
}

namespace {

// Makes room for `count` entries in a vector, and notes its address and size in the record.
template <class Entry>
Result<void> make_room(std::vector<Entry>& entries, std::uint32_t count, std::uint64_t& address) {
    if (count > kMaxEntries) {
        return fail(
            Code::too_big,
            fmt::format("the engine says that an array of the program has {} entries", count));
    }
    entries.resize(count);
    address = count == 0 ? 0 : address_of(entries.data());
    return {};
}

template <class Entry>
void keep(std::vector<Entry>& entries, std::uint32_t count) {
    entries.resize(std::min<std::size_t>(entries.size(), count));
}

Result<void> make_room_for_code(ProgramRecord& record, const abi::ProgInfo& first) {
    abi::ProgInfo& info = record.info;
    TRY(make_room(record.xlated, first.xlated_prog_len / 8, info.xlated_prog_insns));
    info.xlated_prog_len = static_cast<std::uint32_t>(record.xlated.size() * 8);
    TRY(make_room(record.jited, first.jited_prog_len, info.jited_prog_insns));
    info.jited_prog_len = first.jited_prog_len;
    TRY(make_room(record.ksyms, first.nr_jited_ksyms, info.jited_ksyms));
    info.nr_jited_ksyms = first.nr_jited_ksyms;
    TRY(make_room(record.func_lens, first.nr_jited_func_lens, info.jited_func_lens));
    info.nr_jited_func_lens = first.nr_jited_func_lens;
    TRY(make_room(record.functions, first.nr_func_info, info.func_info));
    info.nr_func_info = first.nr_func_info;
    info.func_info_rec_size = sizeof(record.functions[0]);
    TRY(make_room(record.lines, first.nr_line_info, info.line_info));
    info.nr_line_info = first.nr_line_info;
    info.line_info_rec_size = sizeof(record.lines[0]);
    TRY(make_room(record.jited_lines, first.nr_jited_line_info, info.jited_line_info));
    info.nr_jited_line_info = first.nr_jited_line_info;
    info.jited_line_info_rec_size = sizeof(record.jited_lines[0]);
    TRY(make_room(record.tags, first.nr_prog_tags, info.prog_tags));
    info.nr_prog_tags = first.nr_prog_tags;
    return {};
}

} // namespace

Result<ProgramRecord> info_of_program(Transport& engine, int fd, ProgramParts parts) {
    abi::ProgInfo first = {};
    TRY(fill_info(engine, fd, first, "can't get prog info"));
    ProgramRecord record;
    TRY(make_room(record.map_ids, first.nr_map_ids, record.info.map_ids));
    record.info.nr_map_ids = first.nr_map_ids;
    if (parts == ProgramParts::code) {
        TRY(make_room_for_code(record, first));
    }
    if (parts == ProgramParts::code || first.nr_map_ids != 0) {
        TRY(fill_info(engine, fd, record.info, "can't get prog info"));
    } else {
        record.info = first;
    }
    const abi::ProgInfo& info = record.info;
    keep(record.map_ids, info.nr_map_ids);
    keep(record.xlated, info.xlated_prog_insns == 0 ? 0 : info.xlated_prog_len / 8);
    keep(record.jited, info.jited_prog_insns == 0 ? 0 : info.jited_prog_len);
    keep(record.ksyms, info.jited_ksyms == 0 ? 0 : info.nr_jited_ksyms);
    keep(record.func_lens, info.jited_func_lens == 0 ? 0 : info.nr_jited_func_lens);
    keep(record.functions, info.func_info == 0 ? 0 : info.nr_func_info);
    keep(record.lines, info.line_info == 0 ? 0 : info.nr_line_info);
    keep(record.jited_lines, info.jited_line_info == 0 ? 0 : info.nr_jited_line_info);
    keep(record.tags, info.prog_tags == 0 ? 0 : info.nr_prog_tags);
    return record;
}

Result<std::vector<std::uint32_t>> code_offsets(Transport& engine, int fd) {
    std::vector<std::uint32_t> offsets;
    if (engine.engine() != EngineKind::user) {
        return offsets;
    }
    constexpr auto kCommand = static_cast<Command>(spec::PrivateCommand::program_code);
    abi::ProgramCodeAttr attr = {};
    for (int round = 0; round < 2; ++round) { // the first tells how many there are
        attr.fd = static_cast<std::uint32_t>(fd);
        TRY(make_room(offsets, attr.needed, attr.offsets));
        attr.count = attr.needed;
        if (const long answer = call(engine, kCommand, attr); answer < 0) {
            return refused(engine, kCommand, answer, "where the instructions' machine code lies");
        }
    }
    keep(offsets, attr.needed);
    return offsets;
}

Result<os::Fd> profile(Transport& engine, int fd) {
    constexpr auto kCommand = static_cast<Command>(spec::PrivateCommand::program_profile);
    abi::ProgramProfileAttr attr = {};
    attr.fd = static_cast<std::uint32_t>(fd);
    const long answer = call(engine, kCommand, attr);
    if (answer < 0) {
        return refused(engine, kCommand, answer, "counting the program's instructions");
    }
    return os::Fd(static_cast<int>(answer));
}

Result<TestRunAnswer> test_run(Transport& engine, int fd, const TestRun& run) {
    TestRunAnswer result;
    result.data_out.resize(run.data_out_bytes);
    result.context_out.resize(run.context_out_bytes);
    abi::TestRunAttr attr = {};
    attr.prog_fd = static_cast<std::uint32_t>(fd);
    attr.repeat = run.repeat;
    attr.data_in = run.data_in.empty() ? 0 : address_of(run.data_in.data());
    attr.data_size_in = static_cast<std::uint32_t>(run.data_in.size());
    attr.data_out = run.data_out_bytes == 0 ? 0 : address_of(result.data_out.data());
    attr.data_size_out = run.data_out_bytes;
    attr.ctx_in = run.context_in.empty() ? 0 : address_of(run.context_in.data());
    attr.ctx_size_in = static_cast<std::uint32_t>(run.context_in.size());
    attr.ctx_out = run.context_out_bytes == 0 ? 0 : address_of(result.context_out.data());
    attr.ctx_size_out = run.context_out_bytes;
    const long answer = call(engine, Command::prog_test_run, attr);
    if (answer < 0) {
        return refused(engine, Command::prog_test_run, answer, "failed to run program");
    }
    result.retval = attr.retval;
    result.duration_ns = attr.duration;
    keep(result.data_out, attr.data_size_out);
    keep(result.context_out, attr.ctx_size_out);
    return result;
}

} // namespace skep::client
