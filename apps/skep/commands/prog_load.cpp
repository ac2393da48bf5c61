// SPDX-License-Identifier: Apache-2.0
//
// skep prog load, loadall.
#include "apps/skep/commands/prog.hpp"

namespace skep::app {

Result<void> load_first_program(Session&, Words&) {
    return fail(Code::unsupported, "prog load is not built into this skep");
}
Result<void> load_all_programs(Session&, Words&) {
    return fail(Code::unsupported, "prog loadall is not built into this skep");
}

} // namespace skep::app
