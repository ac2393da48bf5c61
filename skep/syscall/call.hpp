// SPDX-License-Identifier: Apache-2.0
//
// Call: one call on its way through the dispatcher. The attributes were copied in once; only the
// copy is looked at. Writing back goes to the caller's memory at once, and only where the
// attributes reach.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/registry/registry.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/commands.hpp"
#include "skep/syscall/caller.hpp"
#include "skep/syscall/host.hpp"

namespace skep::syscall {

// The answer: >= 0 or a negative errno, and why in words when it is negative.
using Done = std::function<void(long result, const std::string& message)>;

struct Call;

// What one engine consists of.
struct Engine {
    registry::Registry& registry;
    Host& host;
    std::uint32_t cpu_count = 1;
    std::string pin_directory;
    // Private commands that are the daemon's own (status, stop); an embedded engine has none.
    std::function<Result<long>(Call&)> control;
};

// Answers that come later, by Call::finish.
inline constexpr long kPending = INT64_MIN;

inline constexpr std::uint64_t kUnaskedBytes = 1U << 20;

struct Call {
    Engine& engine;
    std::shared_ptr<Caller> caller;
    std::uint32_t command = 0;
    std::uint64_t attributes_address = 0;
    std::uint32_t attributes_size = 0;
    std::array<std::uint8_t, spec::kUnionBytes> attributes{};
    Done done;

    template <class T>
    [[nodiscard]] T attr() const {
        static_assert(sizeof(T) <= spec::kUnionBytes);
        T fields{};
        std::memcpy(&fields, attributes.data(), sizeof fields);
        return fields;
    }

    // Writes a field of the attributes back, when the caller's attributes reach that far.
    template <class T>
    Result<void> put(std::size_t offset, T value) {
        if (offset + sizeof value > attributes_size) {
            return {};
        }
        std::array<std::uint8_t, sizeof value> bytes{};
        std::memcpy(bytes.data(), &value, sizeof value);
        return caller->write(attributes_address + offset, bytes);
    }

    void finish(const Result<long>& result);

    [[nodiscard]] registry::Registry& objects() const { return engine.registry; }
    // The object of a descriptor attribute: bad_handle, or invalid_input when it is none of ours.
    Result<std::shared_ptr<registry::Object>> object(std::int64_t number) const;
    template <class T>
    Result<std::shared_ptr<T>> object_as(std::int64_t number) const;
    // A new handle of the object, given to the caller.
    Result<long> open(const registry::Object& object,
                      os::Access access = os::Access::read_write) const;

    // Sizes come from maps that somebody else may have made, of gigabytes: beyond kUnaskedBytes no
    // memory is taken for bytes that the caller does not have, or has no room for.
    Result<ByteVector> read_bytes(std::uint64_t address, std::uint64_t size) const;
    // Zeros, to be written to the caller at this address.
    Result<ByteVector> room_for(std::uint64_t address, std::uint64_t size) const;
};

// An error of exactly this errno.
Error answer(int os_errno, std::string message);

// At most 15 letters, digits, '_' and '.', ended by a zero; what follows the zero is ignored.
Result<std::string> object_name(const char (&field)[abi::kNameSize]);

template <class T>
struct KindOf;
template <>
struct KindOf<registry::MapObject> {
    static constexpr auto kKind = registry::ObjectKind::map;
};
template <>
struct KindOf<registry::ProgramObject> {
    static constexpr auto kKind = registry::ObjectKind::program;
};
template <>
struct KindOf<registry::BtfObject> {
    static constexpr auto kKind = registry::ObjectKind::btf;
};
template <>
struct KindOf<registry::LinkObject> {
    static constexpr auto kKind = registry::ObjectKind::link;
};

template <class T>
Result<std::shared_ptr<T>> Call::object_as(std::int64_t number) const {
    auto found = TRY(object(number));
    if (found->kind() != KindOf<T>::kKind) {
        return fail(Code::invalid_input, "the descriptor stands for another kind of object");
    }
    return std::static_pointer_cast<T>(std::move(found));
}

} // namespace skep::syscall
