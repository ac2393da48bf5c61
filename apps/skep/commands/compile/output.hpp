// SPDX-License-Identifier: Apache-2.0
//
// The two files that skep compile leaves: the native code and its header.
//
// Both are written beside their places under other names and put there when all is well, so that a
// failure leaves what was there before. A file that is one of ours under another name, the source
// or a header that somebody wrote by hand, is not written over.
//
// Limits: putting two files in their places is two steps; a machine that stops between them leaves
// the new header beside the old code.
//
// Proved by: output_test.cpp, tests/ahead/run_compile.
#pragma once

#include <string>
#include <string_view>

#include "skep/base/bytes.hpp"

namespace skep::app {

// What every header of ours begins with.
inline constexpr std::string_view kHeaderBeginning = "/* Written by skep compile";

struct OutputNames {
    std::string code;   // NAME.o or NAME.so
    std::string header; // NAME.h
};

// The names for what `code` says; refuses endings that tell nothing, and places that hold the
// source or what is not ours.
Result<OutputNames> output_names(const std::string& code, const std::string& source);

struct Linking {
    std::string_view target; // as the user names it
    bool by_this_machine = false;
};

// Writes both. Code whose name ends in .so is linked first.
Result<void> write_output(const OutputNames& names, Bytes object, std::string_view header,
                          const Linking& linking);

} // namespace skep::app
