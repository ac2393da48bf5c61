// SPDX-License-Identifier: Apache-2.0
//
// Paths: what registers and the stack hold on each way through a program that is being written.
//
// Each way is followed by itself, with numbers that are known or bounded and addresses as an object
// and a distance from its beginning, so that the writer knows of any further instruction whether it
// is safe on all of them. It never claims more than a verifier finds out on the same way.
//
//   objects   stack: 64 bytes below the frame's end; value: 64 bytes; packet: 32 bytes
//
// Proved by: tests/soundness/meetings_test.cpp (nearly all of what is written is accepted).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace skep::tests::soundness {

constexpr std::int64_t kStackBytes = 64, kValueBytes = 64, kPacketBytes = 32;

enum class Is : std::uint8_t { nothing, number, stack, value, packet };

struct Content {
    Is is = Is::nothing;
    bool is_bounded = false; // numbers; addresses always are
    std::int64_t low = 0;    // of the number, or of the distance
    std::int64_t high = 0;

    [[nodiscard]] bool is_address() const { return is > Is::number; }
    [[nodiscard]] bool is_exact() const { return (is_bounded || is_address()) && low == high; }
    friend bool operator==(const Content&, const Content&) = default;
};

constexpr Content some_number() { return {Is::number, false, 0, 0}; }
constexpr Content number_between(std::int64_t low, std::int64_t high) {
    return {Is::number, true, low, high};
}
constexpr Content address_in(Is object, std::int64_t at) { return {object, true, at, at}; }

struct Path {
    std::array<Content, 10> regs{};
    std::array<Content, kStackBytes / 8> slots{}; // by distance from the lowest
    friend bool operator==(const Path&, const Path&) = default;
};
using Paths = std::vector<Path>;

// The sum of both, nothing when it is not allowed.
Content sum(Content one, Content other);
Content difference(Content one, Content other);
// Whether so many bytes at the address lie in its object, and on the stack in written slots that
// may be read so.
bool may_load(const Path& path, Content address, std::int64_t bytes);
bool may_store(const Path& path, Content address, std::int64_t bytes, Content what);
Content loaded(const Path& path, Content address, std::int64_t bytes);
void store(Path& path, Content address, std::int64_t bytes, Content what);
// All of both, each once.
Paths joined(Paths one, const Paths& other);

} // namespace skep::tests::soundness
