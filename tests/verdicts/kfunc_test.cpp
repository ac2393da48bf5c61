// SPDX-License-Identifier: Apache-2.0
//
// Programs that call kernel functions, judged twice: with types made here, whose functions look as
// the kernel's do, and with those of the running kernel, which is then asked itself.
//
// Programs name functions ("call @bpf_rcu_read_lock"); the name becomes the number that it has in
// the types at hand.
#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"
#include "tests/support/kernel_program.hpp"
#include "tests/verdicts/judged_text.hpp"

namespace skep::tests {
namespace {

using btf::Kind;
using spec::ProgramType;

constexpr std::uint32_t kGlobal = 1;

// The functions that the cases call, with the kernel's parameters.
btf::Btf made_types() {
    btf::Builder types;
    const btf::TypeId number = types.integer("int", 4, btf::kIntSigned);
    const btf::TypeId word = types.integer("long unsigned int", 8);
    const btf::TypeId iterator =
        types.composite(Kind::structure, "bpf_iter_num", 8, {{"__opaque", word, 0}});
    const btf::TypeId inner = types.composite(Kind::structure, "list_head", 8, {{"next", word, 0}});
    const btf::TypeId inner_pointer = types.plain(Kind::pointer, "", inner);
    const btf::TypeId task = types.composite(Kind::structure, "task_struct", 16,
                                             {{"flags", word, 0}, {"tasks", inner_pointer, 64}});
    const btf::TypeId to_iterator = types.plain(Kind::pointer, "", iterator);
    const btf::TypeId to_number = types.plain(Kind::pointer, "", number);
    const btf::TypeId to_task = types.plain(Kind::pointer, "", task);
    const auto function = [&types](std::string_view name, btf::TypeId prototype) {
        types.plain(Kind::function, name, prototype, kGlobal);
    };
    const btf::TypeId nothing = types.prototype(0, {});
    function("bpf_rcu_read_lock", nothing);
    function("bpf_rcu_read_unlock", nothing);
    function("bpf_preempt_disable", nothing);
    function("bpf_preempt_enable", nothing);
    function("bpf_throw", types.prototype(0, {{"cookie", word}}));
    function("bpf_iter_num_new",
             types.prototype(number, {{"it", to_iterator}, {"start", number}, {"end", number}}));
    function("bpf_iter_num_next", types.prototype(to_number, {{"it", to_iterator}}));
    function("bpf_iter_num_destroy", types.prototype(0, {{"it", to_iterator}}));
    function("bpf_task_from_pid", types.prototype(to_task, {{"pid", number}}));
    function("bpf_task_acquire", types.prototype(to_task, {{"p", to_task}}));
    function("bpf_task_release", types.prototype(0, {{"p", to_task}}));
    function("crash_kexec", nothing);
    const btf::TypeId half = types.integer("unsigned int", 4);
    const btf::TypeId memory = types.plain(Kind::pointer, "", 0);
    function("bpf_copy_from_user_str", types.prototype(number, {{"dst", memory},
                                                                {"dst__sz", half},
                                                                {"unsafe_ptr__ign", memory},
                                                                {"flags", word}}));
    return types.build().value();
}

// Programs of system calls may sleep, or are not loaded at all.
std::uint32_t flags_of(ProgramType type) {
    constexpr std::uint32_t kSleepable = 1U << 4; // BPF_F_SLEEPABLE
    return type == ProgramType::syscall ? kSleepable : 0;
}

JudgedText judge(const std::string& text, const btf::Btf& types, ProgramType type,
                 std::string_view license = "GPL") {
    ProgramSpec kind;
    kind.type = type;
    kind.license = license;
    kind.flags = flags_of(type);
    return judge_text(text, types, std::move(kind));
}

// Judged with both kinds of types, and by the kernel; the message is the one with the types made
// here.
std::string verdict(const std::string& text, ProgramType type = ProgramType::sched_cls) {
    const JudgedText here = judge(text, made_types(), type);
    if (const std::optional<btf::Btf> types = kernel_types(); types.has_value()) {
        const JudgedText there = judge(text, *types, type);
        EXPECT_EQ(there.outcome.verdict, here.outcome.verdict) << there.outcome.log;
        if (kernel_is_available()) {
            const auto loaded = KernelProgram::load(there.program.insns, type, flags_of(type));
            EXPECT_EQ(loaded.ok(), here.accepted())
                << "the kernel says otherwise: " << (loaded.ok() ? "" : loaded.error().message);
        }
    }
    return here.words();
}

const std::string kAnswer = "r0 = 0\nexit\n";

std::string numbers(const std::string& start, const std::string& end) {
    return "r1 = r10\nr1 += -8\nr2 = " + start + "\nr3 = " + end + "\ncall @bpf_iter_num_new\n";
}
const std::string kNext = "r1 = r10\nr1 += -8\ncall @bpf_iter_num_next\n";
const std::string kDestroy = "r1 = r10\nr1 += -8\ncall @bpf_iter_num_destroy\n";

TEST(KernelFunctions, ALoopOverAnIteratorOfAnyLengthConverges) {
    EXPECT_EQ(verdict("r6 = 0\n" + numbers("0", "1000000") + "again:\n" + kNext +
                      "if r0 == 0 goto done\nr1 = *(u32 *)(r0 + 0)\nr6 += r1\ngoto again\ndone:\n" +
                      kDestroy + kAnswer),
              "accepted");
}

TEST(KernelFunctions, NestedIteratorsConverge) {
    const std::string inner_new = "r1 = r10\nr1 += -16\nr2 = 0\nr3 = 9\ncall @bpf_iter_num_new\n";
    const std::string inner_next = "r1 = r10\nr1 += -16\ncall @bpf_iter_num_next\n";
    const std::string inner_destroy = "r1 = r10\nr1 += -16\ncall @bpf_iter_num_destroy\n";
    EXPECT_EQ(verdict(numbers("0", "9") + "outer:\n" + kNext + "if r0 == 0 goto done\n" +
                      inner_new + "inner:\n" + inner_next + "if r0 != 0 goto inner\n" +
                      inner_destroy + "goto outer\ndone:\n" + kDestroy + kAnswer),
              "accepted");
}

// Here the kernel is not asked: it takes the second iterator for progress of the first.
TEST(KernelFunctions, ALoopThatMakesItsIteratorAnewNeverEnds) {
    const JudgedText judged = judge("r6 = r1\nagain:\n" + numbers("0", "9") + kNext + kDestroy +
                                        "r1 = *(u32 *)(r6 + 0)\nif r1 != 5 goto again\n" + kAnswer,
                                    made_types(), ProgramType::sched_cls);
    EXPECT_EQ(judged.outcome.verdict, verify::Verdict::reject) << judged.outcome.message;
}

TEST(KernelFunctions, AnIteratorIsUsedWholeAndGivenBack) {
    EXPECT_TRUE(verdict(numbers("0", "9") + kAnswer).find("reference leak") != std::string::npos);
    EXPECT_EQ(verdict(kNext + kAnswer), "expected an initialized iter_num as arg #0");
    EXPECT_EQ(verdict(numbers("0", "9") + numbers("0", "9") + kDestroy + kAnswer),
              "expected uninitialized iter_num as arg #0");
    EXPECT_NE(verdict(numbers("0", "9") + "r1 = 0\n*(u64 *)(r10 - 8) = r1\n" + kDestroy + kAnswer),
              "accepted");
    EXPECT_NE(verdict(numbers("0", "9") + "r1 = *(u64 *)(r10 - 8)\n" + kDestroy + kAnswer),
              "accepted");
    EXPECT_EQ(verdict(numbers("0", "9") + kDestroy + kDestroy + kAnswer),
              "expected an initialized iter_num as arg #0");
}

TEST(KernelFunctions, AnElementIsReadNotWrittenAndDiesWithItsIterator) {
    const std::string begin = numbers("0", "9") + kNext + "r6 = r0\nif r6 == 0 goto done\n";
    EXPECT_EQ(verdict(begin + "r1 = *(u32 *)(r6 + 0)\ndone:\n" + kDestroy + kAnswer), "accepted");
    EXPECT_NE(verdict(begin + "*(u32 *)(r6 + 0) = 1\ndone:\n" + kDestroy + kAnswer), "accepted");
    EXPECT_NE(verdict(begin + "r1 = *(u64 *)(r6 + 0)\ndone:\n" + kDestroy + kAnswer), "accepted");
    EXPECT_NE(verdict(begin + kDestroy + "r1 = *(u32 *)(r6 + 0)\n" + kAnswer + "done:\n" +
                      kDestroy + kAnswer),
              "accepted");
}

TEST(KernelFunctions, SectionsAreClosed) {
    EXPECT_EQ(verdict("call @bpf_rcu_read_lock\ncall @bpf_rcu_read_unlock\n" + kAnswer),
              "accepted");
    EXPECT_EQ(
        verdict("call @bpf_rcu_read_lock\n" + kAnswer),
        "BPF_EXIT instruction in main prog cannot be used inside bpf_rcu_read_lock-ed region");
    EXPECT_EQ(verdict("call @bpf_rcu_read_unlock\n" + kAnswer),
              "unmatched rcu read unlock (kernel function bpf_rcu_read_unlock)");
    EXPECT_EQ(verdict("call @bpf_rcu_read_lock\ncall @bpf_rcu_read_lock\n"
                      "call @bpf_rcu_read_unlock\ncall @bpf_rcu_read_unlock\n" +
                      kAnswer),
              "nested rcu read lock (kernel function bpf_rcu_read_lock)");
    EXPECT_EQ(verdict("call @bpf_preempt_disable\ncall @bpf_preempt_disable\n"
                      "call @bpf_preempt_enable\ncall @bpf_preempt_enable\n" +
                      kAnswer),
              "accepted");
    EXPECT_EQ(
        verdict("call @bpf_preempt_disable\n" + kAnswer),
        "BPF_EXIT instruction in main prog cannot be used inside bpf_preempt_disable-ed region");
    EXPECT_EQ(verdict("call @bpf_preempt_enable\n" + kAnswer),
              "unmatched attempt to enable preemption (kernel function bpf_preempt_enable)");
}

TEST(KernelFunctions, AnExceptionLeavesNothingOpen) {
    EXPECT_EQ(verdict("r1 = 0\ncall @bpf_throw\n" + kAnswer), "accepted");
    EXPECT_EQ(verdict("call @bpf_rcu_read_lock\nr1 = 0\ncall @bpf_throw\n"
                      "call @bpf_rcu_read_unlock\n" +
                      kAnswer),
              "bpf_throw cannot be used inside bpf_rcu_read_lock-ed region");
    EXPECT_NE(verdict(numbers("0", "9") + "r1 = 0\ncall @bpf_throw\n" + kDestroy + kAnswer),
              "accepted");
    EXPECT_NE(verdict("r1 = r10\ncall @bpf_throw\n" + kAnswer), "accepted");
}

TEST(KernelFunctions, ObjectsAreTakenTestedAndGivenBack) {
    const std::string find = "r1 = 1\ncall @bpf_task_from_pid\n";
    const std::string release = "r1 = r0\ncall @bpf_task_release\n";
    EXPECT_EQ(verdict(find + "if r0 == 0 goto out\n" + release + "out:\n" + kAnswer), "accepted");
    EXPECT_EQ(verdict(find + release + kAnswer), "Possibly NULL pointer passed to trusted arg0");
    EXPECT_NE(verdict(find + "if r0 == 0 goto out\nout:\n" + kAnswer), "accepted");
    EXPECT_NE(verdict(find + "if r0 == 0 goto out\nr6 = r0\n" + release +
                      "r1 = r6\ncall @bpf_task_release\nout:\n" + kAnswer),
              "accepted");
    EXPECT_NE(verdict(find +
                      "if r0 == 0 goto out\nr1 = r0\nr1 += 8\ncall @bpf_task_release\nout:\n" +
                      kAnswer),
              "accepted");
    EXPECT_NE(verdict("call @bpf_task_release\n" + kAnswer), "accepted");
    EXPECT_NE(verdict("r1 = r10\ncall @bpf_task_release\n" + kAnswer), "accepted");
}

TEST(KernelFunctions, TheGateKnowsTypesOfProgramsAndLicences) {
    EXPECT_EQ(verdict("r1 = 0\ncall @bpf_throw\n" + kAnswer, ProgramType::socket_filter),
              "calling kernel function bpf_throw is not allowed");
    const std::string section = "call @bpf_rcu_read_lock\ncall @bpf_rcu_read_unlock\n" + kAnswer;
    EXPECT_EQ(judge(section, made_types(), ProgramType::xdp, "Proprietary").outcome.message,
              "cannot call kernel function from non-GPL compatible program");
    EXPECT_EQ(
        judge("call @crash_kexec\n" + kAnswer, made_types(), ProgramType::xdp).outcome.message,
        "calling kernel function crash_kexec is not allowed");
}

// How much of the context is filled is a number like any size: bounded, and relied upon.
TEST(KernelFunctions, FillNoMoreOfTheContextThanTheSizeSays) {
    const auto copied = [](const std::string& size) {
        return verdict("r6 = r1\n" + size +
                           "r1 = r6\nr3 = 0\nr4 = 0\ncall @bpf_copy_from_user_str\n" + kAnswer,
                       ProgramType::syscall);
    };
    EXPECT_EQ(copied("r2 = 8\n"), "accepted");
    EXPECT_EQ(copied("r2 = 0\n"), "accepted");
    EXPECT_NE(copied("r2 = 200000\n"), "accepted");
    EXPECT_NE(copied("r2 = 0x80000000 ll\n"), "accepted");
    EXPECT_NE(copied("r2 = 0x100000008 ll\n"), "accepted");
    EXPECT_NE(copied("call 5\nr2 = r0\n"), "accepted");
    const std::string one_of_two =
        "call 7\nr7 = r0\ncall 7\nr8 = r0\n"
        "call 7\nr2 = 8\nif r0 == 5 goto long\ngoto join\n"
        "long:\nr2 = 200000\njoin:\nr1 = 1\nr3 = 1\nr4 = 1\nr5 = 1\n"
        "if r7 == 0 goto one\nr1 = 3\none:\nif r8 == 0 goto two\nr3 = 3\ntwo:\n"
        "if r8 == 1 goto three\nr4 = 3\nr3 = 1\nthree:\n";
    EXPECT_NE(copied(one_of_two), "accepted");
}

TEST(KernelFunctions, AnyNumberMayStandWhereAFunctionIsNamed) {
    const btf::Btf types = made_types();
    for (std::int32_t id = -2; id < static_cast<std::int32_t>(types.type_count()) + 2; ++id) {
        const JudgedText judged = judge("r1 = r10\nr1 += -8\nr2 = 0\nr3 = 0\ncall kfunc#" +
                                            std::to_string(id) + "\n" + kAnswer,
                                        types, ProgramType::xdp);
        EXPECT_NE(judged.outcome.verdict, verify::Verdict::error);
    }
}

} // namespace
} // namespace skep::tests
