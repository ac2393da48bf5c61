// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/compile/compilation.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "apps/runtime/skep_runtime.h"
#include "apps/skep/object_file.hpp"
#include "skep/bytecode/insn.hpp"
#include "skep/helpers/invocation.hpp"
#include "skep/maps/map.hpp"
#include "skep/run/optimised/optimiser.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/spec/maps/map_contents.hpp"

namespace skep::app {

namespace {

constexpr std::uint64_t kMostValueBytes = 64U << 20; // of one map in the object

} // namespace

Compilation::Compilation(const CompileWish& wish, const load::ObjectSpec& object,
                         RunningKernel& kernel)
    : wish_(wish), object_(object), kernel_(kernel), specs_(map_specs(object)),
      names_(wish.prefix) {
    unit_.prefix = wish.prefix;
    unit_.opener = names_.opener();
    unit_.source = object.file.substr(object.file.rfind('/') + 1);
    unit_.cpus = wish.cpus;
}

Result<ByteVector> Compilation::run() {
    for (const load::ObjectMap& map : object_.maps) {
        unit_.maps.push_back(unit_map(map));
    }
    TRY(add_programs());
    const run::Optimiser* optimiser = TRY(run::optimiser());
    run::AheadObject made = TRY(optimiser->compile_ahead(job()));
    while (keep_at_run_time(made)) { // each time there are more of them
        made = TRY(optimiser->compile_ahead(job()));
    }
    unit_.calls = std::move(made.calls);
    TRY(check_run_time());
    fill_slots();
    return std::move(made.bytes);
}

UnitMap Compilation::unit_map(const load::ObjectMap& map) {
    UnitMap one;
    one.name = map.spec.name;
    const std::size_t point = map.spec.name.find('.');
    one.symbol = names_.of_map(map.spec.name.substr(point + 1)); // of "x.bss" its end
    one.spec = map.spec;
    one.stride_bytes = (std::uint64_t{map.spec.value_size_bytes} + 7) / 8 * 8;
    one.in_object = (one.is_array() || map.spec.type == spec::MapType::percpu_array) &&
                    bytes_of(one) <= kMostValueBytes && map.spec.value_fields.empty();
    one.is_constant = (map.spec.flags & spec::kMapReadOnlyProgram) != 0;
    add_variables(one);
    return one;
}

// Global variables are found by their places in the value.
void Compilation::add_variables(UnitMap& map) {
    const std::uint32_t id = map.spec.btf_value_type_id;
    if (!object_.types.has_value() || !object_.types->has(id) ||
        object_.types->type(id).kind != btf::Kind::data_section) {
        return;
    }
    for (const btf::SectionVariable& variable : object_.types->type(id).variables) {
        if (object_.types->has(variable.variable) && variable.offset < map.spec.value_size_bytes) {
            const std::string_view name = object_.types->type(variable.variable).name;
            map.variables.push_back({names_.of_variable(map.symbol, name), variable.offset});
        }
    }
}

std::uint64_t Compilation::bytes_of(const UnitMap& map) const {
    const bool per_cpu = map.spec.type == spec::MapType::percpu_array;
    return map.stride_bytes * map.spec.max_entries * (per_cpu ? wish_.cpus : 1);
}

Result<void> Compilation::add_programs() {
    std::set<std::string> missing(wish_.programs.begin(), wish_.programs.end());
    for (std::size_t place = 0; place < object_.programs.size(); ++place) {
        const std::string& name = object_.programs[place].spec.name;
        const auto& wanted = wish_.programs;
        if (wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end()) {
            places_.push_back(place);
            missing.erase(name);
        }
    }
    if (!missing.empty()) {
        return fail(Code::not_found,
                    fmt::format("{} does not hold a program '{}'", object_.file, *missing.begin()));
    }
    if (places_.empty()) {
        return fail(Code::not_found, fmt::format("{} does not hold a program", object_.file));
    }
    add_tail_called();
    for (const std::size_t place : places_) {
        TRY(add_program(place));
    }
    return {};
}

// Programs in the slots of a program array that one of the programs refers to.
void Compilation::add_tail_called() {
    std::set<std::size_t> seen; // arrays
    for (std::size_t i = 0; i < places_.size(); ++i) {
        const auto insns = decode_all(object_.programs[places_[i]].spec.insns);
        if (!insns.ok()) {
            continue; // the verifier will say so
        }
        for (const Insn& insn : *insns) {
            const auto map = static_cast<std::size_t>(static_cast<std::uint32_t>(insn.imm));
            if (insn.refers_to_map() && map < object_.maps.size() && seen.insert(map).second) {
                add_programs_of(object_.maps[map]);
            }
        }
    }
}

void Compilation::add_programs_of(const load::ObjectMap& map) {
    if (map.spec.type != spec::MapType::prog_array) {
        return;
    }
    for (const load::InitialSlot& slot : map.initial_slots) {
        if (std::find(places_.begin(), places_.end(), slot.target) == places_.end()) {
            places_.push_back(slot.target);
        }
    }
}

Result<void> Compilation::add_program(std::size_t place) {
    const load::ObjectProgram& program = object_.programs[place];
    if (program.error.has_value()) {
        return *program.error;
    }
    if (program.spec.type == spec::ProgramType::unspec) {
        return fail(
            Code::invalid_input,
            fmt::format("program '{}': the name of its section, '{}', tells no type: --type "
                        "says which it is, --prog chooses others",
                        program.spec.name, program.spec.section));
    }
    if (!can_be_entered(program.spec.type)) {
        return fail(Code::unsupported,
                    fmt::format("program '{}' is of type {}, whose context an application cannot "
                                "make: --prog chooses others",
                                program.spec.name, spec::find(program.spec.type)->name));
    }
    verify::Environment environment;
    environment.maps = specs_;
    environment.program_types = object_.types.has_value() ? &*object_.types : nullptr;
    environment.kernel_types = kernel_.types();
    environment.cpu_count = wish_.cpus;
    verify::Outcome outcome = verify::verify(program.spec, environment);
    if (!outcome.program.has_value()) {
        return Error{Code::access_denied, 0,
                     fmt::format("program '{}' is refused: {}\nskep verify {} says why",
                                 program.spec.name, outcome.message, object_.file)};
    }
    TRY(check_helpers(*outcome.program));
    verified_.push_back(std::make_unique<verify::VerifiedProgram>(std::move(*outcome.program)));
    unit_.programs.push_back(
        {program.spec.name, names_.of_program(program.spec.name), program.spec.type});
    return {};
}

// What the runtime library does not carry is told before anything takes time.
Result<void> Compilation::check_helpers(const verify::VerifiedProgram& program) {
    for (const Insn& insn : TRY(decode_all(program.insns()))) {
        const auto number = static_cast<std::uint32_t>(insn.imm);
        if (insn.kind == InsnKind::call_helper && helpers::find_helper(number) == nullptr &&
            !helpers::is_done_by_engine(number)) {
            const spec::HelperRow* row = spec::find_helper(number);
            return fail(Code::unsupported,
                        fmt::format("program '{}' calls {}, which the runtime library does not "
                                    "carry: --prog chooses others",
                                    program.spec().name, row == nullptr ? "a helper" : row->name));
        }
    }
    return {};
}

run::AheadJob Compilation::job() {
    programs_.clear();
    maps_.clear();
    shapes_.clear();
    for (std::size_t i = 0; i < verified_.size(); ++i) {
        programs_.push_back({verified_[i].get(), unit_.programs[i].symbol});
    }
    for (std::size_t i = 0; i < unit_.maps.size(); ++i) {
        const UnitMap& map = unit_.maps[i];
        shapes_.push_back(shape_of(i));
        maps_.push_back({map.symbol, map.in_object ? bytes_of(map) : 0,
                         object_.maps[i].initial_value, map.is_constant, map.is_array(),
                         map.has_handle});
    }
    return {unit_.prefix, programs_, maps_, shapes_, wish_.triple, wish_.cpu, calls_back_};
}

// Arrays are looked up in place wherever they are; where the CPUs' values of one that is made at
// run time lie is not known here.
run::jit::MapShape Compilation::shape_of(std::size_t place) const {
    constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max();
    const UnitMap& map = unit_.maps[place];
    run::jit::MapShape shape;
    shape.map_index = static_cast<std::uint32_t>(place);
    if ((map.in_object || map.is_array()) && map.stride_bytes <= kMost &&
        map.spec.max_entries <= kMost) {
        shape.way = run::jit::LookupWay::in_place;
        shape.entries = map.spec.max_entries;
        shape.stride_bytes = static_cast<std::uint32_t>(map.stride_bytes);
        shape.cpu_stride_bytes = map.spec.type == spec::MapType::percpu_array
                                     ? map.stride_bytes * map.spec.max_entries
                                     : 0;
    }
    return shape;
}

bool Compilation::keep_at_run_time(const run::AheadObject& made) {
    bool changes = false;
    for (const std::size_t index : made.handled) {
        changes = keep(index) || changes;
    }
    const bool calls = !made.calls.empty() || !made.handled.empty();
    changes = changes || calls != calls_back_;
    calls_back_ = calls;
    return changes;
}

bool Compilation::keep(std::size_t index) {
    UnitMap& map = unit_.maps[index];
    if (map.has_handle) {
        return false;
    }
    map.has_handle = true;
    map.in_object = false;
    map.initial = object_.maps[index].initial_value;
    if (spec::holds_maps(map.spec.type)) {
        for (const load::InitialSlot& slot : object_.maps[index].initial_slots) {
            keep(slot.target);
        }
    }
    return true;
}

// What the runtime library does not carry.
Result<void> Compilation::check_run_time() const {
    const auto handled = std::count_if(unit_.maps.begin(), unit_.maps.end(),
                                       [](const UnitMap& map) { return map.has_handle; });
    if (handled > SKEP_PROGRAM_MAPS) {
        return fail(Code::too_big,
                    fmt::format("{} maps at run time, of which a unit has at most {}: --prog "
                                "chooses programs",
                                handled, SKEP_PROGRAM_MAPS));
    }
    for (const UnitMap& map : unit_.maps) {
        TRY(check_slots(map));
    }
    return {};
}

Result<void> Compilation::check_slots(const UnitMap& map) const {
    const auto place = static_cast<std::size_t>(&map - unit_.maps.data());
    const auto& slots = object_.maps[place].initial_slots;
    if (!map.has_handle) {
        return {};
    }
    if (!maps::has_maker(map.spec.type)) {
        return fail(Code::unsupported,
                    fmt::format("map '{}' is of type {}, which the runtime library does not make: "
                                "--prog chooses programs",
                                map.name, spec::find(map.spec.type)->name));
    }
    if (!slots.empty() && map.spec.key_size_bytes != sizeof(std::uint32_t)) {
        return fail(Code::unsupported,
                    fmt::format("map '{}' is to hold something from the beginning under keys that "
                                "are no index",
                                map.name));
    }
    return {};
}

void Compilation::fill_slots() {
    for (std::size_t i = 0; i < unit_.maps.size(); ++i) {
        UnitMap& map = unit_.maps[i];
        for (const load::InitialSlot& slot : object_.maps[i].initial_slots) {
            if (!map.has_handle) {
                break;
            }
            const auto program = std::find(places_.begin(), places_.end(), slot.target);
            if (spec::holds_maps(map.spec.type)) {
                map.slots.push_back({slot.index, slot.target});
            } else if (map.spec.type == spec::MapType::prog_array && program != places_.end()) {
                map.slots.push_back(
                    {slot.index, static_cast<std::size_t>(program - places_.begin())});
            }
        }
    }
}

} // namespace skep::app
