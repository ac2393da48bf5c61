// SPDX-License-Identifier: Apache-2.0
//
// A program that answers 2 is run here and by the kernel on the same inputs: sizes, contexts with
// each byte set, rooms for the answer. The answers must agree. Skipped where bpf(2) is not to be
// had.
#include <cerrno>
#include <cstring>
#include <optional>

#include <gtest/gtest.h>

#include "skep/os/bpf_call.hpp"
#include "skep/os/fd.hpp"
#include "skep/run/test_run.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::run {
namespace {

using spec::ProgramType;

// Stands for compiled code.
class Function final : public Executable {
  public:
    using Body = std::uint64_t (*)(void* context, helpers::Invocation& invocation);
    explicit Function(Body body) : body_(body) {}
    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override {
        return body_(context, invocation);
    }
    [[nodiscard]] Tier tier() const override { return Tier::interpreter; }

  private:
    Body body_;
};

std::uint64_t answer_two(void*, helpers::Invocation&) { return 2; }

std::optional<os::Fd> load_in_kernel(ProgramType type) {
    // r0 = 2; exit
    const std::uint64_t insns[] = {0x00000002000000b7, 0x0000000000000095};
    abi::ProgLoadAttr attr{};
    attr.prog_type = static_cast<std::uint32_t>(type);
    attr.insn_cnt = 2;
    attr.insns = reinterpret_cast<std::uint64_t>(insns);
    attr.license = reinterpret_cast<std::uint64_t>("GPL");
    constexpr std::uint32_t kSleepable = 1U << 4;
    attr.prog_flags = type == ProgramType::syscall ? kSleepable : 0;
    constexpr std::uint32_t kEgress = 1; // where a cgroup_skb program may return 2
    attr.expected_attach_type = type == ProgramType::cgroup_skb ? kEgress : 0;
    constexpr int kProgLoad = 5;
    const long fd = os::bpf_call(kProgLoad, &attr, sizeof attr);
    return fd < 0 ? std::nullopt : std::optional<os::Fd>(os::Fd(static_cast<int>(fd)));
}

// What both sides are asked and what they answer, made comparable.
struct Outcome {
    int error = 0;
    std::uint32_t retval = 0, data_size = 0, context_size = 0;
    ByteVector data = {}, context = {};
    bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
    out << "error " << o.error << " retval " << o.retval << " data " << o.data_size << " ctx "
        << o.context_size << " [";
    for (const auto byte : o.context) {
        out << int{byte} << ' ';
    }
    out << "] [";
    for (std::size_t i = 0; i < std::min<std::size_t>(o.data.size(), 80); ++i) {
        out << int{o.data[i]} << ' ';
    }
    return out << "]";
}

Outcome ask_kernel(const os::Fd& program, const TestRun& run) {
    Outcome outcome;
    ByteVector context = run.context_in;
    outcome.data.resize(run.data_out_room);
    outcome.context.resize(run.context_out_room);
    abi::TestRunAttr attr{};
    attr.prog_fd = static_cast<std::uint32_t>(program.number());
    attr.data_in = run.data_in.empty() ? 0 : reinterpret_cast<std::uint64_t>(run.data_in.data());
    attr.data_size_in = static_cast<std::uint32_t>(run.data_in.size());
    attr.ctx_in = context.empty() ? 0 : reinterpret_cast<std::uint64_t>(context.data());
    attr.ctx_size_in = static_cast<std::uint32_t>(context.size());
    attr.data_out = run.wants_data_out ? reinterpret_cast<std::uint64_t>(outcome.data.data()) : 0;
    attr.data_size_out = run.data_out_room;
    attr.ctx_out =
        run.wants_context_out ? reinterpret_cast<std::uint64_t>(outcome.context.data()) : 0;
    attr.ctx_size_out = run.context_out_room;
    attr.repeat = run.repeat;
    attr.flags = run.flags;
    attr.cpu = run.cpu;
    attr.batch_size = run.batch_size;
    constexpr int kTestRun = 10;
    outcome.error = static_cast<int>(-os::bpf_call(kTestRun, &attr, sizeof attr));
    if (outcome.error != 0 && outcome.error != ENOSPC) {
        return Outcome{.error = outcome.error};
    }
    outcome.retval = attr.retval;
    outcome.data_size = attr.data_size_out;
    outcome.context_size = run.wants_context_out ? attr.ctx_size_out : 0;
    outcome.data.resize(run.wants_data_out ? std::min(run.data_out_room, attr.data_size_out) : 0);
    outcome.context.resize(
        run.wants_context_out ? std::min(run.context_out_room, outcome.context_size) : 0);
    return outcome;
}

Outcome ask_us(ProgramType type, const TestRun& run) {
    Function function(answer_two);
    TestSubject subject;
    subject.executable = &function;
    subject.type = type;
    const Result<TestRunAnswer> answer = perform_test_run(run, subject);
    if (!answer.ok()) {
        return Outcome{.error = errno_of(answer.error())};
    }
    Outcome outcome{answer->os_errno,         answer->retval,   answer->data_out_size,
                    answer->context_out_size, answer->data_out, answer->context_out};
    if (type == ProgramType::syscall) { // written back in place, not into a room
        outcome.context.clear();
        outcome.context_size = 0;
    }
    return outcome;
}

class TestRunAsKernel : public ::testing::TestWithParam<ProgramType> {
  protected:
    void SetUp() override {
        program_ = load_in_kernel(GetParam());
        if (!program_) {
            GTEST_SKIP() << "bpf(2) needs privilege";
        }
    }
    void compare(const TestRun& run, const std::string& what) {
        ASSERT_EQ(ask_us(GetParam(), run), ask_kernel(*program_, run)) << what;
    }
    static TestRun on_frame(std::size_t size) {
        TestRun run;
        run.data_in.resize(size, 0);
        for (std::size_t i = 0; i < std::min<std::size_t>(size, 6); ++i) {
            run.data_in[i] = 0xff;
        }
        if (size >= 14) {
            run.data_in[12] = 0x08;
        }
        return run;
    }
    std::optional<os::Fd> program_;
};

TEST_P(TestRunAsKernel, TakesTheSameSizesOfPackets) {
    for (const std::size_t size : {0U, 1U, 13U, 14U, 33U, 34U, 64U, 3408U, 3519U, 3520U, 3521U,
                                   3711U, 3712U, 3713U, 4096U, 4097U, 9000U, 73152U, 73153U}) {
        TestRun run = on_frame(size);
        compare(run, "size " + std::to_string(size));
        run.wants_data_out = true;
        for (const std::uint32_t room : {0U, 10U, 100'000U}) {
            run.data_out_room = room;
            if (GetParam() == ProgramType::xdp && size > 3520 && room == 10) {
                continue; // of a packet in fragments the kernel then tells neither size nor verdict
            }
            compare(run, "size " + std::to_string(size) + " room " + std::to_string(room));
        }
    }
    TestRun six = on_frame(53);
    six.data_in[12] = 0x86;
    six.data_in[13] = 0xdd;
    compare(six, "53 bytes of IPv6");
}

TEST_P(TestRunAsKernel, TakesTheSameContexts) {
    const bool packet =
        GetParam() != ProgramType::syscall && GetParam() != ProgramType::raw_tracepoint;
    const TestRun base = packet ? on_frame(64) : TestRun{};
    for (const std::size_t size : {1U, 8U, 24U, 56U, 96U, 97U, 192U, 200U, 4096U, 4097U}) {
        for (std::size_t at = 0; at < std::min<std::size_t>(size, 208); ++at) {
            TestRun run = base;
            run.context_in.resize(size);
            run.context_in[at] = 1;
            compare(run, "context of " + std::to_string(size) + ", byte " + std::to_string(at));
            if (packet && (size == 24 || size == 192 || size == 56)) {
                run.wants_context_out = true;
                run.context_out_room = 300;
                compare(run, "with ctx_out, byte " + std::to_string(at));
            }
        }
    }
}

class XdpTestRunAsKernel : public TestRunAsKernel {}; // only XDP has metadata

TEST_P(XdpTestRunAsKernel, TakesTheSameContexts) {
    for (const std::uint32_t meta : {0U, 1U, 3U, 4U, 8U, 32U, 48U, 52U, 64U, 216U, 220U}) {
        for (const std::uint32_t end : {0U, 4U, 30U, 48U, 62U, 64U, 65U, 300U, 512U}) {
            for (const std::size_t size : {64U, 300U}) {
                TestRun run = on_frame(size);
                run.context_in.resize(24);
                std::memcpy(run.context_in.data(), &meta, 4);
                std::memcpy(run.context_in.data() + 4, &end, 4);
                run.wants_context_out = run.wants_data_out = true;
                run.context_out_room = 24;
                run.data_out_room = 1000;
                compare(run, "meta " + std::to_string(meta) + " end " + std::to_string(end) +
                                 " of " + std::to_string(size));
            }
        }
    }
}

TEST_P(TestRunAsKernel, TakesTheSameFlags) {
    const bool packet =
        GetParam() != ProgramType::syscall && GetParam() != ProgramType::raw_tracepoint;
    for (const std::uint32_t flags : {0U, 1U, 4U, 8U, 16U, 1U << 31}) {
        for (const std::uint32_t repeat : {0U, 1U, 3U}) {
            for (const std::uint32_t batch : {0U, 1U}) {
                TestRun run = packet ? on_frame(64) : TestRun{};
                run.flags = flags;
                run.repeat = repeat;
                run.batch_size = batch;
                compare(run, "flags " + std::to_string(flags) + " repeat " +
                                 std::to_string(repeat) + " batch " + std::to_string(batch));
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, XdpTestRunAsKernel, ::testing::Values(ProgramType::xdp));
INSTANTIATE_TEST_SUITE_P(Kinds, TestRunAsKernel,
                         ::testing::Values(ProgramType::xdp, ProgramType::sched_cls,
                                           ProgramType::socket_filter, ProgramType::cgroup_skb,
                                           ProgramType::flow_dissector, ProgramType::raw_tracepoint,
                                           ProgramType::syscall),
                         [](const auto& instance) {
                             return std::string(spec::find(instance.param)->name);
                         });

TEST(TestRun, ShowsAnXdpProgramItsPacketAndGivesBackWhatItMadeOfIt) {
    Function function([](void* context, helpers::Invocation& invocation) -> std::uint64_t {
        auto& xdp = *static_cast<spec::HostXdp*>(context);
        const auto adjust_head = helpers::find_helper(44);
        auto* data = reinterpret_cast<std::uint8_t*>(xdp.data);
        data[20] = static_cast<std::uint8_t>(data[20] + 1); // changes add up over repeats
        return adjust_head(reinterpret_cast<std::uint64_t>(context), std::uint64_t{0} - 4, 0, 0, 0,
                           invocation);
    });
    TestSubject subject;
    subject.executable = &function;
    subject.type = ProgramType::xdp;
    TestRun run;
    run.data_in.resize(60, 7);
    run.wants_data_out = true;
    run.data_out_room = 1000;
    run.repeat = 3;
    const Result<TestRunAnswer> answer = perform_test_run(run, subject);
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->retval, 0U);
    EXPECT_EQ(answer->data_out_size, 72U);
    EXPECT_EQ(answer->data_out[12 + 20], 8);
    EXPECT_EQ(answer->data_out[8 + 20], 8);
    run.repeat = 55; // 54 x 4 = 216 bytes fit in front
    const Result<TestRunAnswer> full = perform_test_run(run, subject);
    EXPECT_EQ(static_cast<std::int32_t>(full->retval), -EINVAL);
    EXPECT_EQ(full->data_out_size, 60U + 216U);
}

} // namespace
} // namespace skep::run
