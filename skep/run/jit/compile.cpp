// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/compile.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "skep/helpers/invocation.hpp"
#include "skep/run/jit/lowering.hpp"
#include "skep/run/jit/routines.hpp"
#if defined(__x86_64__)
#include "skep/run/jit/x64/target.hpp"
#endif

namespace skep::run::jit {
namespace {

#if defined(__x86_64__)
using HostTarget = x64::TargetX64;
HostTarget make_target(Processor processor, std::size_t slots, std::uint64_t blinding) {
    const bool this_one = processor == Processor::this_one;
    return HostTarget({.bmi2 = this_one && __builtin_cpu_supports("bmi2") != 0}, slots, blinding);
}
#endif

// In-place look-up wants numbers that fit an immediate, and values that lie together.
MapShape shape_of(maps::Map& map, std::uint32_t index) {
    const spec::MapType type = map.spec().type;
    const auto values = map.direct_values();
    constexpr auto kMost = static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max());
    if ((type != spec::MapType::array && type != spec::MapType::percpu_array) ||
        !values.has_value() || values->stride == 0 || values->stride > kMost ||
        map.spec().max_entries > kMost) {
        return {map.lookup_function() != nullptr ? LookupWay::function : LookupWay::helper, index};
    }
    return {LookupWay::in_place, index, map.spec().max_entries, values->stride, values->cpu_stride};
}

Result<maps::Map*> bound_map(const Binding& binding, std::uint32_t index) {
    if (index >= binding.maps.size() || binding.maps[index] == nullptr) {
        return fail(Code::invalid_input,
                    fmt::format("map {} of {} is not bound", index, binding.maps.size()));
    }
    return binding.maps[index];
}

Result<std::uint64_t> address_in_values(maps::Map& map, std::uint64_t offset) {
    const auto values = map.direct_values();
    if (!values.has_value() || offset >= map.spec().value_size_bytes) {
        return fail(Code::unsupported,
                    fmt::format("map '{}' has no value that can be addressed at {}",
                                map.spec().name, offset));
    }
    return reinterpret_cast<std::uintptr_t>(values->base) + offset; // NOLINT: an address in code
}

Result<std::uint64_t> address_of(const Relocation& relocation, const Binding& binding) {
    switch (relocation.referent) {
    case Referent::map:
        return reinterpret_cast<std::uintptr_t>(
            TRY(bound_map(binding, relocation.index))); // NOLINT: an address in code
    case Referent::map_value:
        return address_in_values(*TRY(bound_map(binding, relocation.index)), relocation.addend);
    case Referent::helper: {
        const helpers::HelperFunction function = helpers::find_helper(relocation.index);
        if (function == nullptr) {
            return fail(Code::unsupported,
                        fmt::format("helper {} is not in this build of skep", relocation.index));
        }
        return reinterpret_cast<std::uintptr_t>(function); // NOLINT: an address in code
    }
    case Referent::lookup_function: {
        const auto function = TRY(bound_map(binding, relocation.index))->lookup_function();
        if (function == nullptr) {
            return fail(Code::invalid_input, "the code was made for a map of another kind");
        }
        return reinterpret_cast<std::uintptr_t>(function); // NOLINT: an address in code
    }
    case Referent::routine:
        return address_of(static_cast<Routine>(relocation.index));
    }
    return fail(Code::invalid_input, "a relocation of no known kind");
}

} // namespace

std::vector<MapShape> map_shapes(const verify::VerifiedProgram& program, const Binding& binding) {
    std::vector<MapShape> shapes(program.maps().size());
    for (std::uint32_t i = 0; i < std::min(shapes.size(), binding.maps.size()); ++i) {
        if (binding.maps[i] != nullptr) {
            shapes[i] = shape_of(*binding.maps[i], i);
        }
    }
    return shapes;
}

Result<Image> compile([[maybe_unused]] const verify::VerifiedProgram& program,
                      [[maybe_unused]] MapShapes shapes, [[maybe_unused]] Processor processor,
                      [[maybe_unused]] std::uint64_t blinding) {
#if defined(__x86_64__)
    shapes = blinding != 0 ? MapShapes() : shapes;
    const Plan plan = TRY(make_plan(program, shapes));
    HostTarget target = make_target(processor, plan.insns.size(), blinding);
    return Lowering<HostTarget>(program, plan, shapes, target,
                                blinding != 0 ? Deferring::no : Deferring::yes)
        .run();
#else
    return fail(Code::unsupported,
                "there is no code generator for this machine: use the interpreter");
#endif
}

Result<void> bind(Image& image, const Binding& binding) {
    for (const Relocation& relocation : image.relocations) {
        const std::uint64_t address = TRY(address_of(relocation, binding));
        std::memcpy(image.code.data() + relocation.offset, &address, sizeof(address));
    }
    return {};
}

} // namespace skep::run::jit
