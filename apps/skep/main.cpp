// SPDX-License-Identifier: Apache-2.0
//
// skep: the command line. What was typed is read in dispatch.cpp, what can be typed is listed in
// command_table.cpp, and each noun's commands are in commands/.
#include <string>
#include <vector>

#include "apps/skep/dispatch.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/terminal.hpp"

int main(int count, char** arguments) {
    skep::os::hold_standard_descriptors();
    std::string program = count > 0 ? arguments[0] : "skep";
    program = program.substr(program.rfind('/') + 1);
    return skep::app::run_program(program, {arguments + (count > 0 ? 1 : 0), arguments + count},
                                  skep::os::environment_variable("SKEP_ENGINE"));
}
