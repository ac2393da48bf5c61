// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/map/value_fields.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

namespace skep::syscall {
namespace {

using btf::Kind;
using spec::FieldKind;
using spec::ValueField;

struct KnownField {
    std::string_view structure;
    FieldKind kind;
    std::uint32_t size_bytes;
    bool only_one;
};

constexpr std::array kKnownFields{
    KnownField{"bpf_spin_lock", FieldKind::spin_lock, 4, true},
    KnownField{"bpf_res_spin_lock", FieldKind::res_spin_lock, 4, true},
    KnownField{"bpf_timer", FieldKind::timer, 16, true},
    KnownField{"bpf_wq", FieldKind::workqueue, 16, true},
    KnownField{"bpf_task_work", FieldKind::task_work, 8, true},
    KnownField{"bpf_refcount", FieldKind::refcount, 4, true},
    KnownField{"bpf_list_head", FieldKind::list_head, 16, false},
    KnownField{"bpf_rb_root", FieldKind::tree_root, 16, false},
};

constexpr int kDeepest = 8; // structures in structures
constexpr std::size_t kMostFields = 32;

const KnownField* known(const btf::Type& type) {
    const auto* found =
        std::find_if(kKnownFields.begin(), kKnownFields.end(), [&](const KnownField& each) {
            return type.kind == Kind::structure && type.name == each.structure &&
                   type.size_bytes == each.size_bytes;
        });
    return found == kKnownFields.end() ? nullptr : found;
}

class Collector {
  public:
    explicit Collector(const btf::Btf& types) : types_(types) {}

    Result<void> walk(btf::TypeId id, std::uint32_t offset, int depth) {
        if (depth > kDeepest || !types_.has(id)) {
            return {};
        }
        const btf::Type& type = types_.type(id);
        const bool has_members = type.kind == Kind::structure || type.kind == Kind::data_section;
        if (!has_members) {
            return {};
        }
        for (const btf::Member& member : type.members) {
            TRY(visit(member.type, offset + member.bit_offset / 8, depth));
        }
        for (const btf::SectionVariable& variable : type.variables) {
            if (types_.has(variable.variable)) {
                TRY(visit(types_.type(variable.variable).target, offset + variable.offset, depth));
            }
        }
        return {};
    }

    std::vector<ValueField> take() {
        std::sort(fields_.begin(), fields_.end(), [](const ValueField& a, const ValueField& b) {
            return a.offset_bytes < b.offset_bytes;
        });
        return std::move(fields_);
    }

  private:
    Result<void> visit(btf::TypeId id, std::uint32_t offset, int depth) {
        if (!types_.has(id)) {
            return {};
        }
        const btf::Type& type = types_.type(id);
        if (type.kind == Kind::pointer) {
            return visit_pointer(type, offset);
        }
        if (const KnownField* field = known(type); field != nullptr) {
            return add(*field, offset);
        }
        if (type.kind == Kind::array && type.count == 1) {
            return visit(type.target, offset, depth + 1);
        }
        return walk(id, offset, depth + 1);
    }

    // A pointer with a kptr tag on a structure of these types.
    Result<void> visit_pointer(const btf::Type& pointer, std::uint32_t offset) {
        if (!types_.has(pointer.target)) {
            return {};
        }
        const btf::Type& tag = types_.type(pointer.target);
        const bool is_kernel_pointer =
            tag.kind == Kind::type_tag &&
            (tag.name == "kptr" || tag.name == "kptr_untrusted" || tag.name == "percpu_kptr");
        if (is_kernel_pointer && types_.has(tag.target) &&
            types_.type(types_.resolve(tag.target)).kind == Kind::structure) {
            return add(KnownField{"", FieldKind::kernel_pointer, 8, false}, offset);
        }
        return {};
    }

    Result<void> add(const KnownField& field, std::uint32_t offset) {
        const bool seen = std::any_of(fields_.begin(), fields_.end(), [&](const ValueField& each) {
            return each.kind == field.kind;
        });
        if (fields_.size() == kMostFields || (seen && field.only_one)) {
            return Error{Code::system, E2BIG,
                         "the value has more locks or timers than a map may have"};
        }
        if (offset % 4 != 0 || (field.size_bytes >= 8 && offset % 8 != 0)) {
            return Error{Code::system, EFAULT, "a lock or timer in the value is not aligned"};
        }
        fields_.push_back({field.kind, offset, field.size_bytes});
        return {};
    }

    const btf::Btf& types_;
    std::vector<ValueField> fields_;
};

} // namespace

Result<std::vector<ValueField>> value_fields_of(const btf::Btf& types, btf::TypeId value) {
    Collector collector(types);
    TRY(collector.walk(value, 0, 0));
    return collector.take();
}

} // namespace skep::syscall
