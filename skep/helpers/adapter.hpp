// SPDX-License-Identifier: Apache-2.0
//
// From a function of typed arguments to the native form of five registers.
//
//   std::int64_t map_delete(Invocation&, maps::Map& map, const std::uint8_t* key);
//   constexpr Row kRows[] = {{Helper::map_delete_elem, kNative<map_delete>}, ...};
//
// Numbers are cut to the width of the argument, pointers and references are taken as addresses.
// That an address is good, and memory as long as the helper will use it, is what the verifier
// proved from the helper's row; nothing here checks it again.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "skep/helpers/invocation.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::helpers {

struct Row {
    spec::Helper helper;
    HelperFunction function;
};

// The families; binding.cpp joins them.
std::span<const Row> map_helpers();
std::span<const Row> control_helpers();
std::span<const Row> clock_helpers();
std::span<const Row> task_helpers();
std::span<const Row> text_helpers();
std::span<const Row> trace_helpers();
std::span<const Row> ring_helpers();
std::span<const Row> dynptr_helpers();
std::span<const Row> probe_helpers();
std::span<const Row> xdp_helpers();
std::span<const Row> redirect_helpers();
std::span<const Row> checksum_helpers();
std::span<const Row> skb_byte_helpers();
std::span<const Row> skb_shape_helpers();
std::span<const Row> skb_field_helpers();

template <class Argument>
Argument from_register(std::uint64_t number) {
    if constexpr (std::is_pointer_v<Argument>) {
        return reinterpret_cast<Argument>(number); // NOLINT: an address, as the verifier proved
    } else if constexpr (std::is_reference_v<Argument>) {
        return *reinterpret_cast<std::remove_reference_t<Argument>*>(number); // NOLINT: as above
    } else {
        static_assert(std::is_integral_v<Argument>);
        return static_cast<Argument>(number);
    }
}

template <class Result>
std::uint64_t to_register(Result result) {
    if constexpr (std::is_pointer_v<Result>) {
        return reinterpret_cast<std::uint64_t>(result);
    } else if constexpr (std::is_signed_v<Result>) {
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(result));
    } else {
        return result;
    }
}

template <auto function>
struct Adapter;

template <class Result, class... Arguments, Result (*function)(Invocation&, Arguments...)>
struct Adapter<function> {
    static_assert(sizeof...(Arguments) <= 5);

    // NOLINTNEXTLINE(readability-function-size): as engines call helpers
    static std::uint64_t call(std::uint64_t r1, std::uint64_t r2, std::uint64_t r3,
                              std::uint64_t r4, std::uint64_t r5, Invocation& invocation) {
        return spread({r1, r2, r3, r4, r5}, invocation, std::index_sequence_for<Arguments...>{});
    }

  private:
    template <std::size_t... index>
    static std::uint64_t spread(const std::array<std::uint64_t, 5>& registers,
                                Invocation& invocation, std::index_sequence<index...>) {
        if constexpr (std::is_void_v<Result>) {
            function(invocation, from_register<Arguments>(registers[index])...);
            return 0;
        } else {
            return to_register(function(invocation, from_register<Arguments>(registers[index])...));
        }
    }
};

template <auto function>
inline constexpr HelperFunction kNative = &Adapter<function>::call;

} // namespace skep::helpers
