// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/btf.hpp"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"

namespace skep::btf {
namespace {

using testing::HasSubstr;

ByteVector file_bytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(Btf, ReadsWhatTheBuilderWroteInBothByteOrders) {
    Builder builder;
    const TypeId number = builder.integer("int", 4, kIntSigned);
    const TypeId pair =
        builder.composite(Kind::structure, "pair", 8, {{"left", number, 0}, {"right", number, 32}});
    const TypeId alias = builder.plain(Kind::typedef_, "pair_t", pair);
    const TypeId many = builder.array(alias, number, 5);
    const TypeId choice = builder.enumeration("choice", {{"NO", 0}, {"YES", 1}});
    for (const std::endian order : {std::endian::little, std::endian::big}) {
        auto btf = Btf::parse(builder.bytes(order));
        ASSERT_TRUE(btf.ok()) << btf.error().message;
        EXPECT_EQ(btf->type_count(), 6U);
        EXPECT_EQ(btf->type(pair).members[1].name, "right");
        EXPECT_EQ(btf->type(pair).members[1].bit_offset, 32U);
        EXPECT_EQ(btf->resolve(alias), pair);
        EXPECT_EQ(btf->size_of(many).value(), 40U);
        EXPECT_EQ(btf->type(choice).enumerators[1].name, "YES");
        EXPECT_EQ(btf->find("pair", Kind::structure), pair);
        EXPECT_EQ(btf->find("pair", Kind::union_), std::nullopt);
        EXPECT_TRUE(btf->is_signed(number));
        EXPECT_EQ(btf->bytes(), builder.bytes()) << "written little-endian";
    }
}

TEST(Btf, NamesTheTypeThatRefersPastTheEnd) {
    Builder builder;
    builder.plain(Kind::pointer, "", 7);
    const auto btf = builder.build();
    ASSERT_FALSE(btf.ok());
    EXPECT_THAT(btf.error().message,
                HasSubstr("type 1 at offset 0x0 of the type section refers to type 7"));
}

TEST(Btf, RefusesEveryPrefixOfItself) {
    Builder builder;
    const TypeId number = builder.integer("int", 4);
    builder.composite(Kind::structure, "s", 4, {{"m", number, 0}});
    const ByteVector whole = builder.bytes();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(Btf::parse(Bytes(whole.data(), size)).ok()) << size;
    }
}

TEST(Btf, RefusesTypesThatContainThemselves) {
    Builder modifiers;
    modifiers.plain(Kind::const_, "", 2);
    modifiers.plain(Kind::volatile_, "", 1);
    EXPECT_FALSE(modifiers.build().ok());

    Builder by_value;
    by_value.composite(Kind::structure, "s", 4, {{"m", 1, 0}});
    EXPECT_FALSE(by_value.build().ok());

    Builder by_pointer;
    by_pointer.composite(Kind::structure, "s", 8, {{"next", 2, 0}});
    by_pointer.plain(Kind::pointer, "", 1);
    EXPECT_TRUE(by_pointer.build().ok());

    Builder by_typedef;
    by_typedef.plain(Kind::typedef_, "t", 2);
    by_typedef.plain(Kind::pointer, "", 1);
    EXPECT_FALSE(by_typedef.build().ok());
}

TEST(Btf, BoundsHowDeepTypesNest) {
    Builder builder;
    TypeId inner = builder.integer("int", 4);
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        inner = builder.composite(Kind::structure, "", 4, {{"m", inner, 0}});
    }
    const auto btf = builder.build();
    ASSERT_FALSE(btf.ok());
    EXPECT_EQ(btf.error().code, Code::too_big);
}

TEST(Btf, ContinuesTheIdsAndStringsOfItsBase) {
    Builder below;
    const TypeId number = below.integer("int", 4);
    auto base = std::make_shared<const Btf>(below.build().value());
    const auto name_offset = static_cast<std::uint32_t>(base->strings().size()) + 1;
    Builder above;
    above.raw("", {(static_cast<std::uint32_t>(Kind::typedef_) << 24), number});
    ByteVector raw = above.bytes();
    std::memcpy(raw.data() + 24, &name_offset, 4);
    raw.insert(raw.end(), {'m', 'y', '\0'});
    raw[20] = 4; // string bytes
    auto split = Btf::parse(raw, base);
    ASSERT_TRUE(split.ok()) << split.error().message;
    EXPECT_EQ(split->first_own_id(), 2U);
    EXPECT_EQ(split->type(2).name, "my");
    EXPECT_EQ(split->size_of(2).value(), 4U);
    EXPECT_EQ(split->find("int", Kind::integer), number);
    EXPECT_EQ(split->bytes(), raw);
}

