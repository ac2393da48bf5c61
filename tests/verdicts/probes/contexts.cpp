// SPDX-License-Identifier: Apache-2.0
//
// Families about the context and the answer: every place of it in every width, and every number at
// the exit.
#include <fmt/format.h>

#include "skep/spec/contexts/contexts.hpp"
#include "tests/verdicts/campaign/generator/draft.hpp"
#include "tests/verdicts/probes/families.hpp"

namespace skep::tests::probes {
namespace {

using campaign::Draft;
using campaign::load;
using campaign::mov;
using campaign::mov_imm;
using campaign::of_kind;

constexpr std::int32_t kBeyond = 8;
constexpr std::int32_t kTypedBytes = 72; // slots of typed contexts that are tried
constexpr unsigned kWidths[] = {1, 2, 4, 8};

Insn sign_extending(Insn insn) {
    insn.extend = Extend::sign;
    return insn;
}

void put(const Caller& caller, const Insn& access, const std::string& name, const Sink& sink) {
    Draft draft;
    draft.add(mov_imm(3, 1));
    draft.add(access);
    draft.add(mov_imm(0, allowed_answer(caller)));
    draft.add(of_kind(InsnKind::exit));
    sink({name, program_of(caller, draft.link())});
}

void put_answer(const Caller& caller, const std::vector<Insn>& insns, const std::string& name,
                const Sink& sink) {
    Draft draft;
    for (const Insn& insn : insns) {
        draft.add(insn);
    }
    draft.add(of_kind(InsnKind::exit));
    sink({fmt::format("{}: answers {}", caller.name, name), program_of(caller, draft.link())});
}

} // namespace

void context_accesses(const Callers& callers, const btf::Btf& /*types*/, const Sink& sink) {
    for (const Caller& caller : callers) {
        const spec::ContextId id = spec::find(caller.type)->context;
        const auto bytes = id == spec::ContextId::none
                               ? kTypedBytes
                               : static_cast<std::int32_t>(spec::context(id).bytes);
        for (std::int32_t at = -kBeyond; at < std::min(bytes, 280) + kBeyond; ++at) {
            const auto offset = static_cast<std::int16_t>(at);
            for (const unsigned width : kWidths) {
                const std::string place = fmt::format("{}: {} bytes at {}", caller.name, width, at);
                put(caller, load(width, 2, 1, offset), place + " read", sink);
                put(caller, campaign::store(width, 1, offset, 3), place + " written", sink);
                put(caller, campaign::store_imm(width, 1, offset, 1), place + " set", sink);
                if (width < 8) {
                    put(caller, sign_extending(load(width, 2, 1, offset)), place + " read signed",
                        sink);
                }
            }
        }
    }
}

void answers(const Callers& callers, const btf::Btf& /*types*/, const Sink& sink) {
    constexpr std::int32_t kRandom = 7; // bpf_get_prandom_u32
    for (const Caller& caller : callers) {
        for (const std::int32_t number : {-4096, -4095, -2, -1, 0, 1, 2, 3, 4, 255}) {
            put_answer(caller, {mov_imm(0, number)}, std::to_string(number), sink);
            put_answer(caller, {campaign::alu_imm(AluOp::mov, Width::w32, 0, number)},
                       fmt::format("(u32){}", number), sink);
        }
        put_answer(caller, {campaign::call_helper(kRandom)}, "any u32", sink);
        for (const std::int32_t mask : {1, 3}) {
            put_answer(caller,
                       {campaign::call_helper(kRandom),
                        campaign::alu_imm(AluOp::and_, Width::w64, 0, mask)},
                       fmt::format("0..{}", mask), sink);
        }
        put_answer(caller,
                   {campaign::call_helper(kRandom),
                    campaign::alu_imm(AluOp::and_, Width::w64, 0, 1),
                    campaign::alu_imm(AluOp::add, Width::w64, 0, -1)},
                   "-1..0", sink);
        put_answer(caller, {mov(0, 1)}, "the context", sink);
        put_answer(caller, {mov(0, kFramePointer)}, "the stack", sink);
        put_answer(caller, {}, "nothing", sink);
    }
}

} // namespace skep::tests::probes
