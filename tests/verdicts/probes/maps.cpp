// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/builder.hpp"
#include "tests/verdicts/probes/writer.hpp"

namespace skep::tests::probes {
namespace {

using spec::MapType;

constexpr std::uint32_t kValueBytes = 64;
constexpr std::uint32_t kWord = 8; // bits in a byte

struct Types {
    btf::Btf btf;
    btf::TypeId key, value, locked, timed;
};

Types types() {
    btf::Builder made;
    const btf::TypeId key = made.integer("int", 4, btf::kIntSigned);
    const btf::TypeId word = made.integer("long", 8, btf::kIntSigned);
    const btf::TypeId lock =
        made.composite(btf::Kind::structure, "bpf_spin_lock", 4, {{"val", key, 0}});
    const btf::TypeId timer = made.composite(btf::Kind::structure, "bpf_timer", 16,
                                             {{"one", word, 0}, {"two", word, 8 * kWord}});
    const btf::TypeId words = made.array(word, key, 8);
    const btf::TypeId value =
        made.composite(btf::Kind::structure, "plain", kValueBytes, {{"words", words, 0}});
    const btf::TypeId rest = made.array(word, key, 7);
    const btf::TypeId locked = made.composite(btf::Kind::structure, "locked", kValueBytes,
                                              {{"lock", lock, 0}, {"rest", rest, 8 * kWord}});
    const btf::TypeId tail = made.array(word, key, 6);
    const btf::TypeId timed = made.composite(btf::Kind::structure, "timed", kValueBytes,
                                             {{"timer", timer, 0}, {"rest", tail, 16 * kWord}});
    return {made.build().value(), key, value, locked, timed};
}

// The size that is wished for, or the next that the rule allows.
std::uint32_t size_by(const spec::SizeRule& rule, std::uint32_t wish) {
    const auto least = static_cast<std::uint32_t>(rule.minimum);
    const bool allowed =
        rule.minimum <= wish && wish <= rule.maximum && (wish - least) % rule.step == 0;
    return allowed ? wish : least;
}

load::ObjectMap map_of(MapType type, const Types& types) {
    const spec::MapTypeRow& row = *spec::find(type);
    load::ObjectMap made;
    made.spec.name = "m" + std::to_string(static_cast<std::uint32_t>(type));
    made.spec.type = type;
    made.spec.key_size_bytes = size_by(row.key, 4);
    made.spec.value_size_bytes = size_by(row.value, kValueBytes);
    made.spec.max_entries = size_by(row.entries, 4);
    made.spec.flags = row.required_flags;
    if (type == MapType::arena) {
        made.spec.map_extra = 1ULL << 44U; // where users see it
        made.spec.flags = spec::kMapMmapable;
    }
    if (row.types == spec::MapTypes::required) {
        made.spec.btf_key_type_id = types.key;
        made.spec.btf_value_type_id = types.value;
    }
    return made;
}

load::ObjectMap typed_array(std::string name, btf::TypeId key, btf::TypeId value) {
    load::ObjectMap made;
    made.spec.name = std::move(name);
    made.spec.type = MapType::array;
    made.spec.key_size_bytes = 4;
    made.spec.value_size_bytes = kValueBytes;
    made.spec.max_entries = 1;
    made.spec.btf_key_type_id = key;
    made.spec.btf_value_type_id = value;
    return made;
}

} // namespace

load::ObjectSpec one_map_of_each_kind() {
    const Types all = types();
    load::ObjectSpec object;
    object.license = "GPL";
    object.types = all.btf;
    object.maps = {typed_array("value", 0, 0), typed_array("text", 0, 0),
                   typed_array("lock", all.key, all.locked),
                   typed_array("timer", all.key, all.timed)};
    load::ObjectMap& text = object.maps[kTextMap];
    text.spec.flags = spec::kMapReadOnlyProgram;
    text.initial_value.assign(kValueBytes, 0);
    text.initial_value[0] = 'a';
    text.read_only_data = true;
    for (const spec::MapTypeRow& row : spec::kMapTypes) {
        if (row.type == MapType::unspec || row.type == MapType::struct_ops) {
            object.maps.push_back(typed_array("stand_in", 0, 0));
            continue;
        }
        object.maps.push_back(map_of(row.type, all));
        if (row.type == MapType::array_of_maps || row.type == MapType::hash_of_maps) {
            object.maps.back().spec.inner =
                std::make_shared<spec::MapSpec>(object.maps[kValueMap].spec);
        }
    }
    return object;
}

std::uint32_t map_of_kind(MapType type) { return kFirstOfKinds + static_cast<std::uint32_t>(type); }

} // namespace skep::tests::probes
