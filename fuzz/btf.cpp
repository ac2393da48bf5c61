// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as BTF: parsing answers; what it accepts can be written, read again, printed in every
// way and used to show values; and the kernel's law accepts nothing that parsing refuses.
#include "skep/btf/check/kernel.hpp"
#include "skep/btf/print/c_dump.hpp"
#include "skep/btf/print/raw_dump.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto btf = skep::btf::Btf::parse(skep::Bytes(data, size));
    const auto lawful = skep::btf::parse_for_kernel(skep::Bytes(data, size));
    SKEP_ASSERT(btf.ok() || !lawful.ok());
    if (!btf.ok()) {
        return 0;
    }
    const auto again = skep::btf::Btf::parse(btf->bytes());
    SKEP_ASSERT(again.ok() && again->bytes() == btf->bytes());
    (void)skep::btf::raw_dump(*btf);
    (void)skep::btf::c_definitions(*btf);
    for (skep::btf::TypeId id = 0; id < btf->type_count() && id < 200; ++id) {
        (void)btf->size_of(id);
        (void)skep::btf::declaration(*btf, id, "x");
    }
    return 0;
}
