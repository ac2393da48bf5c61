// SPDX-License-Identifier: Apache-2.0
//
// Round trips on what compilers make: every executable section of every object in the folder that
// SKEP_OBJECTS_DIR names, or ../shared/golden/obj. encode undoes decode, assemble undoes
// disassemble. The sections are found by a reader of a few lines, so that the room below load/
// stays below it.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "skep/base/bytes.hpp"
#include "skep/bytecode/assemble.hpp"
#include "skep/bytecode/disassemble.hpp"

namespace skep {
namespace {

std::filesystem::path objects_folder() {
    const char* named = std::getenv("SKEP_OBJECTS_DIR"); // NOLINT: one thread
    return named != nullptr ? named
                            : std::filesystem::path(SKEP_SOURCE_DIR) / "../shared/golden/obj";
}

// The code of a little-endian ELF64 object, section by section.
Result<std::vector<Bytes>> code_sections(Bytes elf) {
    constexpr std::uint32_t kProgbits = 1;
    constexpr std::uint64_t kExecutable = 4;
    constexpr std::uint64_t kHeaderBytes = 64;
    const auto table = TRY(read_at<std::uint64_t>(elf, 0x28));
    const auto count = TRY(read_at<std::uint16_t>(elf, 0x3c));
    std::vector<Bytes> sections;
    for (std::uint64_t index = 0; index < count; ++index) {
        const Bytes header = TRY(slice(elf, table + index * kHeaderBytes, kHeaderBytes));
        const auto type = TRY(read_at<std::uint32_t>(header, 4));
        const auto flags = TRY(read_at<std::uint64_t>(header, 8));
        if (type == kProgbits && (flags & kExecutable) != 0) {
            const auto offset = TRY(read_at<std::uint64_t>(header, 24));
            const auto size = TRY(read_at<std::uint64_t>(header, 32));
            sections.push_back(TRY(slice(elf, offset, size)));
        }
    }
    return sections;
}

std::vector<RawInsn> insns_of(Bytes section) {
    std::vector<RawInsn> insns;
    for (std::size_t at = 0; at + 8 <= section.size(); at += 8) {
        insns.push_back({section[at], section[at + 1],
                         read_at<std::int16_t>(section, at + 2).value(),
                         read_at<std::int32_t>(section, at + 4).value()});
    }
    return insns;
}

void expect_round_trips(std::span<const RawInsn> insns, const std::filesystem::path& path) {
    const auto decoded = decode_all(insns);
    ASSERT_TRUE(decoded.ok()) << path << ": " << decoded.error().message;
    std::vector<RawInsn> encoded;
    for (std::uint32_t at = 0; at < insns.size(); at += (*decoded)[at].slots()) {
        append(encoded, (*decoded)[at]);
    }
    EXPECT_EQ(encoded, std::vector<RawInsn>(insns.begin(), insns.end())) << path;
    const auto assembled = assemble(disassemble_program(insns));
    ASSERT_TRUE(assembled.ok()) << path << ": " << assembled.error().message;
    EXPECT_EQ(assembled->insns, encoded) << path;
}

TEST(GoldenObjects, GoThereAndBackAsCodeAndAsText) {
    std::error_code problem;
    std::size_t insns = 0;
    for (const auto& entry : std::filesystem::directory_iterator(objects_folder(), problem)) {
        if (entry.path().extension() != ".o") {
            continue;
        }
        std::ifstream stream(entry.path(), std::ios::binary);
        const ByteVector bytes{std::istreambuf_iterator<char>(stream),
                               std::istreambuf_iterator<char>()};
        const auto sections = code_sections(bytes);
        ASSERT_TRUE(sections.ok()) << entry.path() << ": " << sections.error().message;
        for (const Bytes section : *sections) {
            const std::vector<RawInsn> code = insns_of(section);
            insns += code.size();
            expect_round_trips(code, entry.path());
        }
    }
    if (insns == 0) {
        GTEST_SKIP() << "no objects: name their folder in SKEP_OBJECTS_DIR";
    }
}

} // namespace
} // namespace skep
