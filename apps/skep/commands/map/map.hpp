// SPDX-License-Identifier: Apache-2.0
//
// The commands of skep map, and what they share: an opened map and the printing of its elements.
#pragma once

#include "apps/skep/command_table.hpp"
#include "apps/skep/objects.hpp"
#include "apps/skep/value_printer.hpp"
#include "skep/btf/btf.hpp"
#include "skep/client/bpf.hpp"
#include "skep/spec/maps/map_contents.hpp"

namespace skep::app {

struct OpenMap {
    os::Fd fd;
    abi::MapInfo info = {};
    std::optional<btf::Btf> types; // when keys and values have types that can be shown

    [[nodiscard]] spec::MapType type() const { return static_cast<spec::MapType>(info.type); }
    [[nodiscard]] bool holds_programs() const { return type() == spec::MapType::prog_array; }
    [[nodiscard]] bool holds_maps() const { return spec::holds_maps(type()); }
};
Result<OpenMap> open_map(Session& session, os::Fd fd);

// One element: a plain line, or two blocks when it is long.
void print_element(Session& session, const OpenMap& map, Bytes key, Bytes value);
// One element as an object; in plain style only its decoded values, else its bytes and the decoded
// values under "formatted".
Result<void> write_element(observe::JsonWriter& json, const OpenMap& map, Bytes key, Bytes value,
                           ValueStyle style);

// commands
Result<void> show_maps(Session& session, Words& words);
Result<void> create_map(Session& session, Words& words);
Result<void> dump_map(Session& session, Words& words);
Result<void> update_element(Session& session, Words& words);
Result<void> look_up_element(Session& session, Words& words);
Result<void> next_element(Session& session, Words& words);
Result<void> delete_element(Session& session, Words& words);
Result<void> push_element(Session& session, Words& words);
Result<void> pop_element(Session& session, Words& words);
Result<void> freeze_map(Session& session, Words& words);

} // namespace skep::app
