// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/secrets.hpp"

#include <cerrno>

#include <fmt/format.h>

#include "skep/verify/explain/codes.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

// What the kernel calls the place that a pointer of this kind leads to; empty: it says nothing.
std::string_view place_of(const Value& base) {
    switch (base.kind) {
    case ValueKind::map_value:
        return "map";
    case ValueKind::context:
        return "ctx";
    case ValueKind::packet:
    case ValueKind::packet_meta:
        return "packet";
    case ValueKind::flow_keys:
        return "flow keys";
    case ValueKind::memory:
        return base.has(kReadOnly) ? "" : "mem";
    case ValueKind::uninitialised:
    case ValueKind::scalar:
    case ValueKind::map_pointer:
    case ValueKind::map_key:
    case ValueKind::stack:
    case ValueKind::packet_end:
    case ValueKind::socket:
    case ValueKind::socket_common:
    case ValueKind::tcp_socket:
    case ValueKind::xdp_socket:
    case ValueKind::tracepoint_buffer:
    case ValueKind::btf_object:
    case ValueKind::buffer:
    case ValueKind::arena:
    case ValueKind::function:
    case ValueKind::dynptr:
        return "";
    }
    return "";
}

} // namespace

Finding tells_secret(const State& state, Reg reg, std::string kernel, std::string_view doing) {
    return refuse(
        FindingCode::pointer_leak, EACCES, std::move(kernel),
        fmt::format("R{} is a pointer ({}), and {}", reg, kind_text(state.reg(reg)), doing));
}

Ruling<void> keep_stored_secret(const Subject& subject, const State& state, Reg stored,
                                const Value& base) {
    const std::string_view place = place_of(base);
    if (place.empty() || base.may_be_null()) {
        return {};
    }
    const auto line = [&] { return fmt::format("R{} leaks addr into {}", stored, place); };
    return keep_secret(subject, state, stored, line, "what is stored there can be read by others");
}

} // namespace skep::verify
