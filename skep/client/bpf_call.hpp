// SPDX-License-Identifier: Apache-2.0
//
// How the typed requests call the engine: private to skep/client/bpf*.cpp.
//
// The attributes sent are as long as the command's row says, not as our newest structure is: an
// older kernel refuses bytes that it does not know unless they are zero, and takes fewer gladly.
#pragma once

#include <cstring>
#include <string>

#include "skep/client/bpf.hpp"

namespace skep::client {

inline std::uint64_t address_of(const void* memory) {
    return static_cast<std::uint64_t>(
        reinterpret_cast<std::uintptr_t>(memory)); // NOLINT: the ABI wants a number
}

// Bytes up to and with the last one that is not zero, at least 8: what must be sent.
template <class Attributes>
std::uint32_t used_bytes(const Attributes& attributes) {
    const auto* bytes =
        reinterpret_cast<const std::uint8_t*>(&attributes); // NOLINT: bytes of a record
    std::size_t size = sizeof(Attributes);
    while (size > 8 && bytes[size - 1] == 0) {
        --size;
    }
    return static_cast<std::uint32_t>((size + 7) / 8 * 8);
}

template <class Attributes>
long call(Transport& engine, spec::Command command, Attributes& attributes) {
    const spec::CommandRow* row = spec::find_command(static_cast<std::uint32_t>(command));
    const std::uint32_t known = row == nullptr ? sizeof(Attributes) : row->bytes;
    const bool is_long =
        command == spec::Command::map_create || command == spec::Command::prog_load;
    const std::uint32_t size = is_long ? used_bytes(attributes) : known;
    return engine.bpf(static_cast<std::uint32_t>(command), &attributes,
                      std::min<std::uint32_t>(size, sizeof(Attributes)));
}

template <class Record>
Result<void> fill_info(Transport& engine, int fd, Record& record, std::string_view what) {
    abi::InfoAttr attr = {};
    attr.bpf_fd = static_cast<std::uint32_t>(fd);
    attr.info_len = sizeof(Record);
    attr.info = address_of(&record);
    const long answer = call(engine, spec::Command::obj_get_info_by_fd, attr);
    if (answer < 0) {
        return refused(engine, spec::Command::obj_get_info_by_fd, answer, what);
    }
    return {};
}

template <std::size_t size>
void put_name(char (&field)[size], const std::string& name) {
    std::memcpy(field, name.data(), std::min(name.size(), size - 1));
}

} // namespace skep::client
