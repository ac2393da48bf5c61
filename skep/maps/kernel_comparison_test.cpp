// SPDX-License-Identifier: Apache-2.0
//
// The same random operations on our map and on the running kernel's: the same answers, and in the
// end the same contents. Skipped where bpf(2) is not to be had.
#include <fstream>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "skep/maps/testing/kernel_map.hpp"
#include "skep/os/machine.hpp"

namespace skep::maps {
namespace {

using spec::MapType;
using testing::KernelMap;

std::uint64_t kernel_memory_of(const KernelMap& map) {
    std::ifstream file("/proc/self/fdinfo/" + std::to_string(map.fd().number()));
    for (std::string word; file >> word;) {
        if (word == "memlock:") {
            std::uint64_t bytes = 0;
            file >> bytes;
            return bytes;
        }
    }
    return 0;
}

struct Case {
    const char* name;
    MapType type;
    std::uint32_t key_bytes, value_bytes, entries, flags,
        keys; // keys: how many different ones are used
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

class SameAsKernel : public ::testing::TestWithParam<Case> {
  protected:
    void SetUp() override {
        const Case& c = GetParam();
        spec_.name = c.name;
        spec_.type = c.type;
        spec_.key_size_bytes = c.key_bytes;
        spec_.value_size_bytes = c.value_bytes;
        spec_.max_entries = c.entries;
        spec_.flags = c.flags;
        kernel_ = KernelMap::make(spec_);
        if (!kernel_) {
            GTEST_SKIP()
                << "the kernel does not give us a map of this type (bpf(2) needs privilege)";
        }
        auto made = make_map(spec_, os::possible_cpus());
        ASSERT_TRUE(made.ok()) << made.error().message;
        ours_ = std::move(made).value();
    }

    ByteVector key(std::uint32_t number) const {
        ByteVector bytes(std::max<std::size_t>(spec_.key_size_bytes, 4), 0);
        std::memcpy(bytes.data(), &number, 4);
        if (spec_.type == MapType::lpm_trie) {
            const std::uint32_t bits = (spec_.key_size_bytes - 4) * 8;
            const std::uint32_t length = number * 7 % (bits + 1);
            std::memcpy(bytes.data(), &length, 4);
            for (std::size_t i = 4; i < bytes.size(); ++i) {
                bytes[i] = static_cast<std::uint8_t>((number >> (i % 4)) * 37);
            }
        }
        return bytes;
    }

