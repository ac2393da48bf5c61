// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/hosts/seal_map.hpp"

#include "skep/maps/map.hpp"
#include "skep/os/memory.hpp"

namespace skep::syscall {

Result<void> seal_map(registry::MapObject& map, std::uint32_t) {
    const spec::MapSpec& spec = map.map->spec();
    const bool programs_write = (spec.flags & spec::kMapReadOnlyProgram) == 0;
    const bool clients_map = (spec.flags & spec::kMapMmapable) != 0;
    if (programs_write || spec.type != spec::MapType::array) {
        return {};
    }
    if (!clients_map) {
        map.sealed = true; // nobody but this engine has the memory, and it writes no more
        return {};
    }
    return {};
}

} // namespace skep::syscall
