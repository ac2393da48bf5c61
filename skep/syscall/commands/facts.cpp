// SPDX-License-Identifier: Apache-2.0
//
// skep's own commands that tell something: the trace stream, the engine, what fdinfo would say of
// an object, and where instructions lie in machine code.
#include <cerrno>

#include "skep/os/machine.hpp"
#include "skep/spec/private/private_abi.hpp"
#include "skep/syscall/commands/commands.hpp"

namespace skep::syscall {
namespace {

// A text with its zero into a buffer of the caller.
Result<void> put_text(Call& call, std::uint64_t address, std::uint32_t room,
                      const std::string& text) {
    if (room == 0) {
        return {};
    }
    if (text.size() + 1 > room) {
        return answer(ENOSPC, "the text needs " + std::to_string(text.size() + 1) + " bytes");
    }
    ByteVector bytes(text.begin(), text.end());
    bytes.push_back(0);
    return call.caller->write(address, bytes);
}

} // namespace

Result<long> trace_open(const SharedCall& call) {
    if (call->attr<abi::TraceOpenAttr>().flags != 0) {
        return answer(EINVAL, "unknown flags");
    }
    return call->caller->give(TRY(call->engine.host.trace_ring()));
}

Result<long> engine_facts(const SharedCall& call) {
    const auto attr = call->attr<abi::EngineFactsAttr>();
    TRY(put_text(*call, attr.pin_directory, attr.size, call->engine.pin_directory));
    TRY(call->put(offsetof(abi::EngineFactsAttr, cpu_count), call->engine.cpu_count));
    TRY(call->put(offsetof(abi::EngineFactsAttr, pid), os::process_id()));
    return 0L;
}

Result<long> object_facts(const SharedCall& call) {
    const auto attr = call->attr<abi::ObjectFactsAttr>();
    auto object = TRY(call->object(attr.fd));
    std::uint64_t memlock = 0;
    bool frozen = false;
    if (object->kind() == registry::ObjectKind::map) {
        const auto& map = static_cast<const registry::MapObject&>(*object);
        memlock = map.map->memory_bytes();
        frozen = map.frozen;
    } else if (object->kind() == registry::ObjectKind::program) {
        const auto& program = static_cast<const registry::ProgramObject&>(*object);
        constexpr std::uint64_t kPage = 4096;
        constexpr std::uint64_t kProgramHeader = 64;
        const std::uint64_t bytes =
            kProgramHeader + program.program->insns().size() * sizeof(RawInsn);
        memlock = (bytes + kPage - 1) / kPage * kPage;
    }
    TRY(call->put(offsetof(abi::ObjectFactsAttr, memlock), memlock));
    TRY(call->put(offsetof(abi::ObjectFactsAttr, frozen), std::uint32_t{frozen ? 1U : 0U}));
    return 0L;
}

Result<long> program_code(const SharedCall& call) {
    const auto attr = call->attr<abi::ProgramCodeAttr>();
    auto program = TRY(call->object_as<registry::ProgramObject>(attr.fd));
    const auto listing = program->listing == nullptr ? std::nullopt : program->listing->listing();
    ByteWriter offsets;
    for (const std::uint32_t offset :
         listing ? listing->insn_offsets : std::vector<std::uint32_t>()) {
        offsets.write(offset);
    }
    const ByteVector all = offsets.take();
    TRY(put_array(*call, {attr.offsets, attr.count}, all, sizeof(std::uint32_t)));
    TRY(call->put(offsetof(abi::ProgramCodeAttr, needed),
                  static_cast<std::uint32_t>(all.size() / sizeof(std::uint32_t))));
    return 0L;
}

} // namespace skep::syscall
