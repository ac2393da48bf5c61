// SPDX-License-Identifier: Apache-2.0
//
// PROG_LOAD and PROG_BIND_MAP.
//
// The attributes become a ProgramSpec and an Environment (program_request.hpp), verify() judges,
// and what it accepts becomes an object. The log is written whatever the verdict, and a log that
// was cut decides the answer.
#include <algorithm>
#include <cerrno>

#include "skep/base/sha256.hpp"
#include "skep/os/machine.hpp"
#include "skep/spec/rights/licences.hpp"
#include "skep/syscall/commands/commands.hpp"
#include "skep/syscall/log_buffer.hpp"
#include "skep/syscall/map/map_slots.hpp"
#include "skep/syscall/program/program_request.hpp"
#include "skep/verify/explain/kernel_log.hpp"
#include "skep/verify/verify.hpp"

namespace skep::syscall {
namespace {

using registry::MapObject;
using registry::ProgramObject;

// What the verifier may know of a map: its contents too, when nobody can ever change them.
spec::MapSpec shape_for_verifier(const MapObject& object) {
    spec::MapSpec shape = object.map->spec();
    constexpr std::uint32_t kLargestConstant = 16U << 20; // a copy is made; more is not looked at
    const bool constant = object.sealed && shape.type == spec::MapType::array &&
                          shape.max_entries == 1 && shape.value_size_bytes <= kLargestConstant;
    if (constant) {
        const ByteVector key(shape.key_size_bytes);
        ByteVector value(object.map->user_value_bytes());
        if (object.map->read_user(key.data(), value, 0) == 0) {
            shape.constant_value = std::move(value);
        }
    }
    return shape;
}

std::shared_ptr<const btf::Btf> kernel_types(Call& call) {
    auto object = call.objects().find(registry::ObjectKind::btf, 1);
    if (object == nullptr) {
        return nullptr;
    }
    auto& kernel = static_cast<registry::BtfObject&>(*object);
    if (kernel.from_kernel && kernel.types == nullptr) {
        auto parsed = btf::Btf::parse(kernel.bytes);
        if (parsed.ok()) {
            kernel.types = std::make_shared<const btf::Btf>(std::move(*parsed));
        }
    }
    return kernel.from_kernel ? kernel.types : nullptr;
}

verify::Outcome judge(Call& call, const ProgramRequest& request, std::uint32_t log_level) {
    std::vector<spec::MapSpec> shapes;
    for (const auto& map : request.maps) {
        shapes.push_back(shape_for_verifier(*map));
    }
    std::shared_ptr<const btf::Btf> kernel; // as long as the judgement lasts
    verify::Environment environment;
    environment.maps = shapes;
    environment.program_types = request.types == nullptr ? nullptr : request.types->types.get();
    environment.kernel_types = btf::TypesOnDemand([&kernel, &call] {
        kernel = kernel_types(call);
        return kernel.get();
    });
    environment.cpu_count = call.engine.cpu_count;
    environment.log_level = log_level & 7;
    const std::uint64_t begin_ns = os::boot_time_ns();
    verify::Outcome outcome = verify::verify(request.spec, environment);
    constexpr std::uint64_t kNsPerUs = 1000;
    verify::add_verification_time(outcome.log, (os::boot_time_ns() - begin_ns) / kNsPerUs);
    return outcome;
}

// Machine code to show and to count; on a machine without a generator there is none.
std::unique_ptr<run::Executable> make_listing(const verify::VerifiedProgram& program,
                                              const ProgramRequest& request) {
    run::Binding binding;
    for (const auto& map : request.maps) {
        binding.maps.push_back(map->map.get());
        binding.map_ids.push_back(map->id());
    }
    auto code = run::make_jit(program, binding);
    return code.ok() ? std::move(*code) : nullptr;
}

Result<std::shared_ptr<ProgramObject>> make_program(Call& call, ProgramRequest request,
                                                    verify::VerifiedProgram verified) {
    auto object = std::make_shared<ProgramObject>();
    object->program = std::make_shared<const verify::VerifiedProgram>(std::move(verified));
    for (const auto& map : request.maps) {
        if (map->map->spec().type == spec::MapType::prog_array) {
            TRY(join_program_array(*map, owner_facts(request.spec)));
        }
    }
    object->listing = make_listing(*object->program, request);
    object->tag = request.tag;
    object->name = request.name;
    object->gpl_compatible = spec::is_gpl_compatible(request.spec.license);
    object->load_time_ns = os::boot_time_ns();
    object->uid = call.caller->uid();
    object->types = std::move(request.types);
    object->used_maps = std::move(request.used_maps);
    object->maps = std::move(request.maps);
    TRY(call.objects().add(object));
    return object;
}

// The text for the log buffer: the verifier's, or at least why the program was refused.
std::string log_text(const verify::Outcome& outcome) {
    if (outcome.log.empty() && !outcome.message.empty()) {
        return outcome.message + "\n";
    }
    return outcome.log;
}

} // namespace

Result<long> prog_load(const SharedCall& call) {
    const auto attr = call->attr<abi::ProgLoadAttr>();
    const LogBuffer log{attr.log_level, attr.log_size, attr.log_buf};
    auto request = read_program_request(*call, attr, log);
    if (!request.ok()) {
        return request.error();
    }
    verify::Outcome outcome;
    if (request->refusal) {
        outcome.verdict = verify::Verdict::reject;
        outcome.os_errno = errno_of(*request->refusal);
        outcome.message = request->refusal->message;
    } else {
        outcome = judge(*call, *request, attr.log_level);
    }
    const LogWritten written = TRY(log.write(*call->caller, log_text(outcome)));
    TRY(call->put(offsetof(abi::ProgLoadAttr, log_true_size), written.true_size));
    if (written.was_cut) {
        return answer(ENOSPC, "the log did not fit its buffer");
    }
    if (outcome.verdict != verify::Verdict::accept || !outcome.program.has_value()) {
        return answer(outcome.os_errno == 0 ? EINVAL : outcome.os_errno, outcome.message);
    }
    auto object = TRY(make_program(*call, std::move(*request), std::move(*outcome.program)));
    return call->open(*object);
}

Result<long> prog_bind_map(const SharedCall& call) {
    const auto attr = call->attr<abi::BindMapAttr>();
    if (attr.flags != 0) {
        return answer(EINVAL, "unknown flags");
    }
    auto program = TRY(call->object_as<ProgramObject>(attr.prog_fd));
    auto map = TRY(call->object_as<MapObject>(attr.map_fd));
    auto& used = program->used_maps;
    if (std::find(used.begin(), used.end(), map) == used.end()) {
        used.push_back(std::move(map));
    }
    return 0L;
}

} // namespace skep::syscall
