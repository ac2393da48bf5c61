// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/state/special_fields.hpp"

#include <algorithm>
#include <array>

namespace skep::verify {
namespace {

constexpr std::array<std::string_view, 10> kSpecialStructures{
    "bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer",   "bpf_wq",      "bpf_task_work",
    "bpf_list_head", "bpf_list_node",     "bpf_rb_root", "bpf_rb_node", "bpf_refcount"};
constexpr unsigned kMaxDepth = 8;
constexpr std::size_t kMaxFields = 64;

struct PointerTag {
    std::string_view tag;
    PointerField pointer;
    std::string_view name;
};
constexpr std::array<PointerTag, 4> kPointerTags{
    {{"kptr", PointerField::owned, "kptr"},
     {"kptr_untrusted", PointerField::untrusted, "kptr"},
     {"percpu_kptr", PointerField::per_cpu, "percpu_kptr"},
     {"uptr", PointerField::user, "uptr"}}};

bool holds_objects(std::string_view name) {
    return name == "bpf_list_head" || name == "bpf_rb_root";
}

class Collector {
  public:
    Collector(const btf::Btf& types, const btf::TypesOnDemand& kernel_types)
        : types_(types), kernel_types_(kernel_types) {}

    // `owner` and `component` name the declaration, for the tags that it may have.
    void collect(btf::TypeId id, std::uint32_t offset, unsigned depth, btf::TypeId owner = 0,
                 std::int32_t component = -1) {
        if (depth > kMaxDepth || !types_.has(id) || fields_.size() >= kMaxFields) {
            return;
        }
        const btf::TypeId bare = types_.resolve(id);
        const btf::Type& type = types_.type(bare);
        if (type.kind == btf::Kind::structure || type.kind == btf::Kind::union_) {
            structure(bare, offset, depth, owner, component);
        } else if (type.kind == btf::Kind::array) {
            array(type, offset, depth, owner, component);
        } else if (type.kind == btf::Kind::pointer) {
            pointer(type.target, offset);
        } else if (type.kind == btf::Kind::data_section) {
            for (const btf::SectionVariable& variable : type.variables) {
                if (types_.has(variable.variable)) {
                    collect(types_.type(variable.variable).target, offset + variable.offset,
                            depth + 1, variable.variable, -1);
                }
            }
        }
    }
    [[nodiscard]] std::vector<SpecialField> take() { return std::move(fields_); }

