// SPDX-License-Identifier: Apache-2.0
//
// From a helper's number to its function.
//
// Proved by: binding_test.cpp: the rows of spec/helpers that promise support, and no others, have
// one.
#include "skep/helpers/adapter.hpp"

namespace skep::helpers {
namespace {

using Table = std::array<HelperFunction, spec::kHighestHelper + 1>;

Table make_table() {
    Table table{};
    for (const auto family :
         {map_helpers(), control_helpers(), clock_helpers(), task_helpers(), text_helpers(),
          trace_helpers(), ring_helpers(), dynptr_helpers(), probe_helpers(), xdp_helpers(),
          redirect_helpers(), checksum_helpers(), skb_byte_helpers(), skb_shape_helpers(),
          skb_field_helpers()}) {
        for (const Row& row : family) {
            table.at(static_cast<std::size_t>(row.helper)) = row.function;
        }
    }
    return table;
}

} // namespace

HelperFunction find_helper(std::uint32_t id) {
    static const Table table = make_table();
    return id < table.size() ? table[id] : nullptr;
}

bool is_done_by_engine(std::uint32_t id) {
    return id == static_cast<std::uint32_t>(spec::Helper::tail_call);
}

} // namespace skep::helpers
