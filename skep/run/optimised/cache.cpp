// SPDX-License-Identifier: Apache-2.0
#include "skep/run/optimised/cache.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "skep/base/message_fields.hpp"
#include "skep/os/files.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/sharing/owner_lock.hpp"
#include "skep/os/storage/private_directory.hpp"
#include "skep/run/optimised/image_file.hpp"

namespace skep::run {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kImageMost = 16U << 20;
constexpr std::size_t kDigestBytes = sizeof(Sha256Digest);

// As path_of and keep name them: a digest, ".image", and more while it is being written.
bool is_ours(const std::string& name) {
    constexpr std::size_t kDigits = 2 * kDigestBytes;
    return name.size() > kDigits && name.find_first_not_of("0123456789abcdef") == kDigits &&
           name.compare(kDigits, 6, ".image") == 0;
}

struct Kept {
    fs::path path;
    fs::file_time_type when;
    std::uint64_t bytes = 0;
};

} // namespace

Sha256Digest cache_key(const OptimiserJob& job, std::string_view compiler) {
    ByteWriter all;
    write_text(all, kOptimiserBuild);
    write_text(all, compiler);
    all.write_bytes(write_job(job)); // shapes; instructions, facts, maps, flags, type
    return sha256(all.bytes());
}

std::string ImageCache::usual_directory() {
    if (std::string named = os::environment_variable("SKEP_CACHE"); !named.empty()) {
        return named;
    }
    if (const std::string cache = os::environment_variable("XDG_CACHE_HOME"); !cache.empty()) {
        return cache + "/skep";
    }
    const std::string home = os::environment_variable("HOME");
    return home.empty() ? "" : home + "/.cache/skep";
}

Result<ImageCache> ImageCache::open(const std::string& directory) {
    if (directory.empty()) {
        return fail(Code::not_found, "there is no place for a cache: HOME is not set");
    }
    TRY_WHILE("the cache of machine code",
              os::ensure_private_directory(directory, os::Parent::make));
    return ImageCache(directory);
}

std::string ImageCache::path_of(const Sha256Digest& key) const {
    std::string name;
    for (const std::uint8_t byte : key) {
        name += fmt::format("{:02x}", byte);
    }
    return fmt::format("{}/{}.image", directory_, name);
}

std::optional<jit::Image> ImageCache::find(const Sha256Digest& key) const {
    const std::string path = path_of(key);
    const Result<ByteVector> file = os::read_file(path, kImageMost);
    if (!file.ok()) {
        return std::nullopt;
    }
    Result<jit::Image> image = read_image(*file);
    if (!image.ok()) {
        std::error_code gone_already;
        fs::remove(path, gone_already);
        return std::nullopt;
    }
    return std::move(image).value();
}

Result<void> ImageCache::keep(const Sha256Digest& key, const jit::Image& image) const {
    const ByteVector bytes = write_image(image);
    if (bytes.size() > kImageMost) {
        return fail(Code::too_big, "the image is too large to be kept");
    }
    make_room(bytes.size());
    const std::string path = path_of(key);
    const std::string unfinished = fmt::format("{}.{:016x}", path, os::random_number());
    TRY(os::write_file(unfinished, bytes));
    std::error_code problem;
    fs::rename(unfinished, path, problem);
    if (problem) {
        fs::remove(unfinished, problem);
        return fail(Code::system, "the image cannot be kept: " + problem.message());
    }
    return {};
}

// Another process may be doing the same: what it removed is gone, and no harm.
void ImageCache::make_room(std::uint64_t bytes) const {
    std::vector<Kept> all;
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(directory_, problem)) {
        Kept one{entry.path(), entry.last_write_time(problem), entry.file_size(problem)};
        if (!problem && entry.is_regular_file(problem) && is_ours(one.path.filename().string())) {
            bytes += one.bytes;
            all.push_back(std::move(one));
        }
    }
    std::ranges::sort(all, {}, &Kept::when);
    std::size_t files = all.size() + 1;
    for (const Kept& oldest : all) {
        if (bytes <= kBytesMost && files <= kFilesMost) {
            return;
        }
        fs::remove(oldest.path, problem);
        bytes -= oldest.bytes;
        --files;
    }
}

} // namespace skep::run
