// SPDX-License-Identifier: Apache-2.0
//
// The kernel's types are large, so they are read only when the object cannot be read well without.
#include "apps/skep/object_file.hpp"

#include <algorithm>

#include "skep/btf/btf.hpp"
#include "skep/os/files.hpp"

namespace skep::app {

namespace {

constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";

bool is_whole(const Result<load::ObjectSpec>& object) {
    return object.ok() && std::none_of(object->programs.begin(), object->programs.end(),
                                       [](const load::ObjectProgram& program) {
                                           return program.error.has_value();
                                       });
}

} // namespace

Result<load::ObjectSpec> read_object(const std::string& file, load::Options options) {
    const ByteVector bytes = TRY(os::read_file(file));
    Result<load::ObjectSpec> object = load::load_object(bytes, file, options);
    const bool is_elf = bytes.size() > 4 && bytes[0] == 0x7f && bytes[1] == 'E' &&
                        bytes[2] == 'L' && bytes[3] == 'F';
    if (is_whole(object) || !is_elf || options.target_btf != nullptr) {
        return object;
    }
    const Result<ByteVector> raw = os::read_file(kKernelTypes);
    if (!raw.ok()) {
        return object;
    }
    const btf::Btf kernel = TRY_WHILE(kKernelTypes, btf::Btf::parse(*raw));
    options.target_btf = &kernel;
    Result<load::ObjectSpec> again = load::load_object(bytes, file, options);
    return again.ok() || !object.ok() ? std::move(again) : std::move(object);
}

} // namespace skep::app
