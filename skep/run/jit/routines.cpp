// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/routines.hpp"

#include <cstring>

#include "skep/base/bytes.hpp"
#include "skep/contexts/classic_packet.hpp"
#include "skep/helpers/tail_call.hpp"
#include "skep/os/guard/guarded_copy.hpp"

namespace skep::run::jit {
namespace {

using helpers::Invocation;

// NOLINTBEGIN(readability-function-size): called as helpers are, with five numbers and the run
template <auto call>
RoutineAnswer tail_call_by(std::uint64_t, std::uint64_t map, std::uint64_t index, std::uint64_t,
                           std::uint64_t, Invocation& invocation) {
    RoutineAnswer answer;
    auto& programs = *reinterpret_cast<maps::Map*>(map); // NOLINT: a map travels as a number
    const bool happened =
        call(programs, static_cast<std::uint32_t>(index), invocation, answer.value);
    answer.happened = happened ? 1 : 0;
    return answer;
}

RoutineAnswer packet_load(std::uint64_t context, std::uint64_t position, std::uint64_t size_bytes,
                          std::uint64_t, std::uint64_t, Invocation&) {
    const auto& skb = *reinterpret_cast<const spec::HostSkb*>(context); // NOLINT: R6 holds it
    const auto where = static_cast<std::int32_t>(static_cast<std::uint32_t>(position));
    const std::uint64_t address = contexts::classic_packet_address(skb, where, size_bytes);
    if (address == 0) {
        return {};
    }
    std::uint64_t number = 0; // the bytes come last, so that swapping puts them first
    std::memcpy(reinterpret_cast<std::uint8_t*>(&number) + sizeof(number) -
                    size_bytes,                                      // NOLINT: bytes of a local
                reinterpret_cast<const void*>(address), size_bytes); // NOLINT: proved above
    return {byte_swapped(number), 1};
}

RoutineAnswer guarded_load(std::uint64_t address, std::uint64_t size_bytes, std::uint64_t,
                           std::uint64_t, std::uint64_t, Invocation&) {
    std::uint64_t number = 0;
    if (!os::copy_guarded(&number, reinterpret_cast<const void*>(address),
                          size_bytes)) { // NOLINT: may be nowhere
        return {};
    }
    return {number, 1};
}

RoutineAnswer find_helper(std::uint64_t id, std::uint64_t, std::uint64_t, std::uint64_t,
                          std::uint64_t, Invocation&) {
    const helpers::HelperFunction function = helpers::find_helper(static_cast<std::uint32_t>(id));
    return {reinterpret_cast<std::uintptr_t>(function),
            function != nullptr ? 1U : 0U}; // NOLINT: an address of code
}
// NOLINTEND(readability-function-size)

using RoutineFunction = RoutineAnswer (*)(std::uint64_t, std::uint64_t, std::uint64_t,
                                          std::uint64_t, std::uint64_t, Invocation&);
constexpr std::array<RoutineFunction, static_cast<std::size_t>(Routine::count_)> kRoutines{
    tail_call_by<helpers::tail_call>, packet_load, guarded_load, find_helper,
    tail_call_by<helpers::tail_call_at_the_end>};

} // namespace

std::uintptr_t address_of(Routine routine) {
    return reinterpret_cast<std::uintptr_t>(
        kRoutines[static_cast<std::size_t>(routine)]); // NOLINT: an address of code
}

} // namespace skep::run::jit
