// SPDX-License-Identifier: Apache-2.0
#include "skep/observe/object_views.hpp"

#include <array>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "skep/spec/attach_types.hpp"
#include "skep/spec/map_types.hpp"
#include "skep/spec/program_types.hpp"

namespace skep::observe {

namespace {

std::string fixed_text(const char (&field)[abi::kNameSize]) {
    return {field, strnlen(field, sizeof(field))};
}

std::string calendar_time(std::int64_t seconds) {
    const auto at = static_cast<std::time_t>(seconds);
    std::tm local = {};
    std::array<char, 64> text{};
    if (localtime_r(&at, &local) == nullptr) {
        return fmt::format("{}", seconds);
    }
    return {text.data(), std::strftime(text.data(), text.size(), "%FT%T%z", &local)};
}

std::string tag_text(const std::uint8_t (&tag)[abi::kTagSize]) {
    std::string digits;
    for (const std::uint8_t byte : tag) {
        digits += fmt::format("{:02x}", byte);
    }
    return digits;
}

std::string joined(const std::vector<std::uint32_t>& numbers) {
    std::string text;
    for (const std::uint32_t number : numbers) {
        text += fmt::format("{}{}", text.empty() ? "" : ",", number);
    }
    return text;
}

// A number with its words; shown only when `when`.
void add(View& view, std::string_view name, std::uint64_t value, std::string words,
         bool when = true) {
    if (when) {
        view.push_back({name, value, std::move(words)});
    }
}
void add_text(View& view, std::string_view name, std::string value, std::string words,
              bool when = true) {
    if (when) {
        view.push_back({name, std::move(value), std::move(words)});
    }
}

void add_pin_words(View& view, const Pins& pins) {
    for (const std::string& pin : pins.value_or(std::vector<std::string>())) {
        view.push_back({"", {}, "\n\tpinned " + pin});
    }
}
void add_pin_value(View& view, const Pins& pins) {
    if (pins.has_value()) {
        view.push_back({"pinned", *pins, ""});
    }
}

} // namespace

std::string name_of_program_type(std::uint32_t type) {
    const auto* row = spec::find(static_cast<spec::ProgramType>(type));
    return row == nullptr ? fmt::format("type {}", type) : std::string(row->name);
}
std::string name_of_map_type(std::uint32_t type) {
    const auto* row = spec::find(static_cast<spec::MapType>(type));
    return row == nullptr ? fmt::format("type {}", type) : std::string(row->name);
}
std::string name_of_attach_type(std::uint32_t type) {
    const auto* row = spec::find(static_cast<spec::AttachType>(type));
    return row == nullptr ? fmt::format("{}", type) : std::string(row->name);
}

View program_view(const ProgramShown& program) {
    const abi::ProgInfo& info = program.info;
    const bool is_gpl = (info.gpl_compatible & 1U) != 0;
    const std::string type = name_of_program_type(info.type);
    const std::string name = fixed_text(info.name);
    const std::string tag = tag_text(info.tag);
    const bool has_run = info.run_time_ns != 0;
    View view;
    add(view, "id", info.id, fmt::format("{}: ", info.id));
    add_text(view, "type", type, type + "  ");
    add_text(view, "name", name, fmt::format("name {}  ", name), !name.empty());
    add_text(view, "tag", tag, fmt::format("tag {}", tag));
    view.push_back({"gpl_compatible", is_gpl, is_gpl ? "  gpl" : ""});
    add(view, "run_time_ns", info.run_time_ns, fmt::format(" run_time_ns {}", info.run_time_ns),
        has_run);
    add(view, "run_cnt", info.run_cnt, fmt::format(" run_cnt {}", info.run_cnt), has_run);
    add(view, "recursion_misses", info.recursion_misses,
        fmt::format(" recursion_misses {}", info.recursion_misses), info.recursion_misses != 0);
    const bool has_time = info.load_time != 0;
    add(view, "loaded_at", static_cast<std::uint64_t>(program.loaded_at_s),
        fmt::format("\n\tloaded_at {}", calendar_time(program.loaded_at_s)), has_time);
    add(view, "uid", info.created_by_uid, fmt::format("  uid {}", info.created_by_uid), has_time);
    add(view, "bytes_xlated", info.xlated_prog_len,
        fmt::format("\n\txlated {}B", info.xlated_prog_len));
    const bool is_jited = info.jited_prog_len != 0;
    view.push_back({"jited", is_jited, is_jited ? "" : "  not jited"});
    add(view, "bytes_jited", info.jited_prog_len, fmt::format("  jited {}B", info.jited_prog_len),
        is_jited);
    add(view, "bytes_memlock", program.memlock_bytes,
        fmt::format("  memlock {}B", program.memlock_bytes));
    if (!program.map_ids.empty()) {
        view.push_back(
            {"map_ids", program.map_ids, fmt::format("  map_ids {}", joined(program.map_ids))});
    }
    add_pin_words(view, program.pins);
    add(view, "btf_id", info.btf_id, fmt::format("\n\tbtf_id {}", info.btf_id), info.btf_id != 0);
    add_pin_value(view, program.pins);
    view.push_back({"", {}, "\n"});
    return view;
}

View map_view(const MapShown& map) {
    const abi::MapInfo& info = map.info;
    const std::string type = name_of_map_type(info.type);
    const std::string name = fixed_text(info.name);
    View view;
    add(view, "id", info.id, fmt::format("{}: ", info.id));
    add_text(view, "type", type, type + "  ");
    add_text(view, "name", name, fmt::format("name {}  ", name), !name.empty());
    add(view, "flags", info.map_flags, fmt::format("flags 0x{:x}", info.map_flags));
    add(view, "bytes_key", info.key_size, fmt::format("\n\tkey {}B", info.key_size));
    add(view, "bytes_value", info.value_size, fmt::format("  value {}B", info.value_size));
    add(view, "max_entries", info.max_entries, fmt::format("  max_entries {}", info.max_entries));
    add(view, "bytes_memlock", map.memlock_bytes, fmt::format("  memlock {}B", map.memlock_bytes));
    if (map.owner_program_type.has_value()) {
        const std::string owner = name_of_program_type(*map.owner_program_type);
        add_text(view, "owner_prog_type", owner, fmt::format("\n\towner_prog_type {}  ", owner));
        view.push_back({"owner_jited", map.owner_is_jited,
                        map.owner_is_jited ? "owner jited" : "owner not jited"});
    }
    view.push_back({"frozen", std::uint64_t{map.is_frozen}, ""});
    add_pin_words(view, map.pins);
    add(view, "btf_id", info.btf_id, fmt::format("\n\tbtf_id {}", info.btf_id), info.btf_id != 0);
    view.push_back({"", {}, !map.is_frozen ? "" : info.btf_id != 0 ? "  frozen" : "\n\tfrozen"});
    add_pin_value(view, map.pins);
    view.push_back({"", {}, "\n"});
    return view;
}

namespace {

// The types of links, in the order of linux/bpf.h, as bpftool calls them.
constexpr std::array<std::string_view, 15> kLinkTypes{
    "unspec",       "raw_tracepoint", "tracing",      "cgroup",     "iter",      "netns",
    "xdp",          "perf_event",     "kprobe_multi", "struct_ops", "netfilter", "tcx",
    "uprobe_multi", "netkit",         "sockmap"};

// What a link of its type says beyond its program; each type has its own layout of `kind`.
void add_link_kind(View& view, const LinkShown& link) {
    const auto& kind = link.info.kind;
    const std::string_view type =
        link.info.type < kLinkTypes.size() ? kLinkTypes[link.info.type] : "";
    const auto add_attach_type = [&](std::uint32_t number) {
        const std::string name = name_of_attach_type(number);
        add_text(view, "attach_type", name, fmt::format("attach_type {}  ", name));
    };
    if (type == "raw_tracepoint") {
        add_text(view, "tp_name", link.target, fmt::format("\n\ttp '{}'  ", link.target));
    } else if (type == "tracing") {
        view.push_back({"", {}, "\n\t"});
        add_attach_type(kind[0]);
        add(view, "target_obj_id", kind[1], fmt::format("\n\ttarget_obj_id {}  ", kind[1]),
            kind[1] != 0);
        add(view, "target_btf_id", kind[2], fmt::format("target_btf_id {}  ", kind[2]),
            kind[2] != 0);
    } else if (type == "cgroup") {
        std::uint64_t id = 0;
        std::memcpy(&id, &kind[0], sizeof(id));
        add(view, "cgroup_id", id, fmt::format("\n\tcgroup_id {}  ", id));
        add_attach_type(kind[2]);
    } else if (type == "iter") {
        add_text(view, "target_name", link.target, fmt::format("target_name {}  ", link.target));
        const bool is_map = link.target == "bpf_map_elem" || link.target == "bpf_sk_storage_map";
        add(view, "map_id", kind[4], fmt::format("map_id {}  ", kind[4]), is_map);
    } else if (type == "netns") {
        add(view, "netns_ino", kind[0], fmt::format("\n\tnetns_ino {}  ", kind[0]));
        add_attach_type(kind[1]);
    }
}

} // namespace

View link_view(const LinkShown& link) {
    const abi::LinkInfo& info = link.info;
    const std::string type = info.type < kLinkTypes.size() ? std::string(kLinkTypes[info.type])
                                                           : fmt::format("type {}", info.type);
    View view;
    add(view, "id", info.id, fmt::format("{}: ", info.id));
    add_text(view, "type", type, type + "  ");
    add(view, "prog_id", info.prog_id, fmt::format("prog {}  ", info.prog_id));
    add_link_kind(view, link);
    add_pin_words(view, link.pins);
    add_pin_value(view, link.pins);
    view.push_back({"", {}, "\n"});
    return view;
}

} // namespace skep::observe
