// SPDX-License-Identifier: Apache-2.0
//
// What a program on packets is handed: a frame of random bytes and the record that points at it.
#pragma once

#include <array>
#include <cstdint>
#include <random>

#include "skep/base/bytes.hpp"
#include "skep/spec/contexts/host_contexts.hpp"
#include "skep/spec/program_types.hpp"

namespace skep::tests::soundness {

// Programs on packets: for others there is nothing here that they could be handed.
bool can_be_given_input(spec::ProgramType type);

// Filled with the same random numbers, the same input at the same address.
class Input {
  public:
    explicit Input(spec::ContextId kind) : kind_(kind) {}
    Input(const Input&) = delete; // its parts point at each other
    Input& operator=(const Input&) = delete;

    void fill(std::mt19937_64& random);

    void* record();
    // The frame and the record, as a run left them, with addresses in the frame as distances.
    [[nodiscard]] ByteVector bytes() const;

  private:
    static constexpr std::size_t kRoom = 256; // before and behind the packet
    static constexpr std::size_t kLongest = 1600;

    spec::ContextId kind_;
    alignas(16) std::array<std::uint8_t, 2 * kRoom + kLongest> frame_{};
    spec::HostXdp xdp_;
    spec::HostSkb skb_;
};

} // namespace skep::tests::soundness
