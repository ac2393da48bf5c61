// SPDX-License-Identifier: Apache-2.0
//
// Features: what a kernel can do beside what has a row of its own elsewhere (helpers, map types,
// program types, attach types, operations, kernel functions), and since which version.
//
// Columns of features.def:
//   id     in code
//   since  the first kernel with it
//   says   what it is, as a phrase; fields are named by their type
//
// A version is a number as in LINUX_VERSION_CODE: 0x050a00 is 5.10.
//
// Proved by: features_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skep::spec {

using KernelVersion = std::uint32_t;

constexpr KernelVersion kernel_version(std::uint32_t major, std::uint32_t minor) {
    return (major << 16) | (minor << 8);
}
constexpr std::uint32_t major_of(KernelVersion version) { return version >> 16; }
constexpr std::uint32_t minor_of(KernelVersion version) { return (version >> 8) & 0xff; }

// "5.10" as a version; nothing when it is none.
constexpr std::optional<KernelVersion> kernel_version(std::string_view text) {
    constexpr std::uint32_t kMost = 255;
    std::array<std::uint32_t, 2> parts{};
    std::size_t part = 0;
    bool has_digit = false;
    for (const char c : text) {
        if (c == '.' && has_digit && part == 0) {
            part = 1;
            has_digit = false;
        } else if (c >= '0' && c <= '9' && parts.at(part) <= kMost) {
            parts.at(part) = parts.at(part) * 10 + static_cast<std::uint32_t>(c - '0');
            has_digit = true;
        } else {
            return std::nullopt;
        }
    }
    if (!has_digit || part != 1 || parts[0] > kMost || parts[1] > kMost) {
        return std::nullopt;
    }
    return kernel_version(parts[0], parts[1]);
}

// Every kernel that can be judged for: 4.14 to 4.20, 5.0 to 5.19, 6.0 to 6.18.
struct KernelSeries {
    std::uint32_t major;
    std::uint32_t first_minor;
    std::uint32_t last_minor;
};
inline constexpr std::array kKernelSeries{KernelSeries{4, 14, 20}, KernelSeries{5, 0, 19},
                                          KernelSeries{6, 0, 18}};
inline constexpr KernelVersion kOldestKernel = kernel_version(4, 14);
inline constexpr KernelVersion kNewestKernel = kernel_version(6, 18);
// Those that are kept alive for long, which many machines run.
inline constexpr std::array kLongTermKernels{
    kernel_version(4, 14), kernel_version(4, 19), kernel_version(5, 4),
    kernel_version(5, 10), kernel_version(5, 15), kernel_version(6, 1),
    kernel_version(6, 6),  kernel_version(6, 12), kernel_version(6, 18)};

constexpr bool is_kernel(KernelVersion version) {
    for (const KernelSeries& series : kKernelSeries) {
        if (major_of(version) == series.major) {
            return minor_of(version) >= series.first_minor &&
                   minor_of(version) <= series.last_minor;
        }
    }
    return false;
}

enum class Feature : std::uint8_t {
#define FEATURE(id, since, says) id,
#include "skep/spec/kernels/features.def"
};
struct FeatureRow {
    Feature feature;
    std::string_view since;
    std::string_view says;
};
inline constexpr std::array kFeatures{
#define FEATURE(id, since, says) FeatureRow{Feature::id, since, says},
#include "skep/spec/kernels/features.def"
};
constexpr const FeatureRow& row(Feature feature) {
    return kFeatures.at(static_cast<std::size_t>(feature));
}

struct FieldFeatureRow {
    std::string_view name;
    std::string_view since;
};
inline constexpr std::array kFieldFeatures{
#define FIELD_FEATURE(name, since) FieldFeatureRow{#name, since},
#include "skep/spec/kernels/features.def"
};

} // namespace skep::spec
