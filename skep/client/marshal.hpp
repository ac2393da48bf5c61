// SPDX-License-Identifier: Apache-2.0
//
// From a call with addresses and descriptors of this process to a message that carries what they
// stand for, by the rows of spec/commands.def alone, and back again.
//
// Memory that cannot be read is left out: the engine then answers EFAULT, as the kernel would. Key
// and value sizes are the map's, which the engine is asked for once for each map.
//
// Proved by: tests/abi (every call through the daemon answers as it does without).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "skep/spec/commands.hpp"
#include "skep/syscall/wire/message.hpp"

namespace skep::client {

// What the marshaller has to know of a map.
struct MapShape {
    std::uint32_t type = 0;
    std::uint32_t key_bytes = 0;
    std::uint32_t value_bytes = 0; // as user space sees it
};
using ShapeOf = std::function<Result<MapShape>(int map_fd)>;

struct Marshalled {
    syscall::Request request;
    std::vector<int> files; // of this process, to be passed
};

class Marshaller {
  public:
    Marshaller(std::uint32_t command, void* attributes, std::uint32_t size,
               const ShapeOf& shape_of);

    // too_big when a payload is longer than the command's maximum.
    Result<Marshalled> marshal();

  private:
    template <class T>
    [[nodiscard]] T field(std::uint32_t offset) const;
    void add_descriptor(std::int32_t number);
    void add_descriptors_at(std::uint64_t address, std::uint64_t count);
    void add_insn_descriptors(const ByteVector& insns);
    void add_value_descriptors(const spec::PointerRow& row, std::uint64_t address,
                               std::uint64_t bytes);
    Result<void> add_pointer(const spec::PointerRow& row);
    Result<std::uint64_t> length_of(const spec::PointerRow& row, std::uint64_t address);
    std::uint64_t indexed_descriptors() const;
    void add_segment(std::uint64_t address, spec::Direction direction, std::uint64_t bytes);
    void add_info_segments(std::uint64_t record, std::uint64_t bytes);

    std::uint32_t command_;
    std::uint64_t address_;
    std::uint32_t size_;
    ByteVector attributes_;
    const ShapeOf& shape_of_;
    Marshalled marshalled_;
};

// Puts what the engine wrote where it belongs, as far as the call allowed it to write there.
Result<void> apply_writes(const syscall::Request& request,
                          const std::vector<syscall::MemoryWrite>& writes);

} // namespace skep::client
