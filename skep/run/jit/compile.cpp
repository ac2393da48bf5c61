// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/compile.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "skep/helpers/invocation.hpp"
#include "skep/run/jit/machines.hpp"
#include "skep/run/jit/routines.hpp"

namespace skep::run::jit {
namespace {

// In-place look-up wants numbers that fit an immediate, and values that lie together.
MapShape shape_of(maps::Map& map, std::uint32_t index) {
    const spec::MapType type = map.spec().type;
    const auto values = map.direct_values();
    constexpr auto kMost = static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max());
    if ((type != spec::MapType::array && type != spec::MapType::percpu_array) ||
        !values.has_value() || values->stride == 0 || values->stride > kMost ||
        map.spec().max_entries > kMost) {
        const bool has_function = map.lookup_function() != nullptr;
        return {.way = has_function ? LookupWay::function : LookupWay::helper,
                .map_index = index,
                .key_bytes = map.spec().key_size_bytes,
                .home = has_function ? map.home_lanes().shape : maps::HomeLanes::Shape{}};
    }
    return {.way = LookupWay::in_place,
            .map_index = index,
            .entries = map.spec().max_entries,
            .stride_bytes = values->stride,
            .cpu_stride_bytes = values->cpu_stride,
            .home = {}};
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

Result<std::uint64_t> home_lane_part(const maps::Map& map, std::uint64_t part) {
    const maps::HomeLanes home = map.home_lanes();
    if (home.shape.lanes == 0) {
        return fail(Code::invalid_input, "the code was made for a map of another kind");
    }
    const auto address = [](const void* place) {
        return reinterpret_cast<std::uintptr_t>(place); // NOLINT: an address in code
    };
    switch (static_cast<maps::HomeLanePart>(part)) {
    case maps::HomeLanePart::buckets:
        return address(home.buckets);
    case maps::HomeLanePart::elements:
        return address(home.elements);
    case maps::HomeLanePart::cpu_values:
        return address(home.cpu_values);
    case maps::HomeLanePart::secret_low:
        return home.secret_low;
    case maps::HomeLanePart::secret_high:
        return home.secret_high;
    }
    return fail(Code::invalid_input, "a relocation of no known kind");
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
        const auto function =
            TRY(bound_map(binding, relocation.index))
                ->lookup_function_for(static_cast<maps::KeyPieces>(relocation.addend));
        if (function == nullptr) {
            return fail(Code::invalid_input, "the code was made for a map of another kind");
        }
        return reinterpret_cast<std::uintptr_t>(function); // NOLINT: an address in code
    }
    case Referent::home_lane:
        return home_lane_part(*TRY(bound_map(binding, relocation.index)), relocation.addend);
    case Referent::routine:
        return address_of(static_cast<Routine>(relocation.index));
    }
    return fail(Code::invalid_input, "a relocation of no known kind");
}

// Puts the address into the room that image.hpp describes. Behind the instructions it lies whole.
void fill_in(Image& image, std::uint32_t offset, std::uint64_t address) {
    std::uint8_t* room = image.code.data() + offset;
    const bool is_in_text = image.text_bytes == 0 || offset < image.text_bytes;
    if (image.machine != Machine::arm64 || !is_in_text) {
        std::memcpy(room, &address, sizeof(address));
        return;
    }
    constexpr std::uint32_t kNumberPlace = 5;
    constexpr std::uint32_t kNumberBits = 0xffff;
    for (unsigned part = 0; part < 4; ++part) {
        std::uint32_t word = 0;
        std::memcpy(&word, room + part * sizeof(word), sizeof(word));
        word &= ~(kNumberBits << kNumberPlace);
        word |= (static_cast<std::uint32_t>(address >> (16 * part)) & kNumberBits) << kNumberPlace;
        std::memcpy(room + part * sizeof(word), &word, sizeof(word));
    }
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

Result<Image> compile(const verify::VerifiedProgram& program, MapShapes shapes, Wanted wanted) {
    shapes = wanted.blinding != 0 ? MapShapes() : shapes;
    if (wanted.machine != kThisMachine) {
        wanted.processor = Processor::any;
    }
    WorkingMemory memory;
    const Plan plan = TRY(make_plan(program, shapes, Blocks::laid_out, memory.lists()));
    switch (wanted.machine) {
    case Machine::x64:
        return x64::lower({program, plan, shapes, wanted});
    case Machine::arm64:
        return arm64::lower({program, plan, shapes, wanted});
    case Machine::none:
        break;
    }
    return fail(Code::unsupported,
                "there is no code generator for this machine: use the interpreter");
}

Result<void> bind(Image& image, const Binding& binding) {
    for (const Relocation& relocation : image.relocations) {
        const std::uint64_t address = TRY(address_of(relocation, binding));
        fill_in(image, relocation.offset, address);
    }
    return {};
}

} // namespace skep::run::jit
