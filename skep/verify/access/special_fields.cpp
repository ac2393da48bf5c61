// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/special_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace skep::verify {
namespace {

constexpr std::array<std::string_view, 10> kSpecialStructures{
    "bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer",   "bpf_wq",      "bpf_task_work",
    "bpf_list_head", "bpf_list_node",     "bpf_rb_root", "bpf_rb_node", "bpf_refcount"};
constexpr unsigned kMaxDepth = 8;
constexpr std::size_t kMaxFields = 64;
constexpr std::uint32_t kPointerBytes = 8;

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
        SpecialField field{tag->name, offset, kPointerBytes, tag->pointer};
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

std::vector<SpecialField> fields_of_type(const Subject& subject, std::uint32_t type) {
    if (subject.environment.program_types == nullptr || type == 0) {
        return {};
    }
    Collector collector(*subject.environment.program_types, subject.environment.kernel_types);
    collector.collect(type, 0, 0);
    return collector.take();
}

const SpecialField* overlapped(const std::vector<SpecialField>& fields, std::int64_t begin,
                               std::int64_t end) {
    for (const SpecialField& field : fields) {
        if (begin < std::int64_t{field.offset} + field.size_bytes &&
            end > std::int64_t{field.offset}) {
            return &field;
        }
    }
    return nullptr;
}

Finding touches(const SpecialField& field, std::string kernel_message) {
    Finding finding;
    finding.code = "E0410";
    finding.os_errno = EACCES;
    finding.kernel_message = std::move(kernel_message);
    finding.what = "a field that only its own helpers may touch";
    finding.because = fmt::format("there is a {} at offset {}", field.name, field.offset);
    return finding;
}

// Pointers in values are loaded and stored whole; what exactly, transfer/pointer_field asks.
Ruling<void> check_pointer_field(const SpecialField& field, const RegionRequest& request) {
    const std::int64_t begin = std::int64_t{request.value.offset} + request.offset;
    if (request.accessor == Accessor::helper) {
        return touches(field,
                       fmt::format("{} cannot be accessed indirectly by helper", field.name));
    }
    if (!request.value.at_fixed_offset()) {
        return touches(field, "kptr access cannot have variable offset");
    }
    const std::int64_t place = begin + static_cast<std::int64_t>(request.value.number.value());
    if (place != std::int64_t{field.offset}) {
        return touches(
            field, fmt::format("kptr access misaligned expected={} off={}", field.offset, place));
    }
    if (request.size_bytes != kPointerBytes) {
        return touches(field, "kptr access size must be BPF_DW");
    }
    if (request.accessor == Accessor::atomic) {
        return touches(field, "kptr in map can only be accessed using BPF_MEM instruction mode");
    }
    return {};
}

} // namespace

std::vector<SpecialField> special_fields(const Subject& subject, const spec::MapSpec& map) {
    return fields_of_type(subject, map.btf_value_type_id);
}

std::vector<SpecialField> special_fields(const Subject& subject, const Value& value) {
    if (value.is(ValueKind::map_value)) {
        const std::uint32_t index = value.map().index();
        return !value.map().is_inner() && index < subject.special_fields.size()
                   ? subject.special_fields[index]
                   : special_fields(subject, subject.map(value.map()));
    }
    const bool is_own = value.is(ValueKind::btf_object) && value.instance != 0;
    return is_own ? fields_of_type(subject, value.type_id()) : std::vector<SpecialField>{};
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
    const std::vector<SpecialField> fields = special_fields(subject, value);
    return std::any_of(fields.begin(), fields.end(), [](const SpecialField& field) {
        return field.name == "bpf_spin_lock" || field.name == "bpf_res_spin_lock";
    });
}

void note_special_fields(Subject& subject) {
    subject.special_fields.clear();
    for (const spec::MapSpec& map : subject.environment.maps) {
        subject.special_fields.push_back(special_fields(subject, map));
    }
}

Ruling<void> check_special_fields(const Subject& subject, const RegionRequest& request) {
    const spec::MapSpec& map = subject.map(request.value.map());
    if (map.btf_value_type_id == 0) {
        return {};
    }
    const std::int64_t fixed = std::int64_t{request.value.offset} + request.offset;
    const std::int64_t begin = fixed + request.value.number.s.min;
    const std::int64_t end =
        fixed + static_cast<std::int64_t>(request.value.number.u.max) + request.size_bytes;
    const std::uint32_t index = request.value.map().index();
    const bool noted = !request.value.map().is_inner() && index < subject.special_fields.size();
    const std::vector<SpecialField> looked_up =
        noted ? std::vector<SpecialField>{} : special_fields(subject, map);
    const SpecialField* field =
        overlapped(noted ? subject.special_fields[index] : looked_up, begin, end);
    if (field == nullptr) {
        return {};
    }
    return field->pointer != PointerField::none
               ? check_pointer_field(*field, request)
               : touches(*field,
                         fmt::format("{} cannot be accessed directly by load/store", field->name));
}

Ruling<void> check_object_fields(const Subject& subject, const Value& object, std::int64_t begin,
                                 std::uint32_t size_bytes) {
    const std::vector<SpecialField> fields = special_fields(subject, object);
    const SpecialField* field = overlapped(fields, begin, begin + size_bytes);
    return field == nullptr
               ? Ruling<void>{}
               : touches(*field, fmt::format("direct access to {} is disallowed", field->name));
}

} // namespace skep::verify
