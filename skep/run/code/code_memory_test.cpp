// SPDX-License-Identifier: Apache-2.0
#include "skep/run/code/code_memory.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "skep/os/memory.hpp"
#include "skep/run/code/code_table.hpp"

namespace skep::run::code {
namespace {

ByteVector numbered(std::size_t size, std::uint8_t first) {
    ByteVector bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<std::uint8_t>(first + i);
    }
    return bytes;
}

bool equal(Bytes left, Bytes right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end());
}

// The permissions ("r-xp") of the mapping that holds the address; empty when none does.
std::string permissions_at(std::uintptr_t address) {
    std::ifstream maps("/proc/self/maps");
    std::string line;
    while (std::getline(maps, line)) {
        char* rest = nullptr;
        const std::uintptr_t begin = std::strtoull(line.c_str(), &rest, 16);
        const std::uintptr_t end = std::strtoull(rest + 1, &rest, 16);
        if (address >= begin && address < end) {
            return std::string(rest + 1, 4);
        }
    }
    return "";
}

TEST(CodeMemory, ImagesHavePagesOfTheirOwnAndKeepTheirBytes) {
    const ByteVector first = numbered(100, 1);
    const ByteVector second = numbered(200, 50);
    auto one = CodeImage::place(first);
    ASSERT_TRUE(one.ok()) << one.error().message;
    auto two = CodeImage::place(second);
    ASSERT_TRUE(two.ok()) << two.error().message;
    EXPECT_TRUE(equal(one->bytes(), first));
    EXPECT_TRUE(equal(two->bytes(), second));
    EXPECT_NE(one->address() / os::page_size(), two->address() / os::page_size());
    EXPECT_EQ(one->address() % kImageAlignment, 0U);
    EXPECT_NE(one->address() % os::page_size(), two->address() % os::page_size());
}

TEST(CodeMemory, PageThatWasGivenBackCannotBeExecutedAndIsUsedAgain) {
    const ByteVector bytes = numbered(100, 1);
    auto keeper = CodeImage::place(bytes);
    ASSERT_TRUE(keeper.ok());
    std::uintptr_t before = 0;
    {
        auto image = CodeImage::place(bytes);
        ASSERT_TRUE(image.ok());
        before = image->address();
    }
    EXPECT_EQ(permissions_at(before), "rw-p");
    auto again = CodeImage::place(numbered(128, 9));
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->address() / os::page_size(), before / os::page_size());
    EXPECT_EQ(permissions_at(again->address()), "r-xp");
    EXPECT_TRUE(equal(keeper->bytes(), bytes));
}

TEST(CodeMemory, WhatSurroundsAnImageInItsPageFaults) {
    auto image = CodeImage::place(numbered(100, 1));
    ASSERT_TRUE(image.ok());
    const std::size_t page_bytes = os::page_size();
    const std::size_t begin = image->address() % page_bytes;
    const std::uint8_t* page = image->bytes().data() - begin;
#if defined(__x86_64__)
    for (std::size_t at = 0; at < page_bytes; ++at) {
        if (at < begin || at >= begin + image->bytes().size()) {
            ASSERT_EQ(page[at], 0xf4) << at; // hlt
        }
    }
#else
    EXPECT_EQ(page[begin + image->bytes().size()], 0);
#endif
}

TEST(CodeMemory, LargeImageSpansPages) {
    const ByteVector bytes = numbered(3 * kRegionBytes + 17, 3);
    auto image = CodeImage::place(bytes);
    ASSERT_TRUE(image.ok());
    EXPECT_TRUE(equal(image->bytes(), bytes));
}

TEST(CodeMemory, IsExecutableAndNeverWritable) {
    auto image = CodeImage::place(numbered(64, 1));
    ASSERT_TRUE(image.ok());
    EXPECT_EQ(permissions_at(image->address()), "r-xp");
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        EXPECT_EQ(line.find("wx"), std::string::npos) << line;
    }
}

TEST(CodeMemory, HasGuardPagesAroundIt) {
    auto image = CodeImage::place(numbered(kRegionBytes, 1)); // fills a region of its own
    ASSERT_TRUE(image.ok());
    EXPECT_EQ(permissions_at(image->address() - 1), "---p");
    EXPECT_EQ(permissions_at(image->address() + image->bytes().size()), "---p");
}

TEST(CodeMemory, TableKnowsLiveRegionsAlone) {
    std::uintptr_t address = 0;
    {
        auto image = CodeImage::place(numbered(2 * kRegionBytes, 1));
        ASSERT_TRUE(image.ok());
        address = image->address();
        EXPECT_TRUE(code_table().holds(address));
        EXPECT_TRUE(code_table().holds(address + image->bytes().size() - 1));
    }
    EXPECT_FALSE(code_table().holds(address));
    EXPECT_FALSE(code_table().holds(reinterpret_cast<std::uintptr_t>(&code_table)));
}

TEST(CodeMemory, ManyImagesComeAndGo) {
    std::vector<CodeImage> images;
    std::vector<ByteVector> wanted;
    std::uint32_t state = 7; // a small generator: the same sequence each time
    for (int round = 0; round < 600; ++round) {
        state = state * 1664525U + 1013904223U;
        if (state % 3 == 0 && !images.empty()) {
            const auto victim = static_cast<std::ptrdiff_t>((state >> 8) % images.size());
            images.erase(images.begin() + victim);
            wanted.erase(wanted.begin() + victim);
            continue;
        }
        wanted.push_back(numbered(1 + (state >> 8) % 9000, static_cast<std::uint8_t>(round)));
        auto image = CodeImage::place(wanted.back());
        ASSERT_TRUE(image.ok());
        images.push_back(std::move(image).value());
    }
    for (std::size_t i = 0; i < images.size(); ++i) {
        EXPECT_TRUE(equal(images[i].bytes(), wanted[i])) << i;
    }
}

} // namespace
} // namespace skep::run::code
