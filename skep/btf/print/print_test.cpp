// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"
#include "skep/btf/print/c_dump.hpp"
#include "skep/btf/print/raw_dump.hpp"

namespace skep::btf {
namespace {

constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";

ByteVector file_bytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string output_of(const std::string& command) {
    struct Closer {
        void operator()(FILE* pipe) const { pclose(pipe); }
    };
    const std::unique_ptr<FILE, Closer> pipe(popen(command.c_str(), "r"));
    std::string output;
    char buffer[65536];
    for (std::size_t size = 0;
         pipe != nullptr && (size = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;) {
        output.append(buffer, size);
    }
    return output;
}

// Where the first difference is, so that a failure does not print a hundred thousand lines.
std::string first_difference(const std::string& ours, const std::string& theirs) {
    if (ours == theirs) {
        return "";
    }
    std::size_t at = 0;
    while (at < ours.size() && at < theirs.size() && ours[at] == theirs[at]) {
        ++at;
    }
    const std::size_t from = at < 200 ? 0 : at - 200;
    return "ours:\n" + ours.substr(from, 400) + "\ntheirs:\n" + theirs.substr(from, 400);
}

class AgainstBpftool : public testing::Test {
  protected:
    void SetUp() override {
        raw_ = file_bytes(kKernelTypes);
        if (raw_.empty()) {
            GTEST_SKIP() << "this machine shows no kernel BTF";
        }
        if (output_of("bpftool version 2>/dev/null").rfind("bpftool v7.1", 0) != 0) {
            GTEST_SKIP() << "no bpftool 7.1 to compare with";
        }
    }
    ByteVector raw_;
};

TEST_F(AgainstBpftool, TheKernelsTypesAsC) {
    const Btf btf = Btf::parse(raw_).value();
    const std::string theirs =
        output_of(std::string("bpftool btf dump file ") + kKernelTypes + " format c");
    EXPECT_EQ(first_difference(c_header(btf).value(), theirs), "");
}

TEST_F(AgainstBpftool, TheKernelsTypesAsTheyAre) {
    const Btf btf = Btf::parse(raw_).value();
    const std::string theirs = output_of(std::string("bpftool btf dump file ") + kKernelTypes);
    EXPECT_EQ(first_difference(raw_dump(btf), theirs), "");
}

TEST(CDump, FillsGapsAndPacksWhereTheCompilerWouldNot) {
    Builder b;
    const TypeId number = b.integer("int", 4, kIntSigned);
    const TypeId large = b.integer("long int", 8, kIntSigned);
    b.composite(Kind::structure, "gap", 24, {{"first", number, 0}, {"second", large, 128}});
    b.composite(Kind::structure, "tight", 12, {{"first", number, 0}, {"second", large, 32}});
    b.composite(Kind::structure, "empty", 0, {});
    EXPECT_EQ(c_definitions(b.build().value()).value(),
              "struct gap {\n\tint first;\n\tlong: 64;\n\tlong int second;\n};\n\n"
              "struct tight {\n\tint first;\n\tlong int second;\n} __attribute__((packed));\n\n"
              "struct empty {};\n\n");
}

TEST(CDump, DeclaresForwardWhatIsOnlyPointedTo) {
    Builder b;
    b.composite(Kind::structure, "a", 8, {{"other", 2, 0}});
    b.plain(Kind::pointer, "", 3);
    b.composite(Kind::structure, "b", 8, {{"other", 4, 0}});
    b.plain(Kind::pointer, "", 1);
    EXPECT_EQ(c_definitions(b.build().value()).value(),
              "struct b;\n\nstruct a {\n\tstruct b *other;\n};\n\nstruct b {\n\tstruct a "
              "*other;\n};\n\n");
}

TEST(CDump, MakesCOfCxx) {
    Builder b;
    const TypeId number = b.integer("int", 4, kIntSigned);
    b.composite(Kind::structure, "Map<int, ns::Key>", 4, {{"size", number, 0}, {"clear", 0, 64}});
    EXPECT_EQ(c_definitions(b.build().value()).value(),
              "struct Map_int__ns__Key_ {\n\tint size;\n};\n\n");
}

TEST(CDump, EndsWhenNamelessTypesWouldMultiply) {
    Builder b;
    TypeId inner = b.integer("int", 4);
    for (int i = 0; i < 100; ++i) {
        inner = b.composite(Kind::union_, "", 4, {{"x", inner, 0}, {"y", inner, 0}});
    }
    b.composite(Kind::structure, "top", 4, {{"m", inner, 0}});
    const auto text = c_definitions(b.build().value());
    ASSERT_FALSE(text.ok());
    EXPECT_EQ(text.error().code, Code::too_big);
}

TEST(RawDump, SaysWhatBpftoolSays) {
    Builder b;
    const TypeId number = b.integer("int", 4, kIntSigned);
    const TypeId variable = b.variable("seen", number);
    b.section(".bss", 4, {{variable, 0, 4}});
    EXPECT_EQ(raw_dump(b.build().value()),
              "[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n"
              "[2] VAR 'seen' type_id=1, linkage=global\n"
              "[3] DATASEC '.bss' size=4 vlen=1\n"
              "\ttype_id=2 offset=0 size=4 (VAR 'seen')\n");
}

} // namespace
} // namespace skep::btf
