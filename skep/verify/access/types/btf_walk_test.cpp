// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/types/btf_walk.hpp"

#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"

namespace skep::verify {
namespace {

// struct file { struct inode *f_inode; struct inode *other; union { struct inode *a; long b; }; int
// flags; }
struct Bench {
    btf::Btf types = make_types();
    ProgramSpec program;
    Environment environment;
    Subject subject{program, environment, {}, {}};
    State state = State::entering(0);

    Bench() {
        environment.kernel_types = &types;
        program.license = "GPL";
    }
    static btf::Btf make_types() {
        btf::Builder builder;
        const btf::TypeId word = builder.integer("int", 4);
        const btf::TypeId wide = builder.integer("long", 8);
        const btf::TypeId inode =
            builder.composite(btf::Kind::structure, "inode", 8, {{"i_ino", wide, 0}});
        const btf::TypeId pointer = builder.plain(btf::Kind::pointer, "", inode);
        const btf::TypeId either =
            builder.composite(btf::Kind::union_, "", 8, {{"a", pointer, 0}, {"b", wide, 0}});
        builder.composite(btf::Kind::structure, "file", 32,
                          {{"f_inode", pointer, 0},
                           {"other", pointer, 64},
                           {"", either, 128},
                           {"flags", word, 192}});
        return builder.build().value();
    }
    Ruling<Value> load(std::int32_t offset, std::uint32_t size,
                       std::uint32_t flags = kTrusted) const {
        const Value file =
            Value::pointer(ValueKind::btf_object, flags, *types.find("file", btf::Kind::structure));
        return check_typed_access(subject, state,
                                  {.reg = 2, .value = file, .offset = offset, .size_bytes = size});
    }
};

TEST(BtfWalk, APointerMemberGivesAnObjectAndANumberANumber) {
    const Bench bench;
    const Ruling<Value> inode = bench.load(8, 8);
    ASSERT_TRUE(inode.ok());
    EXPECT_TRUE(inode->is(ValueKind::btf_object));
    EXPECT_EQ(inode->flags, 0U);
    EXPECT_TRUE(bench.load(24, 4)->is_scalar());
}

TEST(BtfWalk, OnlyMembersThatKeepTheirObjectGiveATrustedOne) {
    const Bench bench;
    EXPECT_TRUE(bench.load(0, 8)->has(kTrusted));
    EXPECT_FALSE(bench.load(0, 8, 0)->has(kTrusted));
}

TEST(BtfWalk, WhatComesOutOfAUnionOrAnUntrustedObjectIsUntrusted) {
    const Bench bench;
    EXPECT_TRUE(bench.load(16, 8)->has(kUntrusted));
    EXPECT_TRUE(bench.load(8, 8, kUntrusted)->has(kUntrusted));
}

TEST(BtfWalk, APlaceOutsideOrAcrossMembersIsRefused) {
    const Bench bench;
    EXPECT_EQ(bench.load(32, 8).finding().kernel_message,
              "access beyond struct file at off 32 size 8");
    EXPECT_EQ(bench.load(4, 8).finding().kernel_message,
              "cannot access ptr member f_inode with moff 0 in struct file with off 4 size 8");
    EXPECT_EQ(bench.load(0, 4).finding().kernel_message,
              "cannot access ptr member f_inode with moff 0 in struct file with off 0 size 4");
    EXPECT_FALSE(bench.load(-8, 8).ok());
}

TEST(BtfWalk, TheKernelsObjectsAreForProgramsUnderItsLicence) {
    Bench bench;
    bench.program.license = "MIT";
    EXPECT_EQ(bench.load(24, 4).finding().kernel_message,
              "Cannot access kernel 'struct file' from non-GPL compatible program");
    EXPECT_FALSE(bench.load(-8, 4).ok());
}

} // namespace
} // namespace skep::verify
