// SPDX-License-Identifier: Apache-2.0
//
// What PROG_LOAD asks for, read out of the caller's memory: a ProgramSpec whose map references are
// indexes, and the objects that the descriptors stand for. The order of the checks is the measured
// one, since tools probe an engine by the errors it gives.
//
// Proved by: program_request_test.cpp (tags), tests/abi.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/syscall/call.hpp"
#include "skep/syscall/log_buffer.hpp"

namespace skep::syscall {

struct ProgramRequest {
    ProgramSpec spec;
    std::string name; // as given, at most 15 bytes
    std::array<std::uint8_t, abi::kTagSize> tag{};
    std::vector<std::shared_ptr<registry::MapObject>> maps; // by the index that instructions carry
    std::vector<std::shared_ptr<registry::MapObject>> used_maps; // each once, in order of mention
    std::shared_ptr<registry::BtfObject> types;
    // Why the program is refused before it is judged: a reason that belongs into its log.
    std::optional<Error> refusal;
};

Result<ProgramRequest> read_program_request(Call& call, const abi::ProgLoadAttr& attr,
                                            const LogBuffer& log);

// The first 8 bytes of SHA-256 over the instructions as given, references to maps by descriptor
// zeroed in both halves.
std::array<std::uint8_t, abi::kTagSize> tag_of(std::span<const RawInsn> insns);

} // namespace skep::syscall
