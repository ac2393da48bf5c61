// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a program: decoding never crashes; what decodes encodes to the same bytes; its text
// in the kernel's dialect assembles to them; its control flow is found or refused.
#include <cstring>

#include "skep/bytecode/assemble.hpp"
#include "skep/bytecode/cfg.hpp"
#include "skep/bytecode/disassemble.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<skep::RawInsn> program(size / sizeof(skep::RawInsn));
    if (!program.empty()) {
        std::memcpy(program.data(), data, program.size() * sizeof(skep::RawInsn));
    }
    static_cast<void>(skep::control_flow(program));
    const std::string text = skep::disassemble_program(program);
    const auto decoded = skep::decode_all(program);
    if (!decoded.ok()) {
        return 0;
    }
    std::vector<skep::RawInsn> encoded;
    bool has_text = true; // the ignored offset of an exit has none
    for (std::size_t at = 0; at < program.size(); at += (*decoded)[at].slots()) {
        const skep::Insn& insn = (*decoded)[at];
        skep::append(encoded, insn);
        has_text = has_text && !(insn.kind == skep::InsnKind::exit && insn.offset != 0);
    }
    SKEP_ASSERT(encoded == program);
    if (has_text) {
        const auto assembled = skep::assemble(text);
        SKEP_ASSERT(assembled.ok() && assembled->insns == program);
    }
    return 0;
}
