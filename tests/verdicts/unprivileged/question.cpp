// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/unprivileged/question.hpp"

#include <sstream>

namespace skep::tests {

load::ObjectSpec object_of(VerdictCase one) {
    load::ObjectSpec object;
    object.license = one.program.license;
    for (const spec::MapSpec& map : one.maps) {
        object.maps.emplace_back().spec = map;
    }
    one.program.name = "case";
    object.programs.emplace_back().spec = std::move(one.program);
    return object;
}

std::string last_line(const std::string& log) {
    std::string last;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
        const bool is_number = line.starts_with("processed ") ||
                               line.starts_with("verification time") ||
                               line.starts_with("stack depth");
        last = line.empty() || is_number ? last : line;
    }
    return last;
}

} // namespace skep::tests
