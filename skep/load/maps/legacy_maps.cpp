// SPDX-License-Identifier: Apache-2.0
//
// Maps of sections "maps", "maps/NAME" and "NAME/maps": definitions as bytes, in the layouts of
// three old loaders. All begin with the same five words; which it is shows in how long one
// definition is.
//
//   bytes   0     4         8           12           16     20             24      28         32
//   20      type  key_size  value_size  max_entries  flags libbpf 28      ... inner_map_idx  numa
//   kernel samples 36      ...                                             id             pinning
//   inner_id  inner_idx   iproute2
#include <algorithm>

#include <fmt/format.h>

#include "skep/load/maps/map_rules.hpp"
#include "skep/spec/maps/map_contents.hpp"

namespace skep::load {
namespace {

constexpr std::uint64_t kShortest = 16;
constexpr std::uint64_t kSamples = 28;
constexpr std::uint64_t kIproute2 = 36;

struct LegacyDefinition {
    std::uint32_t place = 0; // in spec.maps
    std::uint32_t id = 0, inner_id = 0, inner_index = 0;
    std::optional<std::uint32_t> inner_place; // counted within the section
};

class LegacyReader {
  public:
    LegacyReader(Draft& draft, const Section& section) : draft_(draft), section_(section) {}

    Result<void> read() {
        collect();
        for (std::size_t i = 0; i < symbols_.size(); ++i) {
            const Symbol& symbol = draft_.elf.symbols()[symbols_[i]];
            const std::uint64_t end = i + 1 < symbols_.size()
                                          ? draft_.elf.symbols()[symbols_[i + 1]].value
                                          : section_.size_bytes;
            const std::uint64_t gap = end - symbol.value;
            const std::uint64_t length =
                symbol.size_bytes != 0 && symbol.size_bytes <= gap ? symbol.size_bytes : gap;
            TRY_WHILE(fmt::format("map '{}' at offset {:#x} of section '{}'", symbol.name,
                                  symbol.value, section_.name),
                      read_one(symbols_[i], length));
        }
        connect_inner();
        return {};
    }

  private:
    void collect() {
        for (std::uint32_t number = 0; number < draft_.elf.symbols().size(); ++number) {
            const Symbol& symbol = draft_.elf.symbols()[number];
            const bool is_map =
                symbol.section == section_.index && !symbol.name.empty() &&
                symbol.value < section_.size_bytes &&
                (symbol.kind == SymbolKind::object || symbol.kind == SymbolKind::none);
            if (is_map) {
                symbols_.push_back(number);
            }
        }
        std::stable_sort(symbols_.begin(), symbols_.end(),
                         [this](std::uint32_t a, std::uint32_t b) {
                             return draft_.elf.symbols()[a].value < draft_.elf.symbols()[b].value;
                         });
    }

    Result<void> read_one(std::uint32_t number, std::uint64_t length) {
        const Symbol& symbol = draft_.elf.symbols()[number];
        if (length < kShortest) {
            return fail(
                Code::invalid_input,
                fmt::format("a definition of {} bytes, at least {} wanted", length, kShortest));
        }
        ByteReader reader(TRY(slice(section_.contents, symbol.value, length)));
        ObjectMap map;
        map.spec.name = symbol.name;
        map.section = section_.name;
        map.spec.type = static_cast<spec::MapType>(TRY(reader.read<std::uint32_t>()));
        map.spec.key_size_bytes = TRY(reader.read<std::uint32_t>());
        map.spec.value_size_bytes = TRY(reader.read<std::uint32_t>());
        map.spec.max_entries = TRY(reader.read<std::uint32_t>());
        map.spec.flags = length >= 20 ? TRY(reader.read<std::uint32_t>()) : 0;
        LegacyDefinition definition;
        if (length == kIproute2) {
            definition.id = TRY(reader.read<std::uint32_t>());
            map.pinning = pinning_of(draft_, symbol.name, TRY(reader.read<std::uint32_t>()));
            definition.inner_id = TRY(reader.read<std::uint32_t>());
            definition.inner_index = TRY(reader.read<std::uint32_t>());
        } else if (length == kSamples) {
            const auto inner = TRY(reader.read<std::uint32_t>());
            map.spec.numa_node = TRY(reader.read<std::uint32_t>());
            if (spec::holds_maps(map.spec.type)) {
                definition.inner_place = inner;
            }
        } else if (length > 20) {
            TRY(check_rest_is_zero(reader, symbol.name, length));
        }
        definition.place = add_map(draft_, std::move(map));
        draft_.map_symbols[number] = definition.place;
        definitions_.push_back(definition);
        return {};
    }

    Result<void> check_rest_is_zero(ByteReader& reader, const std::string& name,
                                    std::uint64_t length) {
        while (!reader.at_end()) {
            if (TRY(reader.read<std::uint8_t>()) != 0) {
                draft_.warn(fmt::format("map '{}': a definition of {} bytes is not known; what "
                                        "follows its flags is left out",
                                        name, length));
                return {};
            }
        }
        return {};
    }

    // Gives maps of maps the shape of what they hold, and iproute2's initial slots: there the outer
    // map's inner_id is the id of what it holds, and that one's inner_idx is its slot.
    void connect_inner() {
        for (const LegacyDefinition& inner : definitions_) {
            for (const LegacyDefinition& outer : definitions_) {
                const bool by_id =
                    outer.inner_id != 0 && inner.id == outer.inner_id && inner.place != outer.place;
                const bool by_place = outer.inner_place &&
                                      *outer.inner_place < definitions_.size() &&
                                      &definitions_[*outer.inner_place] == &inner;
                if (!by_id && !by_place) {
                    continue;
                }
                ObjectMap& holder = draft_.spec.maps[outer.place];
                holder.spec.inner =
                    std::make_shared<spec::MapSpec>(draft_.spec.maps[inner.place].spec);
                if (by_id && inner.inner_index < holder.spec.max_entries) {
                    holder.initial_slots.push_back({inner.inner_index, inner.place});
                }
            }
        }
    }

    Draft& draft_;
    const Section& section_;
    std::vector<std::uint32_t> symbols_;
    std::vector<LegacyDefinition> definitions_;
};

constexpr std::size_t kMaxLegacyMaps = 4096;

} // namespace

Result<void> read_legacy_maps(Draft& draft) {
    for (const Section& section : draft.elf.sections()) {
        const bool is_legacy = section.name == "maps" || section.name.starts_with("maps/") ||
                               section.name.ends_with("/maps");
        if (is_legacy && section.has_contents && !section.is_code) {
            if (section.size_bytes / kShortest > kMaxLegacyMaps) {
                return fail(Code::too_big, fmt::format("section '{}' holds more than {} maps",
                                                       section.name, kMaxLegacyMaps));
            }
            TRY(LegacyReader(draft, section).read());
        }
    }
    return {};
}

} // namespace skep::load
