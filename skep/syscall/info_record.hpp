// SPDX-License-Identifier: Apache-2.0
//
// The record that OBJ_GET_INFO_BY_FD reads and fills in, and the arrays that it points at.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "skep/syscall/call.hpp"

namespace skep::syscall {

struct InfoRecord {
    std::uint64_t address = 0;
    std::uint32_t size_bytes = 0;

    // What the caller has there, as far as it reaches and we know it.
    template <class T>
    Result<T> read(const Call& call) const {
        if (size_bytes > spec::kMaximumAttributeBytes) {
            return answer(E2BIG, "the record is longer than a page");
        }
        const ByteVector bytes = TRY(call.read_bytes(address, size_bytes));
        const std::size_t known = std::min(bytes.size(), sizeof(T));
        if (std::any_of(bytes.begin() + static_cast<std::ptrdiff_t>(known), bytes.end(),
                        [](auto byte) { return byte != 0; })) {
            return answer(E2BIG, "the record has a part that this engine does not know");
        }
        T record{};
        std::copy_n(bytes.begin(), known, reinterpret_cast<std::uint8_t*>(&record)); // may be none
        return record;
    }

    // As much of the answer as there is room for; info_len becomes how much that was.
    template <class T>
    Result<long> write(Call& call, const T& record) const {
        const std::uint32_t size = std::min<std::uint32_t>(size_bytes, sizeof(T));
        const auto* first = reinterpret_cast<const std::uint8_t*>(&record);
        const ByteVector bytes(first, first + size);
        TRY(call.caller->write(address, bytes));
        TRY(call.put(offsetof(abi::InfoAttr, info_len), size));
        return 0L;
    }
};

// Where an array is wanted, and how many entries fit: 0 asks for the number alone.
struct ArrayRoom {
    std::uint64_t address = 0;
    std::uint32_t entries = 0;
};

// As many entries as there is room for.
inline Result<void> put_array(Call& call, ArrayRoom room, Bytes all, std::size_t entry_bytes) {
    if (room.entries == 0) {
        return {};
    }
    return call.caller->write(
        room.address,
        all.first(std::min<std::uint64_t>(room.entries * std::uint64_t{entry_bytes}, all.size())));
}

} // namespace skep::syscall
