// SPDX-License-Identifier: Apache-2.0
//
// The pages in docs/reference are what the tables say. SKEP_BLESS=1 writes them anew.
#include "apps/reference/pages.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace skep::reference {
namespace {

TEST(ReferencePages, AreWhatTheTablesSay) {
    const std::filesystem::path folder = std::filesystem::path(SKEP_SOURCE_DIR) / "docs/reference";
    for (const Page& page : pages()) {
        const std::filesystem::path path = folder / (std::string(page.name) + ".md");
        if (std::getenv("SKEP_BLESS") != nullptr) { // NOLINT: one thread
            std::filesystem::create_directories(folder);
            std::ofstream(path, std::ios::binary) << page.print();
        }
        std::ifstream stream(path, std::ios::binary);
        const std::string committed{std::istreambuf_iterator<char>(stream),
                                    std::istreambuf_iterator<char>()};
        EXPECT_TRUE(committed == page.print()) << path << " is stale: SKEP_BLESS=1 writes it anew";
    }
}

} // namespace
} // namespace skep::reference