  private:
    void structure(btf::TypeId id, std::uint32_t offset, unsigned depth, btf::TypeId owner,
                   std::int32_t component) {
        const btf::Type& type = types_.type(id);
        const auto* special =
            std::find(kSpecialStructures.begin(), kSpecialStructures.end(), type.name);
        if (special != kSpecialStructures.end()) {
            SpecialField field{*special, offset, type.size_bytes};
            if (holds_objects(*special)) {
                find_contents(field, owner, component);
            }
            fields_.push_back(field);
            return;
        }
        for (std::size_t index = 0; index < type.members.size(); ++index) {
            const btf::Member& member = type.members[index];
            collect(member.type, offset + member.bit_offset / 8, depth + 1, id,
                    static_cast<std::int32_t>(index));
        }
    }
    void array(const btf::Type& type, std::uint32_t offset, unsigned depth, btf::TypeId owner,
               std::int32_t component) {
        const auto element = types_.size_of(type.target);
        const std::size_t before = fields_.size();
        for (std::uint32_t index = 0; element.ok() && index < type.count; ++index) {
            collect(type.target, offset + index * element.value(), depth + 1, owner, component);
            if (fields_.size() == before || fields_.size() >= kMaxFields) {
                return; // the first has none, so none has any
            }
        }
    }
    // Tags stand between the pointer and what it points at.
    void pointer(btf::TypeId id, std::uint32_t offset) {
        const PointerTag* tag = nullptr;
        for (unsigned depth = 0; depth < kMaxDepth && types_.has(id); ++depth) {
            const btf::Type& type = types_.type(id);
            if (type.kind == btf::Kind::type_tag) {
                const auto* found = std::ranges::find(kPointerTags, type.name, &PointerTag::tag);
                tag = found != kPointerTags.end() ? found : tag;
            } else if (type.kind != btf::Kind::const_ && type.kind != btf::Kind::volatile_) {
                break;
            }
            id = type.target;
        }
        if (tag == nullptr) {
            return;
        }
        SpecialField field{tag->name, offset, kSpecialPointerBytes, tag->pointer};
        const btf::TypeId target = types_.resolve(id);
        field.type = target;
        field.instance = 1;
        // The kernel's structure of that name, when it has one, else the program's own.
        const auto known = tag->pointer != PointerField::user && kernel_types_ != nullptr
                               ? kernel_types_->find(types_.type(target).name, btf::Kind::structure)
                               : std::nullopt;
        if (known.has_value()) {
            field.type = *known;
            field.instance = 0;
        }
        fields_.push_back(field);
    }
    // The declaration is tagged "contains:STRUCTURE:MEMBER".
    void find_contents(SpecialField& field, btf::TypeId owner, std::int32_t component) const {
        constexpr std::string_view kTag = "contains:";
        for (btf::TypeId id = 1; id < types_.type_count(); ++id) {
            const btf::Type& tag = types_.type(id);
            if (tag.kind != btf::Kind::declaration_tag || tag.target != owner ||
                tag.component != component || !tag.name.starts_with(kTag)) {
                continue;
            }
            const std::string_view words = tag.name.substr(kTag.size());
            const std::size_t colon = words.find(':');
            const auto held = types_.find(words.substr(0, colon), btf::Kind::structure);
            if (!held.has_value() || colon == std::string_view::npos) {
                return;
            }
            for (const btf::Member& member : types_.type(*held).members) {
                if (member.name == words.substr(colon + 1)) {
                    field.type = *held;
                    field.instance = 1;
                    field.node_offset = member.bit_offset / 8;
                }
            }
            return;
        }
    }

    const btf::Btf& types_;
    const btf::TypesOnDemand& kernel_types_;
    std::vector<SpecialField> fields_;
};

const std::vector<SpecialField>& no_fields() {
    static const std::vector<SpecialField> kNone;
    return kNone;
}

const std::vector<SpecialField>& fields_of_type(const Subject& subject, std::uint32_t type) {
    if (subject.environment.program_types == nullptr || type == 0) {
        return no_fields();
    }
    const auto [found, is_new] = subject.special_fields.try_emplace(type);
    if (is_new) {
        Collector collector(*subject.environment.program_types, subject.environment.kernel_types);
        collector.collect(type, 0, 0);
        found->second = collector.take();
    }
    return found->second;
}

} // namespace

const std::vector<SpecialField>& special_fields(const Subject& subject, const spec::MapSpec& map) {
    return fields_of_type(subject, map.btf_value_type_id);
}

const std::vector<SpecialField>& special_fields(const Subject& subject, const Value& value) {
    if (value.is(ValueKind::map_value)) {
        return special_fields(subject, subject.map(value.map()));
    }
    const bool is_own = value.is(ValueKind::btf_object) && value.instance != 0;
    return is_own ? fields_of_type(subject, value.type_id()) : no_fields();
}

std::optional<SpecialField> field_at(const Subject& subject, const Value& value,
                                     std::int64_t offset) {
    for (const SpecialField& field : special_fields(subject, value)) {
        if (std::int64_t{field.offset} == offset) {
            return field;
        }
    }
    return std::nullopt;
}

bool has_lock(const Subject& subject, const Value& value) {
    const std::vector<SpecialField>& fields = special_fields(subject, value);
    return std::any_of(fields.begin(), fields.end(), [](const SpecialField& field) {
        return field.name == "bpf_spin_lock" || field.name == "bpf_res_spin_lock";
    });
}

} // namespace skep::verify
