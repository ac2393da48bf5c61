// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explain/source_place.hpp"

#include <algorithm>

namespace skep::verify {

void locate(const ProgramSpec& program, const Environment& environment, Place& place) {
    const auto after =
        std::upper_bound(program.lines.begin(), program.lines.end(), place.insn,
                         [](InsnIndex insn, const LineInfo& info) { return insn < info.insn; });
    if (after == program.lines.begin() || environment.program_types == nullptr) {
        return;
    }
    // Code that compilers join has line 0: the line before it is the nearest that is known.
    auto record = after - 1;
    while (record != program.lines.begin() && record->line() == 0) {
        --record;
    }
    const LineInfo& info = *record;
    const auto file = environment.program_types->text(info.file_name_offset);
    const auto source = environment.program_types->text(info.line_offset);
    place.file = file.ok() ? std::string(file.value()) : std::string{};
    place.source = source.ok() ? std::string(source.value()) : std::string{};
    place.line = info.line();
    place.column = info.column();
}

} // namespace skep::verify
