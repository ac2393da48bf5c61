// SPDX-License-Identifier: Apache-2.0
//
// Cache: optimised images on disk, so that a program is compiled once and not in every process.
//
// A directory of this user alone (0700; owner and links are checked each time it is opened), a file
// for each image, named by SHA-256 over all that the image depends on: the program as it runs with
// its facts, maps and types, the shapes of the bound maps, which module compiled it, LLVM and the
// processor. A program's tag would be no key, for programs that differ only in their maps share it.
//
// A file is written under another name and renamed, so that readers see whole ones; what is read is
// checked by a digest of its contents and then field by field. A file that is wrong in any way is
// removed and counts as missing. Beyond its bounds the cache drops its oldest files.
//
// Limits: who may write files as this user may run code as this user anyway: the digest tells
// accidents, not enemies.
//
// Proved by: cache_test.cpp.
#pragma once

#include <optional>
#include <string>

#include "skep/base/result.hpp"
#include "skep/base/sha256.hpp"
#include "skep/run/optimised/optimiser.hpp"

namespace skep::run {

// All that an image depends on. `compiler` says which module, which LLVM and which processor.
Sha256Digest cache_key(const OptimiserJob& job, std::string_view compiler);

class ImageCache {
  public:
    static constexpr std::uint64_t kBytesMost = 64U << 20;
    static constexpr std::size_t kFilesMost = 1024;

    // $SKEP_CACHE, else skep under $XDG_CACHE_HOME, else under ~/.cache; empty when none is known.
    static std::string usual_directory();
    // Makes the directory or checks that it is this user's alone.
    static Result<ImageCache> open(const std::string& directory);

    [[nodiscard]] std::optional<jit::Image> find(const Sha256Digest& key) const;
    Result<void> keep(const Sha256Digest& key, const jit::Image& image) const;

  private:
    explicit ImageCache(std::string directory) : directory_(std::move(directory)) {}
    [[nodiscard]] std::string path_of(const Sha256Digest& key) const;
    void make_room(std::uint64_t bytes) const;

    std::string directory_;
};

} // namespace skep::run
