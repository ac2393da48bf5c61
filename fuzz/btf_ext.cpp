// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the .BTF.ext of a sound object: they take the place of its section of that name at
// the end of the file, and the section header is set to them.
#include <cstring>
#include <fstream>
#include <iterator>

#include "skep/load/object.hpp"

namespace {

constexpr std::size_t kSectionTableAt = 0x28; // in the ELF header: the section table's offset
constexpr std::size_t kSectionHeaderBytes = 64;

std::uint64_t read64(const skep::ByteVector& file, std::size_t at) {
    return skep::read_at<std::uint64_t>(file, at).value_or(0);
}

// The object with other bytes for the section whose contents begin as .BTF.ext does.
skep::ByteVector with_extension(skep::ByteVector file, skep::Bytes extension) {
    const std::uint64_t table = read64(file, kSectionTableAt);
    for (std::uint64_t header = table; header + kSectionHeaderBytes <= file.size();
         header += kSectionHeaderBytes) {
        const std::uint64_t offset = read64(file, header + 24);
        const auto magic = skep::read_at<std::uint16_t>(file, offset).value_or(0);
        const auto length = skep::read_at<std::uint32_t>(file, offset + 4).value_or(0);
        if (magic == 0xeb9f && length == 32) { // .BTF has a header of 24 bytes
            const std::uint64_t place[2] = {file.size(), extension.size()};
            std::memcpy(file.data() + header + 24, place, sizeof place);
            break;
        }
    }
    file.insert(file.end(), extension.begin(), extension.end());
    return file;
}

// A sound object whose .BTF.ext has no relocations of its own.
skep::ByteVector host_object() {
    std::ifstream file(SKEP_FUZZ_FOLDER "/seeds/elf/core-without-rel.o", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const skep::ByteVector object = host_object();
    SKEP_ASSERT(!object.empty());
    (void)skep::load::load_object(with_extension(object, skep::Bytes(data, size)), "fuzzed.o", {});
    return 0;
}
