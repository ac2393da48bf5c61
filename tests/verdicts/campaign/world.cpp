// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/world.hpp"

namespace skep::tests::campaign {

Result<std::unique_ptr<World>> make_world(client::Transport& kernel, load::ObjectSpec object) {
    auto world = std::make_unique<World>();
    std::vector<load::ObjectProgram> programs = std::exchange(object.programs, {});
    world->loaded = TRY(client::load_into(kernel, object, {}));
    object.programs = std::move(programs);
    for (const load::ObjectMap& one : object.maps) {
        world->maps.push_back(one.spec);
        if (one.read_only_data) {
            world->maps.back().constant_value = one.initial_value;
        }
    }
    for (const client::LoadedMap& one : world->loaded.maps) {
        world->map_fds.push_back(one.fd.number());
    }
    world->object = std::move(object);
    return world;
}

} // namespace skep::tests::campaign
