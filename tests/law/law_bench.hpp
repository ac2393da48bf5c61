// SPDX-License-Identifier: Apache-2.0
//
// LawBench: one call to a helper, put to the running kernel and to our own checks alike.
//
// The program sets R1..R5 to chosen things and calls; the state that our check sees is the one that
// the program reaches. So the two answers can be compared line by line.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/btf/btf.hpp"
#include "skep/os/fd.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/spec/map_spec.hpp"
#include "skep/spec/program_types.hpp"

namespace skep::tests {

// What a register is set to before the call.
enum class Offer : std::uint8_t {
    nothing, // left unset
    zero,
    one,
    sixteen,
    negative, // -1
    stack,    // 64 bytes of zeros on the stack
    context,
    map,       // of a type that the helper takes; a hash when it takes none
    map_value, // 64 bytes of an array's value
};
std::string_view name_of(Offer offer);

struct Call {
    spec::Helper helper = spec::Helper::unspec;
    spec::ProgramType type = spec::ProgramType::unspec;
    spec::AttachType attach{};
    bool sleepable = false;
    bool gpl = true;
    std::array<Offer, 5> offers{}; // R1 first
};
std::string text_of(const Call& call);

// An answer: accepted, or the line that says why not.
struct Answer {
    bool accepted = false;
    std::string line;
};

class LawBench {
  public:
    static bool is_available();
    LawBench();

    [[nodiscard]] Answer kernel(const Call& call) const;
    [[nodiscard]] Answer ours(const Call& call) const;
    // Whether a map can be made that the helper takes (some need types).
    [[nodiscard]] bool has_map_for(spec::Helper helper) const;

  private:
    [[nodiscard]] std::size_t map_for(spec::Helper helper) const; // index in specs_

    std::vector<spec::MapSpec> specs_; // the array for values is the first
    std::vector<os::Fd> maps_;
    std::optional<btf::Btf> kernel_types_;
};

} // namespace skep::tests