TEST(Btf, PatchesADataSection) {
    Builder builder;
    const TypeId number = builder.integer("int", 4);
    const TypeId first = builder.variable("first", number);
    const TypeId second = builder.variable("second", number);
    const TypeId section = builder.section(".bss", 0, {{first, 0, 4}, {second, 0, 4}});
    Btf btf = builder.build().value();
    const Btf before = btf;
    ASSERT_TRUE(btf.patch_section(section, 8, {{first, 4, 4}, {second, 0, 4}}).ok());
    EXPECT_EQ(btf.type(section).size_bytes, 8U);
    EXPECT_EQ(btf.type(section).variables[0].variable, second) << "in rising order of offset";
    EXPECT_EQ(before.type(section).size_bytes, 0U) << "copies do not change";
    EXPECT_EQ(Btf::parse(btf.bytes()).value().type(section).variables[1].offset, 4U);
    EXPECT_FALSE(btf.patch_section(first, 8, {}).ok());
}

TEST(Btf, ReadsTheRunningKernels) {
    const ByteVector raw = file_bytes("/sys/kernel/btf/vmlinux");
    if (raw.empty()) {
        GTEST_SKIP() << "this machine shows no kernel BTF";
    }
    const auto btf = Btf::parse(raw);
    ASSERT_TRUE(btf.ok()) << btf.error().message;
    EXPECT_GT(btf->type_count(), 1000U);
    const auto task = btf->find("task_struct", Kind::structure);
    ASSERT_TRUE(task.has_value());
    EXPECT_GT(btf->size_of(*task).value(), 1000U);
    EXPECT_EQ(btf->bytes(), raw);
}

TEST(Declaration, ReadsAsCDoes) {
    Builder b;
    const TypeId number = b.integer("int", 4, kIntSigned);
    const TypeId flow = b.composite(Kind::structure, "flow", 4, {});
    const TypeId pointer = b.plain(Kind::pointer, "", flow);
    const TypeId array = b.array(number, number, 2);
    const TypeId to_array = b.plain(Kind::pointer, "", array);
    const TypeId constant = b.plain(Kind::const_, "", flow);
    const TypeId to_constant = b.plain(Kind::pointer, "", constant);
    const TypeId fixed = b.plain(Kind::const_, "", to_constant);
    const TypeId prototype = b.prototype(number, {{"f", pointer}, {"", 0}});
    const TypeId callback = b.plain(Kind::pointer, "", prototype);
    const TypeId table = b.array(callback, number, 3);
    const Btf btf = b.build().value();
    EXPECT_EQ(declaration(btf, number, "n"), "int n");
    EXPECT_EQ(declaration(btf, 0, ""), "void");
    EXPECT_EQ(declaration(btf, pointer, "v"), "struct flow *v");
    EXPECT_EQ(declaration(btf, to_array, "type"), "int (*type)[2]");
    EXPECT_EQ(declaration(btf, fixed, "p"), "const struct flow * const p");
    EXPECT_EQ(declaration(btf, callback, "done"), "int (*done)(struct flow *f, ...)");
    EXPECT_EQ(declaration(btf, table, "t"), "int (*t[3])(struct flow *f, ...)");
    EXPECT_EQ(declaration(btf, callback, ""), "int (*)(struct flow *f, ...)");
}

TEST(Declaration, TellsQualifiersAndTagsWhereTheCompilerReadsThem) {
    Builder b;
    const TypeId flow = b.composite(Kind::structure, "flow", 4, {});
    const TypeId inner = b.plain(Kind::volatile_, "", flow);
    const TypeId both = b.plain(Kind::const_, "", inner);
    const TypeId tagged = b.plain(Kind::type_tag, "kptr", both);
    const TypeId pointer = b.plain(Kind::pointer, "", tagged);
    const TypeId tagged_pointer = b.plain(Kind::type_tag, "odd\"name", pointer);
    const TypeId to_pointer = b.plain(Kind::pointer, "", tagged_pointer);
    const TypeId prototype = b.prototype(flow, {});
    const TypeId tagged_function = b.plain(Kind::type_tag, "lost", prototype);
    const TypeId callback = b.plain(Kind::pointer, "", tagged_function);
    const Btf btf = b.build().value();
    EXPECT_EQ(declaration(btf, both, "f"), "volatile const struct flow f");
    EXPECT_EQ(declaration(btf, pointer, "p"),
              "volatile const struct flow __attribute__((btf_type_tag(\"kptr\"))) *p");
    EXPECT_EQ(declaration(btf, to_pointer, "p"),
              "volatile const struct flow __attribute__((btf_type_tag(\"kptr\"))) * "
              "__attribute__((btf_type_tag(\"odd\\\"name\"))) *p");
    EXPECT_EQ(declaration(btf, callback, "c"), "struct flow (*c)(void)");
}

} // namespace
} // namespace skep::btf
