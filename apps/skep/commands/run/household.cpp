// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/run/household.hpp"

#include <algorithm>
#include <chrono>
#include <variant>

#include "apps/skep/object_file.hpp"
#include "skep/bytecode/insn.hpp"
#include "skep/load/machine_sizes.hpp"
#include "skep/maps/map.hpp"
#include "skep/os/machine.hpp"
#include "skep/run/code/perf_map.hpp"
#include "skep/run/test_run.hpp"

namespace skep::app {

Household::Household(Session& session, const load::ObjectSpec& object, RunningKernel& kernel,
                     const RunEngine& engine)
    : session_(session), object_(object), engine_(engine), specs_(map_specs(object)),
      kernel_(kernel) {
    services_.owner = this;
    services_.trace = [](void* owner, helpers::Invocation&, const char* text, std::uint32_t size) {
        static_cast<Household*>(owner)->session_.remark("bpf_printk: {}",
                                                        std::string_view(text, size));
    };
    services_.map_by_id = [](void* owner, std::uint32_t id) -> maps::Map* {
        const auto& maps = static_cast<Household*>(owner)->map_views_;
        return id == 0 || id > maps.size() ? nullptr : maps[id - 1];
    };
    services_.run_program = [](void* owner, std::uint32_t id, helpers::Invocation& invocation,
                               std::uint64_t* result) {
        run::Executable* const program = static_cast<Household*>(owner)->program(id);
        if (program != nullptr) {
            *result = program->run(invocation.context, invocation);
        }
        return program != nullptr;
    };
    services_.program_by_id = [](void* owner, std::uint32_t id) -> void* {
        return static_cast<Household*>(owner)->program(id);
    };
}

namespace {

// Whether the program says the number of the map.
bool refers_to(const load::ObjectProgram& program, std::size_t map) {
    const std::vector<RawInsn>& insns = program.spec.insns;
    for (std::uint32_t at = 0; at < insns.size(); ++at) {
        const auto decoded = decode(insns, InsnIndex{at});
        const auto* insn = std::get_if<Insn>(&decoded);
        if (insn != nullptr && insn->refers_to_map() &&
            static_cast<std::uint32_t>(insn->imm) == map) {
            return true;
        }
    }
    return false;
}

// In place of a map that nothing here uses and that the engine does not carry.
spec::MapSpec stand_in(const spec::MapSpec& map) {
    spec::MapSpec small;
    small.type = spec::MapType::array;
    small.name = map.name;
    small.key_size_bytes = small.value_size_bytes = 4;
    small.max_entries = 1;
    return small;
}

} // namespace

bool Household::uses(std::size_t map, std::size_t asked) const {
    if (refers_to(object_.programs[asked], map)) {
        return true;
    }
    // Slots of other kinds, those of interfaces, are never filled here.
    return std::ranges::any_of(object_.maps, [&](const load::ObjectMap& holder) {
        const bool holds_programs = holder.spec.type == spec::MapType::prog_array;
        return maps::has_maker(holder.spec.type) &&
               std::ranges::any_of(holder.initial_slots, [&](const load::InitialSlot& slot) {
                   return holds_programs ? slot.target < object_.programs.size() &&
                                               refers_to(object_.programs[slot.target], map)
                                         : slot.target == map;
               });
    });
}

Result<void> Household::make_maps(std::size_t asked) {
    for (const load::ObjectMap& map : object_.maps) {
        if (!maps::has_maker(map.spec.type) && !uses(maps_.size(), asked)) {
            maps_.push_back(TRY(maps::make_map(stand_in(map.spec), os::possible_cpus())));
            map_views_.push_back(maps_.back().get());
            continue;
        }
        const spec::MapSpec spec = load::fit_to_machine(
            map.spec, os::possible_cpus(), static_cast<std::uint32_t>(os::page_size()));
        maps_.push_back(TRY_WHILE(fmt::format("map '{}'", map.spec.name),
                                  maps::make_map(spec, os::possible_cpus())));
        map_views_.push_back(maps_.back().get());
        const std::array<std::uint8_t, 4> first_key{};
        if (!map.initial_value.empty()) {
            const int wrote =
                maps_.back()->write_user(first_key.data(), map.initial_value, maps::kAny);
            if (wrote != 0) {
                return error_from_errno(
                    -wrote, fmt::format("writing the initial value of map '{}'", map.spec.name));
            }
        }
    }
    return {};
}

Result<run::Executable*> Household::make_ready(std::size_t place) {
    for (std::size_t map = 0; map < object_.maps.size(); ++map) {
        if (!maps::has_maker(object_.maps[map].spec.type)) {
            continue; // something stands in for it
        }
        for (const load::InitialSlot& slot : object_.maps[map].initial_slots) {
            TRY(fill_slot(map, slot, place));
        }
    }
    return make_one(place);
}

Result<RunViews> Household::views(bool with_code, std::optional<Costs> sampled) {
    const verify::VerifiedProgram& program = *verified_.back();
    RunViews views = views_of(program, object_.types.has_value() ? &*object_.types : nullptr);
    views.costs = std::move(sampled);
    if (counted_ != nullptr) {
        views.costs = Costs{.of = counted_->counts()};
    }
    if (with_code) {
        run::Binding binding;
        binding.maps = map_views_;
        const auto make = engine_.hardened                  ? run::make_hardened_jit
                          : engine_.tier == run::Tier::llvm ? run::make_optimised_with_lines
                                                            : run::make_jit;
        shown_ = TRY(make(program, binding));
        views.machine_code = shown_->listing();
    }
    return views;
}

Result<std::uint64_t> Household::checked_insns() const {
    std::uint64_t count = 0;
    for (const Checked& checked : checked_) {
        count += checked.executable->checked_insns();
        if (const auto& wrong = checked.executable->violation(); wrong.has_value()) {
            return fail(Code::invalid_input,
                        fmt::format("program '{}', instruction {}: {} is {:#x}, but the "
                                    "verifier claimed {}\nThis is a mistake of skep's: "
                                    "please report it with the object and the input.",
                                    checked.program, wrong->insn.value, wrong->place, wrong->found,
                                    wrong->claimed));
        }
    }
    return count;
}

void Household::remark_on_tiers() const {
    for (const run::TieredExecutable* tiered : tiered_) {
        if (const std::string remark = tiered->remark(); !remark.empty()) {
            session_.remark("the program {}", remark);
        }
    }
}

Result<void> Household::fill_slot(std::size_t map, const load::InitialSlot& slot,
                                  std::size_t asked) {
    const bool holds_programs = object_.maps[map].spec.type == spec::MapType::prog_array;
    if (holds_programs && slot.target < object_.programs.size() && slot.target != asked) {
        TRY(make_one(slot.target));
    }
    ByteWriter key(std::endian::native);
    key.write(slot.index);
    ByteVector whole_key(key.bytes().begin(), key.bytes().end());
    whole_key.resize(
        std::max<std::size_t>(whole_key.size(), object_.maps[map].spec.key_size_bytes));
    ByteWriter id(std::endian::native);
    id.write(slot.target + 1);
    const int wrote = maps_[map]->update(whole_key.data(), id.bytes().data(), maps::kAny, 0);
    return wrote == 0 ? Result<void>()
                      : Result<void>(
                            error_from_errno(-wrote, fmt::format("slot {} of map '{}'", slot.index,
                                                                 object_.maps[map].spec.name)));
}

Result<run::Executable*> Household::make_one(std::size_t place) {
    const load::ObjectProgram& program = object_.programs[place];
    if (program.error.has_value()) {
        return *program.error;
    }
    verify::Environment environment;
    environment.maps = specs_;
    environment.program_types = object_.types.has_value() ? &*object_.types : nullptr;
    environment.kernel_types = kernel_.types();
    environment.cpu_count = os::possible_cpus();
    verify::Claimed claimed;
    if (engine_.checks_claims) {
        claimed = verify::verify_with_claims(program.spec, environment);
    } else {
        claimed.outcome = verify::verify(program.spec, environment);
    }
    verify::Outcome& outcome = claimed.outcome;
    if (!outcome.program.has_value()) {
        return Error{Code::access_denied, 0,
                     fmt::format("program '{}' is refused: {}\nskep verify {} says why",
                                 program.spec.name, outcome.message, object_.file)};
    }
    verified_.push_back(std::make_unique<verify::VerifiedProgram>(std::move(*outcome.program)));
    run::Binding binding;
    binding.maps = map_views_;
    const auto begin = std::chrono::steady_clock::now();
    std::unique_ptr<run::Executable> made =
        TRY(make_executable(*verified_.back(), binding, program.spec.name, claimed.claims));
    const auto spent = std::chrono::steady_clock::now() - begin;
    compile_us_ = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
    if (place >= ready_.size()) {
        ready_.resize(object_.programs.size());
    }
    auto& kept = ready_[place];
    kept = std::move(made);
    if (const auto listing = kept->listing()) {
        const auto names = run::code::function_names(*verified_.back());
        debugger_.emplace_back(*listing, names);
        if (engine_.perf_map) {
            TRY(run::code::add_to_perf_map(*listing, names));
        }
    }
    return kept.get();
}

Result<std::unique_ptr<run::Executable>>
Household::make_executable(const verify::VerifiedProgram& program, const run::Binding& binding,
                           const std::string& name, const std::shared_ptr<verify::Claims>& claims) {
    if (claims != nullptr) {
        auto checked = TRY(run::make_claim_checked(program, claims, binding));
        checked_.push_back({name, checked.get()});
        return std::unique_ptr<run::Executable>(std::move(checked));
    }
    if (engine_.metric == Metric::instructions) {
        auto counted = TRY(run::make_counted(program, binding));
        counted_ = counted.get();
        return std::unique_ptr<run::Executable>(std::move(counted));
    }
    if (engine_.hardened) {
        return run::make_hardened_jit(program, binding);
    }
    if (engine_.tier == run::Tier::llvm && engine_.metric.has_value()) {
        return run::make_optimised_with_lines(program, binding);
    }
    if (engine_.tiers_up && run::check_available(run::Tier::jit).ok()) {
        if (background_ == nullptr) {
            background_ = std::make_unique<run::BackgroundCompiler>();
        }
        auto tiered = TRY(run::make_tiered(program, binding, *background_));
        tiered_.push_back(tiered.get());
        return std::unique_ptr<run::Executable>(std::move(tiered));
    }
    run::Ready made = TRY(run::make_executable(program, binding, engine_.tier));
    return std::move(made.executable);
}

} // namespace skep::app
