// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/value.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"

namespace skep::btf {
namespace {

using testing::HasSubstr;

// Writes events down in one line.
class Writer : public ValueVisitor {
  public:
    void begin_object() override { out += "{"; }
    void end_object() override { out += "}"; }
    void begin_array() override { out += "["; }
    void end_array() override { out += "]"; }
    void name(std::string_view member) override { out += fmt::format("{}:", member); }
    void signed_number(std::int64_t number) override { out += fmt::format("{} ", number); }
    void unsigned_number(std::uint64_t number) override { out += fmt::format("{} ", number); }
    void floating(double number) override { out += fmt::format("{} ", number); }
    void boolean(bool truth) override { out += truth ? "true " : "false "; }
    void text(std::string_view text) override { out += fmt::format("'{}' ", text); }
    void pointer(std::uint64_t address) override { out += fmt::format("->{:#x} ", address); }
    void hexadecimal(std::string_view digits) override { out += fmt::format("{} ", digits); }
    std::string out;
};

std::string shown(const Builder& builder, TypeId type, const ByteVector& value) {
    const Btf btf = builder.build().value();
    Writer writer;
    const auto outcome = visit_value(btf, type, value, writer);
    return writer.out + (outcome.ok() ? "" : "! " + outcome.error().message);
}

TEST(Value, ShowsIntegersBySignAndSize) {
    Builder b;
    const TypeId small = b.integer("signed char", 1, kIntSigned);
    const TypeId large = b.integer("unsigned long", 8);
    const TypeId truth = b.integer("_Bool", 1, kIntBool);
    const TypeId wide = b.integer("__int128", 16, kIntSigned);
    EXPECT_EQ(shown(b, small, {0xfe}), "-2 ");
    EXPECT_EQ(shown(b, large, {0xff, 0, 0, 0, 0, 0, 0, 0x80}), "9223372036854776063 ");
    EXPECT_EQ(shown(b, truth, {1}), "true ");
    EXPECT_EQ(shown(b, wide, ByteVector(16, 0x11)), "0x11111111111111111111111111111111 ");
    EXPECT_THAT(shown(b, large, {1, 2}), HasSubstr("! 8 bytes wanted"));
}

TEST(Value, ShowsTextOnlyForCharsThatReadAsText) {
    Builder b;
    const TypeId letter = b.integer("char", 1, kIntSigned);
    const TypeId octet = b.integer("unsigned char", 1);
    const TypeId note = b.array(letter, octet, 4);
    const TypeId raw = b.array(octet, octet, 4);
    EXPECT_EQ(shown(b, note, {'a', 'b', 0, 0xff}), "'ab' ");
    EXPECT_EQ(shown(b, note, {'a', 'b', 'c', 'd'}), "[97 98 99 100 ]") << "no zero";
    EXPECT_EQ(shown(b, note, {1, 0, 0, 0}), "[1 0 0 0 ]") << "not printable";
    EXPECT_EQ(shown(b, raw, {'a', 'b', 0, 0}), "[97 98 0 0 ]");
}

TEST(Value, PassesOverFunctionsOfClasses) {
    Builder b;
    const TypeId number = b.integer("int", 4, kIntSigned);
    const TypeId count =
        b.composite(Kind::structure, "Count", 4, {{"n", number, 0}, {"add", 0, 64}});
    EXPECT_EQ(shown(b, count, {7, 0, 0, 0}), "{n:7 }");
}

TEST(Value, ShowsMembersBitFieldsAndUnions) {
    Builder b;
    const TypeId number = b.integer("int", 4, kIntSigned);
    const TypeId either =
        b.composite(Kind::union_, "", 4, {{"word", number, 0}, {"same", number, 0}});
    const TypeId whole = b.composite(Kind::structure, "s", 12,
                                     {{"low", number, (3U << 24) | 0},
                                      {"high", number, (5U << 24) | 3},
                                      {"", either, 32},
                                      {"p", b.plain(Kind::pointer, "", 0), 32}},
                                     true);
    EXPECT_EQ(shown(b, whole, {0x0d, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0}),
              "{low:0x5 high:0x1 :{word:7 same:7 }p:->0x100000007 }");
}

TEST(Value, NamesEnumeratorsAndFallsBackToNumbers) {
    Builder b;
    const TypeId verdict =
        b.enumeration("verdict", {{"DROP", 0}, {"PASS", 1}, {"BACK", 0xffffffff}});
    EXPECT_EQ(shown(b, verdict, {1, 0, 0, 0}), "'PASS' ");
    EXPECT_EQ(shown(b, verdict, {0xff, 0xff, 0xff, 0xff}), "'BACK' ");
    EXPECT_EQ(shown(b, verdict, {9, 0, 0, 0}), "9 ");
}

TEST(Value, ShowsTheVariablesOfASection) {
    Builder b;
    const TypeId number = b.integer("int", 4, kIntSigned);
    const TypeId first = b.variable("first", number);
    const TypeId second = b.variable("second", number);
    const TypeId section = b.section(".bss", 8, {{first, 0, 4}, {second, 4, 4}});
    EXPECT_EQ(shown(b, section, {1, 0, 0, 0, 2, 0, 0, 0}), "{.bss:[{first:1 }{second:2 }]}");
    EXPECT_EQ(shown(b, section, {1, 0, 0, 0}),
              "{.bss:[{first:1 }]}! 4 bytes wanted at offset 4, 4 bytes in all")
        << "what is begun is ended";
}

} // namespace
} // namespace skep::btf
