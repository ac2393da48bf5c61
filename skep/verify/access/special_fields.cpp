// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/special_fields.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace skep::verify {
namespace {

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
    if (request.size_bytes != kSpecialPointerBytes) {
        return touches(field, "kptr access size must be BPF_DW");
    }
    if (request.accessor == Accessor::atomic) {
        return touches(field, "kptr in map can only be accessed using BPF_MEM instruction mode");
    }
    return {};
}

} // namespace

Ruling<void> check_special_fields(const Subject& subject, const RegionRequest& request) {
    const spec::MapSpec& map = subject.map(request.value.map());
    if (map.btf_value_type_id == 0) {
        return {};
    }
    const std::int64_t fixed = std::int64_t{request.value.offset} + request.offset;
    const std::int64_t begin = fixed + request.value.number.s.min;
    const std::int64_t end =
        fixed + static_cast<std::int64_t>(request.value.number.u.max) + request.size_bytes;
    const SpecialField* field = overlapped(special_fields(subject, map), begin, end);
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
    const std::vector<SpecialField>& fields = special_fields(subject, object);
    const SpecialField* field = overlapped(fields, begin, begin + size_bytes);
    return field == nullptr
               ? Ruling<void>{}
               : touches(*field, fmt::format("direct access to {} is disallowed", field->name));
}

} // namespace skep::verify
