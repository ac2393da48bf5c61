// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/hosts/seal_map.hpp"

#include "skep/maps/map.hpp"
#include "skep/os/memory.hpp"
#include "skep/os/sharing/writable_mappings.hpp"

namespace skep::syscall {

Result<void> check_not_mapped(const registry::MapObject& map, std::span<const int> engine_processes,
                              const void* own_address) {
    const spec::MapSpec& spec = map.map->spec();
    const bool clients_map =
        (spec.flags & spec::kMapMmapable) != 0 || spec.type == spec::MapType::ringbuf;
    if (!clients_map || !os::is_mapped_to_write(map.identity(), engine_processes, own_address)) {
        return {};
    }
    return fail(Code::busy, "a process has the map mapped to write");
}

Result<void> seal_map(registry::MapObject& map, std::uint32_t slot_count) {
    const spec::MapSpec spec = map.map->spec();
    const bool programs_write = (spec.flags & spec::kMapReadOnlyProgram) == 0;
    if (programs_write || spec.type != spec::MapType::array) {
        return {};
    }
    const bool clients_map = (spec.flags & spec::kMapMmapable) != 0;
    if (!clients_map) {
        map.sealed = true; // nobody but this engine has the memory, and it writes no more
        return {};
    }
    // Our own mapping could write, and a file that somebody may write to cannot be sealed: it goes
    // first, and comes back as one that only reads. A second one that stays keeps the file alive.
    maps::MapFiles files;
    files.shared = TRY(map.map->files().shared.duplicate());
    maps::MapFiles again;
    again.shared = TRY(files.shared.duplicate());
    auto spare = TRY(maps::make_map(spec, slot_count)); // stands in, should reopening fail
    map.map = std::move(spare);
    const Result<void> sealed = os::seal_contents(files.shared);
    auto reopened = maps::open_map(spec, slot_count, std::move(again));
    if (!reopened.ok()) {
        return reopened.error();
    }
    map.map = std::move(*reopened);
    TRY(sealed);
    map.sealed = true;
    return {};
}

} // namespace skep::syscall
