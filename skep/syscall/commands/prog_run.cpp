// SPDX-License-Identifier: Apache-2.0
//
// PROG_TEST_RUN, ENABLE_STATS, and what is like it for one program's instructions. The run itself
// happens where the host says; the answer may come much later, and then goes to a caller that may
// have gone away meanwhile.
#include <cerrno>

#include "skep/spec/private/private_abi.hpp"
#include "skep/syscall/commands/commands.hpp"

namespace skep::syscall {
namespace {

constexpr std::uint32_t kMostData = 1U << 20;
constexpr std::uint32_t kMostContext = 1U << 16;

Result<long> give_answer(Call& call, const TestRunAnswer& answered) {
    const auto attr = call.attr<abi::TestRunAttr>();
    const auto cut = [](const ByteVector& bytes, std::uint32_t room) {
        return Bytes(bytes).first(std::min<std::size_t>(bytes.size(), room));
    };
    if (attr.data_out != 0) {
        TRY(call.caller->write(attr.data_out, cut(answered.data_out, attr.data_size_out)));
    }
    if (attr.ctx_out != 0) {
        TRY(call.caller->write(attr.ctx_out, cut(answered.context_out, attr.ctx_size_out)));
    }
    if (attr.ctx_out == 0 && attr.ctx_in != 0 && !answered.context_out.empty()) {
        // Programs of type syscall change what they were given in place.
        TRY(call.caller->write(attr.ctx_in, cut(answered.context_out, attr.ctx_size_in)));
    }
    TRY(call.put(offsetof(abi::TestRunAttr, data_size_out), answered.data_out_size));
    TRY(call.put(offsetof(abi::TestRunAttr, ctx_size_out), answered.context_out_size));
    TRY(call.put(offsetof(abi::TestRunAttr, retval), answered.retval));
    TRY(call.put(offsetof(abi::TestRunAttr, duration), answered.duration_ns));
    if (answered.os_errno != 0) {
        return answer(answered.os_errno, "the result did not fit");
    }
    return 0L;
}

Result<TestRun> read_test_run(const Call& call, const abi::TestRunAttr& attr) {
    if ((attr.ctx_in == 0) != (attr.ctx_size_in == 0) ||
        (attr.ctx_out == 0) != (attr.ctx_size_out == 0)) {
        return answer(EINVAL, "a context's place and size belong together");
    }
    if (attr.data_size_in > kMostData) {
        return answer(ENOMEM, "more data than a test run takes");
    }
    if (attr.ctx_size_in > kMostContext) {
        return answer(E2BIG, "a longer context than a test run takes");
    }
    TestRun run;
    run.data_in = TRY(call.read_bytes(attr.data_in, attr.data_size_in));
    run.context_in = TRY(call.read_bytes(attr.ctx_in, attr.ctx_size_in));
    run.has_context_in = attr.ctx_in != 0;
    run.wants_data_out = attr.data_out != 0;
    run.wants_context_out = attr.ctx_out != 0;
    run.data_out_room = attr.data_size_out;
    run.context_out_room = attr.ctx_size_out;
    run.repeat = attr.repeat;
    run.flags = attr.flags;
    run.cpu = attr.cpu;
    run.batch_size = attr.batch_size;
    return run;
}

} // namespace

Result<long> prog_test_run(const SharedCall& call) {
    const auto attr = call->attr<abi::TestRunAttr>();
    auto program = TRY(call->object_as<registry::ProgramObject>(attr.prog_fd));
    TestRun run = TRY(read_test_run(*call, attr));
    const auto caller = call->caller;
    TestRunRequest request{program, std::move(run), [caller] { return !caller->is_gone(); }};
    call->engine.host.test_run(std::move(request), [call](Result<TestRunAnswer> answered) {
        call->finish(answered.ok() ? give_answer(*call, *answered)
                                   : Result<long>(answered.error()));
    });
    return kPending;
}

Result<long> enable_stats(const SharedCall& call) {
    if (call->attr<abi::FdAttr>().fd != 0) {
        return answer(EINVAL, "no such statistics");
    }
    return call->caller->give(TRY(call->engine.host.enable_stats()));
}

Result<long> program_profile(const SharedCall& call) {
    const auto attr = call->attr<abi::ProgramProfileAttr>();
    if (attr.flags != 0) {
        return answer(EINVAL, "unknown flags");
    }
    auto program = TRY(call->object_as<registry::ProgramObject>(attr.fd));
    return call->caller->give(TRY(call->engine.host.profile(program)));
}

} // namespace skep::syscall
