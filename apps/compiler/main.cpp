// SPDX-License-Identifier: Apache-2.0
//
// skep-compiler: makes optimised code for whoever runs programs, at a socket that it was handed
// (run/optimised/compiler_process.hpp). Started by skep and skepd.
#include <cstdio>

#include "skep/os/process/service_process.hpp"
#include "skep/run/optimised/compiler_process.hpp"

int main() {
    const auto served = skep::run::serve_compiler(skep::os::Fd(skep::os::kChildsDescriptor));
    if (!served.ok()) {
        std::fprintf(stderr, "skep-compiler: %s\n", served.error().message.c_str());
        return 1;
    }
    return 0;
}