    spec::MapSpec spec_;
    std::optional<KernelMap> kernel_;
    std::unique_ptr<Map> ours_;
};

TEST_P(SameAsKernel, AnswersEachOperationAlike) {
    std::minstd_rand random(7);
    const std::uint32_t bytes = ours_->user_value_bytes();
    ByteVector value(bytes);
    ByteVector ours(bytes);
    ByteVector theirs(bytes);
    for (int step = 0; step < 4000; ++step) {
        const ByteVector k = key(static_cast<std::uint32_t>(random() % GetParam().keys));
        switch (random() % 4) {
        case 0: {
            for (auto& byte : value) {
                byte = static_cast<std::uint8_t>(random());
            }
            const std::uint64_t flags = random() % 9 % 4;
            ASSERT_EQ(ours_->write_user(k.data(), value, flags),
                      kernel_->write(k.data(), value.data(), flags))
                << "update, step " << step << " flags " << flags;
            break;
        }
        case 1:
            ASSERT_EQ(ours_->erase(k.data()), kernel_->erase(k.data())) << "delete, step " << step;
            break;
        case 2:
            if (spec_.type != MapType::lpm_trie) { // take is not offered there; read instead
                ASSERT_EQ(ours_->take_user(k.data(), ours, 0),
                          kernel_->take(k.data(), theirs.data()))
                    << "take, " << step;
                break;
            }
            [[fallthrough]];
        default:
            ASSERT_EQ(ours_->read_user(k.data(), ours, 0), kernel_->read(k.data(), theirs.data()))
                << "lookup, " << step;
            ASSERT_EQ(ours, theirs) << "value, step " << step;
        }
    }
    EXPECT_EQ(ours_->memory_bytes(), kernel_memory_of(*kernel_));
}

TEST_P(SameAsKernel, HoldsTheSameKeysAfterwards) {
    std::minstd_rand random(11);
    ByteVector value(ours_->user_value_bytes(), 5);
    for (int step = 0; step < 300; ++step) {
        const ByteVector k = key(static_cast<std::uint32_t>(random() % GetParam().keys));
        if (random() % 3 != 0) {
            ASSERT_EQ(ours_->write_user(k.data(), value, kAny),
                      kernel_->write(k.data(), value.data(), kAny));
        } else {
            ASSERT_EQ(ours_->erase(k.data()), kernel_->erase(k.data()));
        }
    }
    const auto keys_of = [&](auto next) {
        std::vector<ByteVector> keys;
        ByteVector now(spec_.key_size_bytes);
        ByteVector following(spec_.key_size_bytes);
        for (bool first = true; next(first ? nullptr : now.data(), following.data()) == 0;
             first = false) {
            now = following;
            keys.push_back(now);
            if (keys.size() > 10'000) {
                break;
            }
        }
        return keys;
    };
    auto ours =
        keys_of([&](const std::uint8_t* k, std::uint8_t* n) { return ours_->next_key(k, n); });
    auto theirs =
        keys_of([&](const std::uint8_t* k, std::uint8_t* n) { return kernel_->next(k, n); });
    const bool ordered = spec_.type == MapType::array || spec_.type == MapType::percpu_array ||
                         spec_.type == MapType::lpm_trie;
    if (!ordered) {
        std::sort(ours.begin(), ours.end());
        std::sort(theirs.begin(), theirs.end());
    }
    EXPECT_EQ(ours, theirs);
}

INSTANTIATE_TEST_SUITE_P(
    Types, SameAsKernel,
    ::testing::Values(Case{"array", MapType::array, 4, 12, 5, 0, 7},
                      Case{"array_mmapable", MapType::array, 4, 24, 9, spec::kMapMmapable, 11},
                      Case{"percpu_array", MapType::percpu_array, 4, 12, 5, 0, 7},
                      Case{"hash", MapType::hash, 4, 8, 60, 0, 90},
                      Case{"hash_one", MapType::hash, 13, 5, 1, 0, 3},
                      Case{"hash_wide_key", MapType::hash, 40, 100, 33, 0, 40},
                      Case{"hash_no_prealloc", MapType::hash, 8, 8, 50, spec::kMapNoPrealloc, 60},
                      Case{"percpu_hash", MapType::percpu_hash, 8, 12, 20, 0, 30},
                      Case{"lpm_trie", MapType::lpm_trie, 8, 8, 40, spec::kMapNoPrealloc, 60},
                      Case{"lpm_trie_six", MapType::lpm_trie, 20, 4, 400, spec::kMapNoPrealloc,
                           300},
                      Case{"lru_hash", MapType::lru_hash, 8, 8, 100, 0, 60},
                      Case{"lru_percpu_hash", MapType::lru_percpu_hash, 8, 4, 100, 0, 60}),
    [](const auto& instance) { return std::string(instance.param.name); });

// ---- creation: the errors of MAP_CREATE ----

TEST(Creation, OffersExactlyTheTypesThatTheirRowsPromise) {
    for (const spec::MapTypeRow& row : spec::kMapTypes) {
        EXPECT_EQ(has_maker(row.type), row.support.level != spec::SupportLevel::absent) << row.name;
    }
}

TEST(Creation, RefusesWhatTheKernelRefusesWithTheSameError) {
    spec::MapSpec plain;
    plain.type = MapType::array;
    plain.key_size_bytes = 4;
    plain.value_size_bytes = 4;
    plain.max_entries = 1;
    if (!KernelMap::make(plain)) {
        GTEST_SKIP() << "bpf(2) needs privilege";
    }
    int compared = 0;
    for (const spec::MapTypeRow& row : spec::kMapTypes) {
        const bool needs_inner =
            row.type == MapType::array_of_maps || row.type == MapType::hash_of_maps;
        if (!has_maker(row.type) || needs_inner) {
            continue;
        }
        const std::uint32_t base_flags =
            row.type == MapType::lpm_trie ? std::uint32_t{spec::kMapNoPrealloc} : 0U;
        for (const std::uint32_t key : {0U, 1U, 3U, 4U, 5U, 8U, 260U, 261U}) {
            for (const std::uint32_t value : {0U, 1U, 4U, 5U, 8U, 32769U}) {
                for (const std::uint32_t entries : {0U, 1U, 3U, 64U, 4096U, 12288U}) {
                    if (row.type == MapType::cpumap && entries > 64) {
                        continue; // the kernel's limit is how many CPUs it was built for
                    }
                    spec::MapSpec spec;
                    spec.name = "m";
                    spec.type = row.type;
                    spec.key_size_bytes = key;
                    spec.value_size_bytes = value;
                    spec.max_entries = entries;
                    spec.flags = base_flags;
                    const long theirs = KernelMap::create(spec);
                    const os::Fd close_it(static_cast<int>(theirs < 0 ? -1 : theirs));
                    const auto ours = make_map(spec, 2);
                    ASSERT_EQ(ours.ok() ? 0 : -errno_of(ours.error()), std::min(theirs, 0L))
                        << row.name << " key " << key << " value " << value << " entries "
                        << entries;
                    ++compared;
                }
            }
        }
        for (std::uint32_t bit = 0; bit < 19; ++bit) {
            spec::MapSpec spec;
            spec.name = "m";
            spec.type = row.type;
            const auto* rule = &row;
            const bool keyless = rule->type == MapType::ringbuf || rule->type == MapType::queue ||
                                 rule->type == MapType::stack ||
                                 rule->type == MapType::bloom_filter;
            spec.key_size_bytes = row.type == MapType::lpm_trie ? 8 : keyless ? 0 : 4;
            spec.value_size_bytes = row.type == MapType::ringbuf ? 0 : 4;
            spec.max_entries = row.type == MapType::ringbuf ? 4096 : 4;
            spec.flags = base_flags | (1U << bit);
            if (bit == 14 || bit == 15 || bit == 16) {
                continue; // path and descriptor flags: the system call's affair
            }
            const long theirs = KernelMap::create(spec);
            const os::Fd close_it(static_cast<int>(theirs < 0 ? -1 : theirs));
            const auto ours = make_map(spec, 2);
            ASSERT_EQ(ours.ok() ? 0 : -errno_of(ours.error()), std::min(theirs, 0L))
                << row.name << " flag bit " << bit;
        }
    }
    EXPECT_GT(compared, 1000);
}

} // namespace
} // namespace skep::maps
