// SPDX-License-Identifier: Apache-2.0
#include "skep/observe/visible.hpp"

#include <gtest/gtest.h>

namespace skep::observe {
namespace {

TEST(Visible, LeavesTextAsItIs) {
    for (const std::string_view text : {"", "a\tb\n", "Größe → ␛", "\xff\xc2", "\xc2\xa0"}) {
        EXPECT_TRUE(is_visible(text));
        EXPECT_EQ(visible(text), text);
    }
}

TEST(Visible, ShowsEachControlCharacterAsAPicture) {
    EXPECT_EQ(visible("\x1b]0;x\x07\r"), "␛]0;x␇␍");
    EXPECT_EQ(visible(std::string_view("\0\x7f\x1f", 3)), "␀␡␟");
    EXPECT_EQ(visible("a\xc2\x9b"
                      "2J"),
              "a\ufffd2J");
    for (int byte = 0; byte < 256; ++byte) {
        const std::string one(1, static_cast<char>(byte));
        EXPECT_TRUE(is_visible(visible(one)));
        EXPECT_EQ(visible(visible(one)), visible(one));
    }
}

TEST(Visible, LetsOurOwnColoursPassAndNoOthers) {
    const std::string_view ours = "\x1b[1;31merror\x1b[0m";
    EXPECT_EQ(visible(ours), ours);
    EXPECT_EQ(visible("\x1b[8mhidden"), "␛[8mhidden");
    EXPECT_EQ(visible("\x1b[1"), "␛[1");
}

} // namespace
} // namespace skep::observe
