// SPDX-License-Identifier: Apache-2.0
//
// Images and jobs as bytes: what the cache keeps, and what goes to and from the process that
// compiles.
//
// Both are read as strangers' bytes: an image ends with a digest of its contents, and every field
// is checked besides; of a job every field is.
//
// Proved by: cache_test.cpp, image_file_test.cpp.
#pragma once

#include <vector>

#include "skep/run/optimised/optimiser.hpp"

namespace skep::run {

ByteVector write_image(const jit::Image& image);
Result<jit::Image> read_image(Bytes bytes);

// Without its bound in time.
ByteVector write_job(const OptimiserJob& job);

struct ReadJob {
    verify::VerifiedProgram program;
    std::vector<jit::MapShape> shapes;
    bool with_lines = false;
};
Result<ReadJob> read_job(Bytes bytes);

} // namespace skep::run
