// SPDX-License-Identifier: Apache-2.0
//
// Parsing: the header, then the type section as words in this machine's order; decode.cpp makes
// types of them. Everything in the type section is a 32-bit word, so that the other byte order
// costs one swap of each.
//
// Proved by: btf_test.cpp, fuzz/btf.
#include <algorithm>

#include <fmt/format.h>

#include "skep/base/kernel_errno.hpp"
#include "skep/btf/data.hpp"

namespace skep::btf {
namespace {

struct Header {
    std::endian order = std::endian::little;
    std::uint32_t header_bytes = 0, type_offset = 0, type_bytes = 0, string_offset = 0,
                  string_bytes = 0;
};

Result<Header> read_header(Bytes raw) {
    Header header;
    const auto magic = TRY(read_at<std::uint16_t>(raw, 0));
    if (magic == byte_swapped(kMagic)) {
        header.order = std::endian::big;
    } else if (magic != kMagic) {
        return fail(Code::invalid_input,
                    fmt::format("not BTF: magic is {:#06x}, not 0xeb9f", magic));
    }
    ByteReader reader(raw, header.order);
    TRY(reader.skip(2));
    const auto version = TRY(reader.read<std::uint8_t>());
    if (version != 1) {
        return Error{Code::unsupported, kNotSupported,
                     fmt::format("BTF version {} is not known", version)};
    }
    TRY(reader.skip(1));
    header.header_bytes = TRY(reader.read<std::uint32_t>());
    header.type_offset = TRY(reader.read<std::uint32_t>());
    header.type_bytes = TRY(reader.read<std::uint32_t>());
    header.string_offset = TRY(reader.read<std::uint32_t>());
    header.string_bytes = TRY(reader.read<std::uint32_t>());
    if (header.header_bytes < kHeaderBytes) {
        return fail(Code::invalid_input, fmt::format("BTF header of {} bytes, at least {} wanted",
                                                     header.header_bytes, kHeaderBytes));
    }
    return header;
}

Result<std::vector<std::uint32_t>> read_words(Bytes section, std::endian order) {
    if (section.size() % 4 != 0) {
        return fail(
            Code::invalid_input,
            fmt::format("type section of {} bytes is not a row of 32-bit words", section.size()));
    }
    std::vector<std::uint32_t> words(section.size() / 4);
    if (!words.empty()) {
        std::memcpy(words.data(), section.data(), section.size());
    }
    if (order != std::endian::native) {
        std::transform(words.begin(), words.end(), words.begin(),
                       [](std::uint32_t word) { return byte_swapped(word); });
    }
    return words;
}

Result<std::string> read_strings(Bytes section) {
    std::string strings(section.begin(), section.end());
    if (!strings.empty() && (strings.front() != '\0' || strings.back() != '\0')) {
        return fail(Code::invalid_input, "string section does not begin and end with a zero byte");
    }
    return strings;
}

} // namespace

Result<Btf> Btf::parse(Bytes raw, std::shared_ptr<const Btf> base) {
    const Header header = TRY(read_header(raw));
    const Bytes body =
        TRY(slice(raw, header.header_bytes,
                  raw.size() - std::min<std::uint64_t>(header.header_bytes, raw.size())));
    auto data = std::make_shared<Data>();
    const Bytes types =
        TRY_WHILE("type section", slice(body, header.type_offset, header.type_bytes));
    const Bytes strings =
        TRY_WHILE("string section", slice(body, header.string_offset, header.string_bytes));
    data->words = TRY(read_words(types, header.order));
    data->strings = TRY(read_strings(strings));
    if (base != nullptr) {
        data->first_id = base->type_count();
        data->base_string_bytes =
            base->data_->base_string_bytes + static_cast<std::uint32_t>(base->strings().size());
        data->base = std::move(base);
    }
    TRY(data->decode());
    Btf btf(std::move(data));
    TRY(check_nesting(btf));
    return btf;
}

} // namespace skep::btf
