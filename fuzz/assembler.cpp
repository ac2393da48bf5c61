// SPDX-License-Identifier: Apache-2.0
//
// Any text as assembly: assembling never crashes, and what it gives, if it decodes, has a text that
// assembles to the same again.
#include "skep/bytecode/assemble.hpp"
#include "skep/bytecode/disassemble.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(data, data + size);
    const auto assembled = skep::assemble(text);
    if (!assembled.ok() || !skep::decode_all(assembled->insns).ok()) {
        return 0;
    }
    SKEP_ASSERT(assembled->lines.size() == assembled->insns.size());
    const auto again = skep::assemble(skep::disassemble_program(assembled->insns));
    SKEP_ASSERT(again.ok() && again->insns == assembled->insns);
    return 0;
}
