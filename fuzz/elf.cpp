// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as an object file: loading and inspecting answer, whatever they hold.
#include "skep/load/inspect.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const skep::Bytes file(data, size);
    const auto object = skep::load::load_object(file, "fuzzed.o", {});
    SKEP_ASSERT(object.ok() || !object.error().message.empty());
    (void)skep::load::inspect_object(file, "fuzzed.o");
    // Its own types as the target: relocations are resolved too.
    if (object.ok() && object->types) {
        skep::load::Options options;
        options.target_btf = &*object->types;
        (void)skep::load::load_object(file, "fuzzed.o", options);
    }
    return 0;
}
