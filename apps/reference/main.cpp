// SPDX-License-Identifier: Apache-2.0
//
// skep-reference: prints a page of docs/reference, or names the pages there are.
#include <cstdio>
#include <string_view>

#include "apps/reference/pages.hpp"

int main(int argc, char** argv) {
    const std::string_view wanted = argc == 2 ? argv[1] : "";
    for (const skep::reference::Page& page : skep::reference::pages()) {
        if (page.name == wanted) {
            std::fputs(page.print().c_str(), stdout);
            return 0;
        }
    }
    std::fputs("usage: skep-reference PAGE\npages:", stderr);
    for (const skep::reference::Page& page : skep::reference::pages()) {
        std::fprintf(stderr, " %.*s", static_cast<int>(page.name.size()), page.name.data());
    }
    std::fputs("\n", stderr);
    return 1;
}
