// SPDX-License-Identifier: Apache-2.0
#include "skep/run/optimised/cache.hpp"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/os/storage/private_directory.hpp"

namespace skep::run {
namespace {

namespace fs = std::filesystem;

jit::Image an_image() {
    jit::Image image;
    image.code.assign(64, 0x90);
    image.text_bytes = 40;
    image.entry_offset = 8;
    image.relocations = {{jit::Referent::helper, 56, 5, 0}, {jit::Referent::map_value, 48, 0, 24}};
    image.subprogram_offsets = {8};
    image.marks = {{0, 3}, {16, 0}, {16, 1}};
    return image;
}

constexpr Sha256Digest kKey{1, 2, 3};

struct Cache : testing::Test {
    void SetUp() override {
        auto made = os::make_temporary_directory("skep-cache-test");
        ASSERT_TRUE(made.ok()) << made.error().message;
        directory = *made;
        auto opened = ImageCache::open(directory);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        cache.emplace(*std::move(opened));
    }
    void TearDown() override { os::remove_directory(directory); }

    fs::path only_file() const { return fs::directory_iterator(directory)->path(); }

    std::string directory;
    std::optional<ImageCache> cache;
};

TEST_F(Cache, GivesBackWhatItWasGiven) {
    EXPECT_FALSE(cache->find(kKey).has_value());
    ASSERT_TRUE(cache->keep(kKey, an_image()).ok());
    const auto found = cache->find(kKey);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->code, an_image().code);
    EXPECT_EQ(found->text_bytes, 40U);
    EXPECT_EQ(found->entry_offset, 8U);
    ASSERT_EQ(found->relocations.size(), 2U);
    EXPECT_EQ(found->relocations[1].addend, 24U);
    EXPECT_EQ(found->subprogram_offsets, an_image().subprogram_offsets);
    ASSERT_EQ(found->marks.size(), 3U);
    EXPECT_EQ(found->marks[0].insn, 3U);
    EXPECT_EQ(found->marks[2].offset, 16U);
    EXPECT_FALSE(cache->find(Sha256Digest{9}).has_value());
}

TEST_F(Cache, TakesNoMarksThatFallOrLieOutsideTheCode) {
    for (const jit::CodeMark wrong : {jit::CodeMark{15, 0}, jit::CodeMark{40, 0}}) {
        jit::Image image = an_image();
        image.marks.push_back(wrong); // behind one at 16, of 40 bytes of code
        ASSERT_TRUE(cache->keep(kKey, image).ok());
        EXPECT_FALSE(cache->find(kKey).has_value()) << wrong.offset;
        EXPECT_TRUE(fs::is_empty(directory)) << "a broken file stayed";
    }
}

// The digest is right each time: it tells damage, not a lie.
TEST_F(Cache, TakesNothingThatLiesOutsideTheCode) {
    using jit::Referent;
    static constexpr std::uint32_t kFarAway = 41; // of 40 bytes of code
    const auto is_taken = [&](void (*change)(jit::Image&)) {
        jit::Image image = an_image();
        change(image);
        EXPECT_TRUE(cache->keep(kKey, image).ok());
        return cache->find(kKey).has_value();
    };
    EXPECT_TRUE(is_taken([](jit::Image&) {}));
    EXPECT_FALSE(is_taken([](jit::Image& image) { image.entry_offset = kFarAway; }));
    EXPECT_FALSE(is_taken([](jit::Image& image) { image.insn_offsets.push_back(kFarAway); }));
    EXPECT_FALSE(is_taken([](jit::Image& image) { image.subprogram_offsets.push_back(kFarAway); }));
    EXPECT_FALSE(is_taken([](jit::Image& image) {
        image.relocations[0].offset = static_cast<std::uint32_t>(image.code.size()) - 7;
    }));
    EXPECT_FALSE(is_taken([](jit::Image& image) {
        image.relocations[0].offset = 32; // within the instructions
    }));
    EXPECT_FALSE(is_taken([](jit::Image& image) {
        image.relocations[0] = {Referent::lookup_function, 56, 0, 99};
    }));
    EXPECT_TRUE(is_taken([](jit::Image& image) {
        image.relocations[0] = {Referent::home_lane, 56, 0, 4};
    }));
    EXPECT_FALSE(is_taken([](jit::Image& image) {
        image.relocations[0] = {Referent::home_lane, 56, 0, 5};
    }));
    EXPECT_FALSE(is_taken([](jit::Image& image) {
        image.relocations[0] = {static_cast<Referent>(99), 56, 0, 0};
    }));
}

TEST_F(Cache, TakesNoFileOfWhichAByteChanged) {
    ASSERT_TRUE(cache->keep(kKey, an_image()).ok());
    const auto size = fs::file_size(only_file());
    for (std::uintmax_t at = 0; at < size; ++at) {
        ASSERT_TRUE(cache->keep(kKey, an_image()).ok());
        {
            std::fstream file(only_file(), std::ios::in | std::ios::out | std::ios::binary);
            file.seekg(static_cast<std::streamoff>(at));
            const int byte = file.get();
            file.seekp(static_cast<std::streamoff>(at));
            file.put(static_cast<char>(byte ^ 0x10));
        }
        ASSERT_FALSE(cache->find(kKey).has_value()) << "byte " << at;
        ASSERT_TRUE(fs::is_empty(directory)) << "a broken file stayed";
    }
    ASSERT_TRUE(cache->keep(kKey, an_image()).ok());
    fs::resize_file(only_file(), size / 2);
    EXPECT_FALSE(cache->find(kKey).has_value());
}

TEST_F(Cache, TakesNoDirectoryThatOthersReach) {
    fs::permissions(directory, fs::perms::all);
    EXPECT_FALSE(ImageCache::open(directory).ok());
    fs::permissions(directory, fs::perms::owner_all);
    fs::create_directory_symlink(directory, directory + "/link");
    EXPECT_FALSE(ImageCache::open(directory + "/link").ok());
    EXPECT_FALSE(ImageCache::open("").ok());
}

TEST_F(Cache, KeepsNoMoreFilesThanItsBound) {
    for (std::size_t i = 0; i < ImageCache::kFilesMost + 5; ++i) {
        Sha256Digest key{};
        key[0] = static_cast<std::uint8_t>(i);
        key[1] = static_cast<std::uint8_t>(i >> 8);
        if (i % 64 == 63 || i > ImageCache::kFilesMost - 2) {
            ASSERT_TRUE(cache->keep(key, an_image()).ok());
        } else { // as if another process had
            std::ofstream(directory + "/" + fmt::format("{:064x}", i) + ".image") << "x";
        }
    }
    const auto files = std::distance(fs::directory_iterator(directory), fs::directory_iterator());
    EXPECT_LE(static_cast<std::size_t>(files), ImageCache::kFilesMost);
}

} // namespace
} // namespace skep::run
