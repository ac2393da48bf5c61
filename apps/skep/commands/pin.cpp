// SPDX-License-Identifier: Apache-2.0
//
// skep pin: where the engine's pins are. On the user engine a pin is an ordinary file in an
// ordinary directory: a plain rm unpins, mv and ls work.
#include "apps/skep/command_table.hpp"

namespace skep::app {

namespace {

Result<void> print_directory(Session& session, Words& words) {
    TRY(words.expect_end());
    client::Transport* engine = TRY(session.engine());
    const std::string directory = TRY(engine->pin_directory());
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        json->member("directory", std::string_view(directory));
        json->end_object();
    } else {
        session.print("{}\n", directory);
    }
    return {};
}

} // namespace

const Noun& pin_noun() {
    static constexpr std::array rows{
        Verb{"dir", "", "prints the directory that stands for /sys/fs/bpf", print_directory}};
    static constexpr Noun noun{.name = "pin", .says = "Where pins are.", .verbs = rows};
    return noun;
}

} // namespace skep::app
