// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/generator/surroundings.hpp"

#include "skep/btf/builder.hpp"

namespace skep::tests::campaign {
namespace {

using spec::MapType;

load::ObjectMap map(MapType type, std::uint32_t key, std::uint32_t value, std::uint32_t entries) {
    load::ObjectMap made;
    made.spec.name = "m" + std::to_string(static_cast<std::uint32_t>(type));
    made.spec.type = type;
    made.spec.key_size_bytes = key;
    made.spec.value_size_bytes = value;
    made.spec.max_entries = entries;
    return made;
}

// Ids as the builder below gives them: first the types that functions are made of.
constexpr std::uint32_t kFirstFunction = 8;

btf::Btf function_types() {
    constexpr std::uint32_t kStatic = 0, kGlobal = 1;
    btf::Builder types;
    const btf::TypeId number = types.integer("int", 4, btf::kIntSigned);
    const btf::TypeId word = types.integer("long", 8, btf::kIntSigned);
    const btf::TypeId pointer = types.plain(btf::Kind::pointer, "", 0);
    const btf::TypeId of_main = types.prototype(number, {{"ctx", pointer}});
    const btf::TypeId plain =
        types.prototype(number, {{"a", word}, {"b", word}, {"c", word}, {"d", word}, {"e", word}});
    const btf::TypeId two = types.prototype(word, {{"a", word}, {"b", number}});
    types.prototype(number, {});
    types.plain(btf::Kind::function, "main", of_main, kGlobal);
    for (std::uint32_t at = 0; at < kMostFunctions; ++at) {
        types.plain(btf::Kind::function, "static" + std::to_string(at), plain, kStatic);
    }
    for (std::uint32_t at = 0; at < kMostFunctions; ++at) {
        types.plain(btf::Kind::function, "global" + std::to_string(at), two, kGlobal);
    }
    return types.build().value();
}

// An array of one value that programs cannot write and nobody will change again.
load::ObjectMap constant_map(std::string_view text) {
    constexpr std::uint32_t kBytes = 32;
    load::ObjectMap made = map(MapType::array, 4, kBytes, 1);
    made.spec.name = "constant";
    made.spec.flags = spec::kMapReadOnlyProgram;
    made.initial_value.assign(text.begin(), text.end());
    for (std::uint32_t at = static_cast<std::uint32_t>(text.size()); at < kBytes; ++at) {
        made.initial_value.push_back(static_cast<std::uint8_t>(at < 16 ? 0 : at * 37));
    }
    made.read_only_data = true;
    return made;
}

} // namespace

load::ObjectSpec generated_world_object() {
    constexpr std::uint32_t kPage = 4096;
    load::ObjectSpec object;
    object.types = function_types();
    object.license = "GPL";
    object.maps = {map(MapType::array, 4, 64, 4),        map(MapType::hash, 8, 48, 16),
                   map(MapType::percpu_array, 4, 16, 1), map(MapType::array, 4, 8, 1),
                   map(MapType::ringbuf, 0, 0, kPage),   map(MapType::prog_array, 4, 4, 4),
                   map(MapType::queue, 0, 16, 4),        map(MapType::perf_event_array, 4, 4, 2),
                   map(MapType::array_of_maps, 4, 4, 2), map(MapType::lpm_trie, 8, 24, 8),
                   map(MapType::lru_hash, 4, 40, 16),    constant_map("abcdefg"),
                   map(MapType::stack_trace, 4, 80, 8),  map(MapType::array, 4, 16, 1),
                   map(MapType::queue, 0, 16, 4),        constant_map("a %d %s")};
    object.maps[kWriteOnlyMap].spec.flags = spec::kMapWriteOnlyProgram;
    object.maps[kReadOnlyQueueMap].spec.flags = spec::kMapReadOnlyProgram;
    object.maps[kOuterMap].spec.inner =
        std::make_shared<spec::MapSpec>(object.maps[kArrayMap].spec);
    object.maps[kTrieMap].spec.flags = spec::kMapNoPrealloc;
    return object;
}

std::uint32_t main_function_type() { return kFirstFunction; }
std::uint32_t static_function_type(std::uint32_t number) { return kFirstFunction + 1 + number; }
std::uint32_t global_function_type(std::uint32_t number) {
    return static_function_type(kMostFunctions) + number;
}

} // namespace skep::tests::campaign
