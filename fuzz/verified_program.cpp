// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as an encoded VerifiedProgram: reading never crashes and takes no memory for what is
// not there; what is read writes the same bytes.
#include <algorithm>

#include "skep/verify/verified_program.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const skep::Bytes bytes(data, size);
    const auto program = skep::verify::VerifiedProgram::decode(bytes);
    if (program.ok()) {
        const skep::ByteVector again = program->encode();
        SKEP_ASSERT(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
    }
    return 0;
}
