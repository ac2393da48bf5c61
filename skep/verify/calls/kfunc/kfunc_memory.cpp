// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/kfunc/kfunc_memory.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/access/context.hpp"
#include "skep/verify/calls/arguments/argument_kinds.hpp"
#include "skep/verify/calls/arguments/memory_arguments.hpp"
#include "skep/verify/calls/arguments/object_arguments.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

// Programs whose context the kernel hands over as it is: any byte of it that they may touch is
// memory. The others see fields that are translated.
constexpr spec::ProgramTypeSet kPlainContexts =
    spec::program_sets::kprobe | spec::program_sets::tracepoint |
    spec::program_sets::raw_tracepoint | spec::program_sets::raw_tracepoint_writable |
    spec::program_sets::tracing | spec::program_sets::struct_ops | spec::program_sets::lsm |
    spec::program_sets::syscall;

// The rules for memory are those of helpers: the argument as a helper's row would have it.
struct AsHelper {
    spec::HelperRow row;
    spec::Arguments arguments;
    State state;
    CallSite site;

    explicit AsHelper(const KfuncSite& from)
        : row(named(from)), arguments{},
          state(from.state), site{from.subject, state, from.at, row, arguments} {}
    AsHelper(const AsHelper&) = delete;
    AsHelper& operator=(const AsHelper&) = delete;

    void take_as_not_null(unsigned number) {
        Value value = state.reg(static_cast<Reg>(number));
        value.flags &= ~std::uint32_t{kMaybeNull};
        state.set_reg(static_cast<Reg>(number), value);
    }

    static spec::HelperRow named(const KfuncSite& from) {
        spec::HelperRow row;
        row.name = from.row.name;
        row.packet_pointers = spec::PacketPointers::allowed;
        return row;
    }
};

Finding no_memory(const KfuncSite& site, unsigned number) {
    const Value& value = site.value(number);
    return refuse(FindingCode::wrong_argument, EACCES,
                  fmt::format("R{} type={} expected=fp", number, kind_text(value)),
                  fmt::format("argument {} of {} is memory, and R{} is {}", number, site.name(),
                              number, kind_text(value)));
}

Ruling<void> check_context_bytes(const KfuncSite& site, unsigned number, std::uint32_t size_bytes) {
    if (!kPlainContexts.contains(site.subject.program.type)) {
        return no_memory(site, number);
    }
    ContextAccess access;
    access.reg = static_cast<Reg>(number);
    access.offset = static_cast<std::int32_t>(size_bytes) - 1;
    access.size_bytes = 1;
    for (const Direction direction : {Direction::read, Direction::write}) {
        access.direction = direction;
        TRY(check_context_access(site.subject, access));
    }
    return {};
}

Ruling<void> check_bytes(const KfuncSite& site, unsigned number, std::uint32_t size_bytes,
                         CallPlan& plan) {
    AsHelper as_helper(site);
    as_helper.take_as_not_null(number);
    const Value& value = as_helper.site.value(number);
    if (value.is(ValueKind::context) && size_bytes != 0) {
        return check_context_bytes(site, number, size_bytes);
    }
    if (!is_region(value)) {
        return no_memory(site, number);
    }
    TRY(check_extent(as_helper.site, number,
                     {.size_bytes = size_bytes, .access = spec::ArgAccess::read}, plan));
    return check_extent(as_helper.site, number,
                        {.size_bytes = size_bytes, .access = spec::ArgAccess::read_write}, plan);
}

} // namespace

Ruling<void> check_kfunc_memory(const KfuncSite& site, unsigned number, std::uint32_t size_bytes,
                                CallPlan& plan) {
    if (site.value(number).is_constant_zero()) {
        plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << number));
        return {};
    }
    return check_bytes(site, number, size_bytes, plan);
}

Ruling<void> check_kfunc_buffer(const KfuncSite& site, unsigned number, CallPlan& plan) {
    AsHelper as_helper(site);
    as_helper.take_as_not_null(number);
    as_helper.arguments[number - 1] = {spec::ArgKind::mem_or_null, spec::ArgAccess::read};
    as_helper.arguments[number] = {spec::ArgKind::const_size_or_zero};
    const Value& value = as_helper.site.value(number);
    const bool is_memory = is_region(value) || value.is_constant_zero();
    const auto check = [&]() -> Ruling<void> {
        if (value.is(ValueKind::context)) {
            const std::uint32_t size_bytes =
                TRY(check_size_argument(as_helper.site, number + 1, plan));
            return size_bytes == 0 ? Ruling<void>{} : check_context_bytes(site, number, size_bytes);
        }
        if (!is_memory) {
            return no_memory(site, number);
        }
        TRY(check_sized_memory_argument(as_helper.site, number + 1, plan));
        as_helper.arguments[number - 1].access = spec::ArgAccess::read_write;
        return check_sized_memory_argument(as_helper.site, number + 1, plan);
    };
    Ruling<void> memory = check();
    if (memory.ok()) {
        return {};
    }
    Finding finding = *std::move(memory).error();
    finding.kernel_detail += finding.kernel_detail.empty() ? "" : "\n";
    finding.kernel_detail += finding.kernel_message;
    finding.kernel_message = fmt::format(
        "arg#{} arg#{} memory, len pair leads to invalid memory access", number - 1, number);
    return finding;
}

Ruling<void> check_kfunc_text(const KfuncSite& site, unsigned number, CallPlan& plan) {
    if (!site.value(number).is(ValueKind::map_value)) {
        return refuse(FindingCode::wrong_argument, EINVAL,
                      fmt::format("arg#{} doesn't point to a const string", number - 1),
                      fmt::format("argument {} of {} is a constant text", number, site.name()));
    }
    AsHelper as_helper(site);
    as_helper.arguments[number - 1] = {spec::ArgKind::const_str, spec::ArgAccess::read};
    return check_text_argument(as_helper.site, number, plan);
}

Ruling<void> check_kfunc_context(const KfuncSite& site, unsigned number, CallPlan& plan) {
    AsHelper as_helper(site);
    as_helper.arguments[number - 1] = {spec::ArgKind::ctx};
    return check_context_argument(as_helper.site, number, plan);
}

Ruling<void> check_kfunc_place(const KfuncSite& site, unsigned number) {
    const Value& value = site.value(number);
    const bool goes_anywhere = value.is_scalar() || is_region(value);
    const bool goes_by_constants = value.is(ValueKind::btf_object) && value.at_fixed_offset();
    if (goes_anywhere || goes_by_constants) {
        return {};
    }
    const std::string kind = value.is_initialised() ? kind_text(value) : "?";
    std::string message;
    if (!value.is_initialised() || !value.at_fixed_offset()) {
        const Scalar number_of = value.is_initialised() ? value.number : Scalar::top();
        message = fmt::format("variable {} access var_off={} disallowed", kind,
                              bits_text(number_of.bits));
    } else if (const std::int64_t offset =
                   value.offset + static_cast<std::int64_t>(value.number.value());
               offset != 0) {
        message = offset < 0 ? fmt::format("negative offset {} ptr R{} off={} disallowed", kind,
                                           number, offset)
                             : fmt::format("dereference of modified {} ptr R{} off={} disallowed",
                                           kind, number, offset);
    }
    if (message.empty()) {
        return {};
    }
    return refuse(value.is_initialised() ? FindingCode::wrong_argument
                                         : FindingCode::unset_register,
                  EACCES, std::move(message),
                  fmt::format("argument {} of {} is passed as the program was given it", number,
                              site.name()));
}

} // namespace skep::verify
