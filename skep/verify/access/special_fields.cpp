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
constexpr std::array<std::string_view, 4> kPointerTags{"kptr", "kptr_untrusted", "percpu_kptr",
                                                       "uptr"};
constexpr unsigned kMaxDepth = 8;
constexpr std::size_t kMaxFields = 64;
constexpr std::uint32_t kPointerBytes = 8;

class Collector {
  public:
    explicit Collector(const btf::Btf& types) : types_(types) {}

    void collect(btf::TypeId id, std::uint32_t offset, unsigned depth) {
        if (depth > kMaxDepth || !types_.has(id) || fields_.size() >= kMaxFields) {
            return;
        }
        const btf::TypeId bare = types_.resolve(id);
        const btf::Type& type = types_.type(bare);
        if (type.kind == btf::Kind::structure || type.kind == btf::Kind::union_) {
            structure(type, offset, depth);
        } else if (type.kind == btf::Kind::array) {
            array(type, offset, depth);
        } else if (type.kind == btf::Kind::pointer && is_tagged(type.target)) {
            fields_.push_back({"kptr", offset, kPointerBytes});
        } else if (type.kind == btf::Kind::data_section) {
            for (const btf::SectionVariable& variable : type.variables) {
                if (types_.has(variable.variable)) {
                    collect(types_.type(variable.variable).target, offset + variable.offset,
                            depth + 1);
                }
            }
        }
    }
    [[nodiscard]] std::vector<SpecialField> take() { return std::move(fields_); }

  private:
    void structure(const btf::Type& type, std::uint32_t offset, unsigned depth) {
        const auto* special =
            std::find(kSpecialStructures.begin(), kSpecialStructures.end(), type.name);
        if (special != kSpecialStructures.end()) {
            fields_.push_back({*special, offset, type.size_bytes});
            return;
        }
        for (const btf::Member& member : type.members) {
            collect(member.type, offset + member.bit_offset / 8, depth + 1);
        }
    }
    void array(const btf::Type& type, std::uint32_t offset, unsigned depth) {
        const auto element = types_.size_of(type.target);
        const std::size_t before = fields_.size();
        for (std::uint32_t index = 0; element.ok() && index < type.count; ++index) {
            collect(type.target, offset + index * element.value(), depth + 1);
            if (fields_.size() == before || fields_.size() >= kMaxFields) {
                return; // the first has none, so none has any
            }
        }
    }
    // Tags stand between the pointer and what it points at.
    [[nodiscard]] bool is_tagged(btf::TypeId id) const {
        for (unsigned depth = 0; depth < kMaxDepth && types_.has(id); ++depth) {
            const btf::Type& type = types_.type(id);
            if (type.kind == btf::Kind::type_tag &&
                std::find(kPointerTags.begin(), kPointerTags.end(), type.name) !=
                    kPointerTags.end()) {
                return true;
            }
            if (type.kind != btf::Kind::type_tag && type.kind != btf::Kind::const_ &&
                type.kind != btf::Kind::volatile_) {
                return false;
            }
            id = type.target;
        }
        return false;
    }

    const btf::Btf& types_;
    std::vector<SpecialField> fields_;
};

} // namespace

std::vector<SpecialField> special_fields(const Subject& subject, const spec::MapSpec& map) {
    if (subject.environment.program_types == nullptr || map.btf_value_type_id == 0) {
        return {};
    }
    Collector collector(*subject.environment.program_types);
    collector.collect(map.btf_value_type_id, 0, 0);
    return collector.take();
}

bool has_lock(const Subject& subject, const spec::MapSpec& map) {
    const std::vector<SpecialField> fields = special_fields(subject, map);
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
    for (const SpecialField& field : noted ? subject.special_fields[index] : looked_up) {
        if (begin >= std::int64_t{field.offset} + field.size_bytes ||
            end <= std::int64_t{field.offset}) {
            continue;
        }
        Finding finding;
        finding.code = "E0410";
        finding.os_errno = EACCES;
        finding.kernel_message =
            request.accessor == Accessor::helper
                ? fmt::format("{} cannot be accessed indirectly by helper", field.name)
                : fmt::format("{} cannot be accessed directly by load/store", field.name);
        finding.what = "a field that only its own helpers may touch";
        finding.because = fmt::format("the value has a {} at offset {}", field.name, field.offset);
        return finding;
    }
    return {};
}

} // namespace skep::verify
