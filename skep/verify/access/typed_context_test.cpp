// SPDX-License-Identifier: Apache-2.0
//
// The slots of typed contexts. The running kernel is not asked: loading hooks and functions'
// programs is closed on many machines. What a hook's last argument is stands in the documentation
// of LSM programs, where structures lie in that of BPF_PROG2.
#include "skep/verify/access/typed_context.hpp"

#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"

namespace skep::verify {
namespace {

// int bpf_lsm_chown(struct path *path, struct owner owner, struct name name, int flags), where an
// owner has 4 bytes and a name 16; void bpf_lsm_freed(struct path *path); int bpf_lsm_large(struct
// vast v, int flags), where v has 24 bytes.
struct Bench {
    btf::Btf types = make_types();
    ProgramSpec program;
    Environment environment;
    Subject subject{program, environment, {}, {}};

    explicit Bench(std::string_view function, spec::AttachType attach = spec::AttachType::lsm_mac) {
        environment.kernel_types = &types;
        program.type = attach == spec::AttachType::lsm_mac ? spec::ProgramType::lsm
                                                           : spec::ProgramType::tracing;
        program.expected_attach_type = static_cast<std::uint32_t>(attach);
        program.attach_btf_id = *types.find(function, btf::Kind::function);
    }
    static btf::Btf make_types() {
        btf::Builder builder;
        const btf::TypeId number = builder.integer("int", 4, btf::kIntSigned);
        const btf::TypeId wide = builder.integer("long", 8);
        const auto structure = [&](std::string_view name, std::uint32_t bytes) {
            return builder.composite(btf::Kind::structure, name, bytes, {{"first", number, 0}});
        };
        const btf::TypeId path = builder.plain(btf::Kind::pointer, "", structure("path", 16));
        const btf::TypeId owner = structure("owner", 4);
        const btf::TypeId name =
            builder.composite(btf::Kind::structure, "name", 16, {{"a", wide, 0}, {"b", wide, 64}});
        const btf::TypeId vast = structure("vast", 24);
        builder.plain(
            btf::Kind::function, "bpf_lsm_chown",
            builder.prototype(
                number, {{"path", path}, {"owner", owner}, {"name", name}, {"flags", number}}));
        builder.plain(btf::Kind::function, "bpf_lsm_freed", builder.prototype(0, {{"path", path}}));
        builder.plain(btf::Kind::function, "bpf_lsm_large",
                      builder.prototype(number, {{"v", vast}, {"flags", number}}));
        return builder.build().value();
    }
    Ruling<Value> slot(std::int32_t number, std::uint32_t size = 8) const {
        return check_typed_context(subject, {.offset = number * 8, .size_bytes = size});
    }
};

TEST(TypedContext, StructuresByValueTakeTheSlotsTheyNeed) {
    const Bench bench("bpf_lsm_chown");
    EXPECT_TRUE(bench.slot(0).value().is(ValueKind::btf_object));
    for (const std::int32_t slot : {1, 2, 3, 4}) {
        EXPECT_TRUE(bench.slot(slot).value().is_scalar()) << slot;
    }
    EXPECT_FALSE(bench.slot(6).ok());
    EXPECT_FALSE(Bench("bpf_lsm_large").slot(3).ok());
}

TEST(TypedContext, AHookSeesWhatTheProgramBeforeItAnswered) {
    const Value answer = Bench("bpf_lsm_chown").slot(5).value();
    EXPECT_EQ(answer.number.s_low.min, -4095);
    EXPECT_EQ(answer.number.s_low.max, 0);
    EXPECT_TRUE(answer.number.contains(0xffff'ffff));           // -1 of a program that sets w0
    EXPECT_TRUE(answer.number.contains(0xffff'ffff'ffff'ffff)); // and of one that sets r0
    EXPECT_FALSE(answer.number.contains(1));
}

TEST(TypedContext, WhatReturnsNothingHasNoAnswer) {
    EXPECT_TRUE(Bench("bpf_lsm_freed").slot(0).ok());
    EXPECT_FALSE(Bench("bpf_lsm_freed").slot(1).ok());
}

TEST(TypedContext, OnlyProgramsAfterAFunctionSeeItsResult) {
    EXPECT_TRUE(
        Bench("bpf_lsm_chown", spec::AttachType::trace_fexit).slot(5).value().number.is_top());
    EXPECT_FALSE(Bench("bpf_lsm_chown", spec::AttachType::trace_fentry).slot(5).ok());
}

} // namespace
} // namespace skep::verify
