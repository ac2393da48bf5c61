// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/judges.hpp"

#include <cctype>
#include <cerrno>

#include "skep/client/bpf_call.hpp"

namespace skep::tests::campaign {
namespace {

constexpr std::uint32_t kLogBytes = 1U << 16;

// The records that describe functions, as PROG_LOAD takes them; lines are left at home.
std::vector<std::array<std::uint32_t, 2>> functions_of(const ProgramSpec& program) {
    std::vector<std::array<std::uint32_t, 2>> functions;
    for (const FunctionInfo& function : program.functions) {
        functions.push_back({function.insn.value, function.btf_type_id});
    }
    return functions;
}

struct Load {
    abi::ProgLoadAttr attributes = {};
    std::vector<std::array<std::uint32_t, 2>> functions;
};

void fill(Load& load, const World& world, const ProgramSpec& program) {
    abi::ProgLoadAttr& attr = load.attributes;
    attr.prog_type = static_cast<std::uint32_t>(program.type);
    attr.insns = client::address_of(program.insns.data());
    attr.insn_cnt = static_cast<std::uint32_t>(program.insns.size());
    attr.license = client::address_of(program.license.c_str());
    attr.kern_version = program.kernel_version;
    attr.prog_flags = program.flags;
    attr.expected_attach_type = program.expected_attach_type;
    attr.attach_btf_id = program.attach_btf_id;
    attr.fd_array = client::address_of(world.map_fds.data());
    if (world.loaded.types.is_open()) {
        attr.prog_btf_fd = static_cast<std::uint32_t>(world.loaded.types.number());
    }
    if (world.loaded.types.is_open() && !program.functions.empty()) {
        load.functions = functions_of(program);
        attr.func_info_rec_size = sizeof(load.functions[0]);
        attr.func_info = client::address_of(load.functions.data());
        attr.func_info_cnt = static_cast<std::uint32_t>(load.functions.size());
    }
}

// The last line before the statistics.
std::string last_line(const std::string& log) {
    std::string last;
    for (std::size_t begin = 0; begin < log.size();) {
        const std::size_t end = std::min(log.find('\n', begin), log.size());
        const std::string line = log.substr(begin, end - begin);
        if (!line.empty() && line.rfind("processed ", 0) != 0) {
            last = line;
        }
        begin = end + 1;
    }
    return last;
}

} // namespace

Opinion Judges::ours(const World& world, const ProgramSpec& program) const {
    verify::Environment environment;
    environment.maps = world.maps;
    environment.program_types = world.object.types ? &*world.object.types : nullptr;
    environment.kernel_types = kernel_types_;
    environment.cpu_count = 2;
    environment.instruction_limit = kInsnLimit;
    const verify::Outcome outcome = verify::verify(program, environment);
    Opinion opinion;
    opinion.insns_processed = outcome.statistics.insns_processed;
    if (outcome.verdict == verify::Verdict::accept) {
        opinion.kind = Opinion::Kind::accept;
        return opinion;
    }
    opinion.says_nothing = outcome.message.empty();
    opinion.message = outcome.message.empty() && !outcome.findings.empty()
                          ? outcome.findings.front().because
                          : outcome.message;
    const bool gave_up = outcome.os_errno == E2BIG;
    opinion.kind = gave_up ? Opinion::Kind::none : Opinion::Kind::reject;
    return opinion;
}

Opinion Judges::kernels(const World& world, const ProgramSpec& program) const {
    Load load;
    fill(load, world, program);
    const long answer = client::call(kernel_, spec::Command::prog_load, load.attributes);
    const bool not_judged = answer == -EPERM || answer == -ENOMEM || answer == -EAGAIN ||
                            answer == -EINTR || answer == -E2BIG; // E2BIG: it gave up
    Opinion opinion;
    opinion.kind = answer >= 0  ? Opinion::Kind::accept
                   : not_judged ? Opinion::Kind::none
                                : Opinion::Kind::reject;
    os::Fd closed(answer >= 0 ? static_cast<int>(answer) : -1);
    return opinion;
}

std::string Judges::kernel_message(const World& world, const ProgramSpec& program) const {
    constexpr std::uint32_t kPathLog = 1;
    Load load;
    fill(load, world, program);
    std::string log(kLogBytes, '\0');
    load.attributes.log_level = kPathLog;
    load.attributes.log_buf = client::address_of(log.data());
    load.attributes.log_size = kLogBytes;
    const long answer = client::call(kernel_, spec::Command::prog_load, load.attributes);
    os::Fd closed(answer >= 0 ? static_cast<int>(answer) : -1);
    const std::string message = last_line(log.c_str());
    return message.empty() && answer < 0 ? "errno " + std::to_string(-answer) : message;
}

Disagreement compare(const Opinion& ours, const Opinion& kernels) {
    using Kind = Opinion::Kind;
    if (ours.kind == kernels.kind || ours.kind == Kind::none || kernels.kind == Kind::none) {
        return Disagreement::nothing;
    }
    return ours.kind == Kind::accept ? Disagreement::only_skep_accepts
                                     : Disagreement::only_kernel_accepts;
}

std::string cause_of(const std::string& message) {
    std::string cause;
    for (const char letter : message) {
        const bool digit = std::isdigit(static_cast<unsigned char>(letter)) != 0;
        if (!digit) {
            cause += letter;
        } else if (cause.empty() || cause.back() != 'N') {
            cause += 'N';
        }
    }
    return cause;
}

} // namespace skep::tests::campaign
