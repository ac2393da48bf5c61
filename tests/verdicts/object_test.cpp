// SPDX-License-Identifier: Apache-2.0
//
// Dynptrs, locks and interrupt flags of small programs, judged with the running kernel's types; the
// kernel is asked as well.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/kernel_program.hpp"
#include "tests/verdicts/judged_text.hpp"

namespace skep::tests {
namespace {

using spec::ProgramType;

class Objects : public WithKernelTypes {
  protected:
    // "accepted", or the kernel's words for the refusal. The kernel must agree.
    std::string verdict(const std::string& text, ProgramType type = ProgramType::sched_cls) {
        const JudgedText judged = judge_text(text, *types_, type);
        if (kernel_is_available()) {
            const auto loaded = KernelProgram::load(judged.program.insns, type);
            EXPECT_EQ(loaded.ok(), judged.accepted())
                << text << judged.outcome.log << (loaded.ok() ? "" : loaded.error().message);
        }
        return judged.words();
    }
};

const std::string kEnd = "r0 = 0\nexit\n";
// r6 is the context; a dynptr over the packet lies at fp-16.
const std::string kOverPacket = "r6 = r1\nr2 = 0\nr3 = r10\nr3 += -16\ncall @bpf_dynptr_from_skb\n";

std::string slice(const std::string& function, const std::string& bytes) {
    return "r1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -32\nr4 = " + bytes + "\ncall @" +
           function + "\n";
}
const std::string kSlice = slice("bpf_dynptr_slice", "16");

TEST_F(Objects, ASliceIsReadWhenItIsNotNull) {
    EXPECT_EQ(
        verdict(kOverPacket + kSlice + "if r0 == 0 goto out\nr1 = *(u8 *)(r0 + 15)\nout:\n" + kEnd),
        "accepted");
    EXPECT_EQ(verdict(kOverPacket + kSlice + "r1 = *(u8 *)(r0 + 0)\n" + kEnd),
              "R0 invalid mem access 'rdonly_mem_or_null'");
    EXPECT_NE(
        verdict(kOverPacket + kSlice + "if r0 == 0 goto out\nr1 = *(u8 *)(r0 + 16)\nout:\n" + kEnd),
        "accepted");
    EXPECT_NE(
        verdict(kOverPacket + kSlice + "if r0 == 0 goto out\n*(u8 *)(r0 + 0) = 1\nout:\n" + kEnd),
        "accepted");
    EXPECT_EQ(verdict(kOverPacket + slice("bpf_dynptr_slice_rdwr", "16") +
                      "if r0 == 0 goto out\n*(u8 *)(r0 + 0) = 1\nout:\n" + kEnd),
              "accepted");
}

TEST_F(Objects, WritableSlicesAreForThoseWhoWritePackets) {
    EXPECT_EQ(verdict(kOverPacket + slice("bpf_dynptr_slice_rdwr", "16") + "r0 = 1\nexit\n",
                      ProgramType::cgroup_skb),
              "the prog does not allow writes to packet data");
}

TEST_F(Objects, ASliceEndsWhenThePacketMoves) {
    EXPECT_NE(verdict(kOverPacket + kSlice +
                      "r7 = r0\nif r7 == 0 goto out\nr1 = r6\nr2 = 20\ncall "
                      "helper#39\nr1 = *(u8 *)(r7 + 0)\nout:\n" +
                      kEnd),
              "accepted");
}

TEST_F(Objects, ADynptrIsInitialisedWholeAndUntouched) {
    const std::string size = "r1 = r10\nr1 += -16\ncall @bpf_dynptr_size\n";
    EXPECT_EQ(verdict(size + kEnd), "Expected an initialized dynptr as arg #0");
    EXPECT_EQ(verdict(kOverPacket + size + kEnd), "accepted");
    EXPECT_EQ(verdict(kOverPacket + "*(u64 *)(r10 - 8) = 0\n" + size + kEnd),
              "Expected an initialized dynptr as arg #0");
    EXPECT_NE(verdict(kOverPacket + "r1 = *(u64 *)(r10 - 8)\n" + kEnd), "accepted");
    EXPECT_EQ(verdict(kOverPacket + "r1 = r10\nr1 += -8\ncall @bpf_dynptr_size\n" + kEnd),
              "Expected an initialized dynptr as arg #0");
}

TEST_F(Objects, InterruptsAreGivenBackInReverseOrder) {
    const auto save = [](int at) {
        return "r1 = r10\nr1 += " + std::to_string(at) + "\ncall @bpf_local_irq_save\n";
    };
    const auto restore = [](int at) {
        return "r1 = r10\nr1 += " + std::to_string(at) + "\ncall @bpf_local_irq_restore\n";
    };
    EXPECT_EQ(verdict(save(-8) + restore(-8) + kEnd), "accepted");
    EXPECT_EQ(verdict(save(-8) + save(-16) + restore(-16) + restore(-8) + kEnd), "accepted");
    EXPECT_NE(verdict(save(-8) + save(-16) + restore(-8) + restore(-16) + kEnd), "accepted");
    EXPECT_EQ(verdict(save(-8) + kEnd),
              "BPF_EXIT instruction in main prog cannot be used inside bpf_local_irq_save-ed "
              "region");
    EXPECT_NE(verdict(save(-8) + save(-8) + restore(-8) + restore(-8) + kEnd), "accepted");
    EXPECT_NE(verdict(restore(-8) + kEnd), "accepted");
    EXPECT_NE(verdict(save(-8) + "*(u64 *)(r10 - 8) = 0\n" + restore(-8) + kEnd), "accepted");
    EXPECT_NE(verdict(save(-8) + "r1 = *(u64 *)(r10 - 8)\n" + restore(-8) + kEnd), "accepted");
}

TEST_F(Objects, APointerThatASectionKeptIsNoneAfterIt) {
    std::int64_t offset = -1;
    const auto task = types_->find("task_struct", btf::Kind::structure);
    ASSERT_TRUE(task.has_value());
    for (const btf::Member& member : types_->type(*task).members) {
        offset = member.name == "real_parent" ? member.bit_offset / 8 : offset;
    }
    ASSERT_GE(offset, 0);
    const std::string parent = "call @bpf_rcu_read_lock\ncall helper#158\nr6 = *(u64 *)(r0 + " +
                               std::to_string(offset) + ")\n";
    const std::string take = "r1 = r6\ncall @bpf_task_acquire\nr7 = r0\n";
    const std::string unlock = "call @bpf_rcu_read_unlock\n";
    const std::string release = "if r7 == 0 goto out\nr1 = r7\ncall @bpf_task_release\nout:\n";
    EXPECT_EQ(verdict(parent + "if r6 == 0 goto none\n" + take + unlock + release + kEnd +
                      "none:\n" + unlock + kEnd),
              "accepted");
    EXPECT_NE(verdict(parent + unlock + "if r6 == 0 goto out\n" + take + release + kEnd),
              "accepted");
}

TEST_F(Objects, AnyAddressMayBeReadAsBytesOnly) {
    const std::string cast = "r1 = 4096\nr2 = 0\ncall @bpf_rdonly_cast\n";
    EXPECT_EQ(verdict(cast + "r1 = *(u64 *)(r0 + 64)\n" + kEnd), "accepted");
    EXPECT_NE(verdict(cast + "*(u64 *)(r0 + 0) = 0\n" + kEnd), "accepted");
}

TEST_F(Objects, CastsBetweenAddressSpacesNeedAnArena) {
    EXPECT_NE(verdict("r1 = 0\nr1 = addr_space_cast(r1, 0, 1)\n" + kEnd), "accepted");
}

// A congestion control may write to a few members of its socket, also by an atomic operation.
TEST_F(Objects, ACongestionControlWritesToFewMembersOfASocket) {
    const auto interface = types_->find("tcp_congestion_ops", btf::Kind::structure);
    const auto socket = types_->find("tcp_sock", btf::Kind::structure);
    if (!interface.has_value() || !socket.has_value()) {
        GTEST_SKIP() << "no congestion control in these types";
    }
    const auto place = [&](btf::TypeId structure, std::string_view name) {
        const auto members = types_->type(structure).members;
        return std::ranges::find(members, name, &btf::Member::name);
    };
    const auto function = static_cast<std::uint32_t>(place(*interface, "cong_avoid") -
                                                     types_->type(*interface).members.begin());
    const auto verdict_of = [&](std::string_view statement, std::string_view member) {
        const std::string offset = std::to_string(place(*socket, member)->bit_offset / 8);
        ProgramSpec kind;
        kind.type = ProgramType::struct_ops;
        kind.license = "GPL";
        kind.attach_btf_id = *interface;
        kind.expected_attach_type = function;
        const JudgedText judged = judge_text(
            "r1 = *(u64 *)(r1 + 0)\nr2 = 1\n" + fmt::format(fmt::runtime(statement), offset) + kEnd,
            *types_, std::move(kind));
        if (kernel_is_available()) {
            const auto loaded =
                KernelProgram::load_member(judged.program.insns, *interface, function);
            EXPECT_EQ(loaded.ok(), judged.accepted()) << judged.outcome.log;
            EXPECT_TRUE(loaded.ok() ||
                        loaded.error().message.find(judged.outcome.message) != std::string::npos)
                << loaded.error().message;
        }
        return judged.words();
    };
    constexpr std::string_view kStore = "*(u32 *)(r1 + {}) = r2\n";
    constexpr std::string_view kAdd = "lock *(u32 *)(r1 + {}) += r2\n";
    EXPECT_EQ(verdict_of(kStore, "snd_cwnd"), "accepted");
    EXPECT_EQ(verdict_of(kAdd, "snd_cwnd"), "accepted");
    const std::string refused = "no write support to tcp_sock at off " +
                                std::to_string(place(*socket, "srtt_us")->bit_offset / 8);
    EXPECT_EQ(verdict_of(kStore, "srtt_us"), refused);
    EXPECT_EQ(verdict_of(kAdd, "srtt_us"), refused);
}

} // namespace
} // namespace skep::tests
