// SPDX-License-Identifier: Apache-2.0
//
// BTF_LOAD's law, checked against the kernel that runs: a BTF with a type of every kind is changed
// at random, and both must say the same about it. Skipped where bpf(2) refuses us.
#include <cstdlib>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"
#include "skep/btf/check/kernel.hpp"
#include "skep/os/bpf_call.hpp"
#include "skep/os/fd.hpp"

namespace skep::btf {
namespace {

constexpr int kBtfLoad = 18;

// 0 or a negative errno.
long kernel_says(const ByteVector& raw) {
    struct {
        std::uint64_t btf, log;
        std::uint32_t size, log_size, log_level, padding;
    } attributes{reinterpret_cast<std::uint64_t>(raw.data()),
                 0,
                 static_cast<std::uint32_t>(raw.size()),
                 0,
                 0,
                 0};
    const long answer = os::bpf_call(kBtfLoad, &attributes, 28);
    if (answer < 0) {
        return answer;
    }
    const os::Fd handle(static_cast<int>(answer));
    return 0;
}

long we_say(const ByteVector& raw) {
    const auto btf = parse_for_kernel(raw);
    return btf.ok() ? 0 : -errno_of(btf.error());
}

Builder every_kind() {
    Builder b;
    const TypeId number = b.integer("int", 4, kIntSigned);
    const TypeId truth = b.integer("_Bool", 1, kIntBool);
    const TypeId octet = b.integer("unsigned char", 1);
    const TypeId real = b.plain(Kind::floating, "double", 8);
    const TypeId list = b.array(octet, number, 4);
    const TypeId choice = b.enumeration("choice", {{"NO", 0}, {"YES", 1}});
    const TypeId either =
        b.composite(Kind::union_, "either", 8, {{"word", number, 0}, {"real", real, 0}});
    const TypeId whole = b.composite(Kind::structure, "whole", 40,
                                     {{"n", number, 0},
                                      {"t", truth, 32},
                                      {"list", list, 64},
                                      {"choice", choice, 96},
                                      {"either", either, 128},
                                      {"next", 10, 192},
                                      {"real", real, 256}});
    const TypeId flags = b.composite(
        Kind::structure, "flags", 8,
        {{"low", number, (3U << 24)}, {"high", number, (5U << 24) | 3}, {"choice", choice, 32}},
        true);
    b.plain(Kind::pointer, "", whole);
    const TypeId constant = b.plain(Kind::const_, "", flags);
    const TypeId changing = b.plain(Kind::volatile_, "", constant);
    const TypeId named = b.plain(Kind::typedef_, "flags_t", changing);
    const TypeId tagged = b.plain(Kind::type_tag, "user", named);
    const TypeId pointer = b.plain(Kind::pointer, "", tagged);
    const TypeId alone = b.plain(Kind::restrict_, "", pointer);
    b.plain(Kind::forward, "elsewhere", 0);
    const TypeId prototype = b.prototype(number, {{"first", alone}, {"second", truth}});
    const TypeId function = b.plain(Kind::function, "work", prototype, 1);
    const TypeId variable = b.variable("seen", whole);
    const TypeId other = b.variable("limit", number, Linkage::static_);
    b.section(".bss", 48, {{variable, 0, 40}, {other, 40, 4}});
    b.raw("mark", {static_cast<std::uint32_t>(Kind::declaration_tag) << 24, function, 1});
    b.raw("wide", {(static_cast<std::uint32_t>(Kind::enumeration64) << 24) | 0U, 8});
    return b;
}

class KernelLaw : public testing::Test {
  protected:
    void SetUp() override {
        const long answer = kernel_says(every_kind().bytes());
        if (answer == -1 || answer == -38) {
            GTEST_SKIP() << "bpf(2) refuses us";
        }
        ASSERT_EQ(answer, 0);
    }
};

// Refusing and accepting must agree always. Which of several things wrong is met first, and so the
// errno, may differ now and then: the kernel goes type by type.
struct Comparison {
    std::map<std::string, int> disagreements;
    int refused = 0;
    int other_errno = 0;

    void add(const ByteVector& raw, const std::string& what) {
        const long theirs = kernel_says(raw);
        const auto btf = parse_for_kernel(raw);
        const long ours = btf.ok() ? 0 : -errno_of(btf.error());
        if ((theirs == 0) != (ours == 0)) {
            ++disagreements[what + ": kernel " + std::to_string(theirs) + ", ours " +
                            std::to_string(ours) + " " + (btf.ok() ? "" : btf.error().message)];
        }
        refused += theirs != 0 ? 1 : 0;
        other_errno += theirs != ours ? 1 : 0;
    }
    void judge() const {
        for (const auto& [what, count] : disagreements) {
            ADD_FAILURE() << what;
        }
        EXPECT_LT(other_errno * 50, refused) << "errno differs in more than 2 of 100";
    }
};

TEST_F(KernelLaw, AgreesOnEveryKind) { EXPECT_EQ(we_say(every_kind().bytes()), 0); }

TEST_F(KernelLaw, AgreesOnEveryWordChanged) {
    const ByteVector whole = every_kind().bytes();
    Comparison comparison;
    for (std::size_t at = 0; at + 4 <= whole.size(); at += 4) {
        for (const std::uint32_t value :
             {0U, 1U, 2U, 3U, 8U, 10U, 19U, 22U, 24U, 64U, 0x7fffffffU, 0xffffffffU, 0x80000000U}) {
            ByteVector raw = whole;
            std::memcpy(raw.data() + at, &value, 4);
            comparison.add(raw, "offset " + std::to_string(at) + " = " + std::to_string(value));
        }
        for (std::uint32_t bit = 0; bit < 32; ++bit) {
            ByteVector raw = whole;
            raw[at + bit / 8] = static_cast<std::uint8_t>(raw[at + bit / 8] ^ (1U << (bit % 8)));
            comparison.add(raw, "offset " + std::to_string(at) + " bit " + std::to_string(bit));
        }
    }
    comparison.judge();
}

TEST_F(KernelLaw, AgreesOnManyChanges) {
    const ByteVector whole = every_kind().bytes();
    std::mt19937 random(7); // NOLINT: the same each time
    Comparison comparison;
    for (int round = 0; round < 4000; ++round) {
        ByteVector raw = whole;
        for (unsigned change = 0; change < 1 + random() % 3; ++change) {
            const std::size_t at = 24 + random() % (raw.size() - 24);
            raw[at] = static_cast<std::uint8_t>(random() % 2 == 0 ? random() % 26 : random());
        }
        comparison.add(raw, "round " + std::to_string(round));
    }
    comparison.judge();
}

} // namespace
} // namespace skep::btf
