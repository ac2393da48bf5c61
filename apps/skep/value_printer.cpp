// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/value_printer.hpp"

#include <cmath>

#include <fmt/format.h>

namespace skep::app {

void ValuePrinter::floating(double number) {
    if (std::isfinite(number)) {
        json_.raw(fmt::format("{}", number));
    } else {
        json_.value(std::string_view(fmt::format("{}", number))); // JSON has no word for it
    }
}

void ValuePrinter::pointer(std::uint64_t address) {
    if (style_ == ValueStyle::plain) {
        json_.raw(fmt::format("{:#x}", address));
    } else {
        json_.value(address);
    }
}

void ValuePrinter::hexadecimal(std::string_view digits) {
    if (style_ == ValueStyle::plain) {
        json_.raw(digits);
    } else {
        json_.value(digits);
    }
}

} // namespace skep::app
