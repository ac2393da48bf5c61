// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/program_table.hpp"

#include <string_view>
#include <utility>

#include "skep/os/machine.hpp"
#include "skep/run/code/debugger.hpp"
#include "skep/run/code/perf_map.hpp"
#include "skep/run/interpreter/counted.hpp"
#include "skep/run/optimised/optimiser.hpp"
#include "skep/run/tiers.hpp"
#include "skep/workers/profile.hpp"

namespace skep::workers {
namespace {

// Counts the runs of a program that is entered from outside; tail calls go to enter(). What runs
// may be exchanged while runs are under way.
class Counted final : public run::Executable {
  public:
    Counted(run::Executable& program, const RunStats* stats, std::uint32_t id,
            std::atomic<bool>& some_ran_often)
        : program_(&program), stats_(stats), id_(id), inner_(&program),
          some_ran_often_(some_ran_often) {}

    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override {
        run::Executable& inner = enter();
        if (stats_ == nullptr || !stats_->is_counting()) {
            return inner.run_alone(context, invocation);
        }
        const std::uint64_t start_ns = os::steady_time_ns();
        const std::uint64_t result = inner.run(context, invocation);
        if (RunStats::Entry* entry = entry_ != nullptr ? entry_ : entry_ = stats_->entry_of(id_);
            entry != nullptr) {
            entry->runs.fetch_add(1, std::memory_order_relaxed);
            entry->time_ns.fetch_add(os::steady_time_ns() - start_ns, std::memory_order_relaxed);
        }
        return result;
    }

    [[nodiscard]] run::Tier tier() const override { return program_.load()->tier(); }
    [[nodiscard]] std::optional<run::CodeListing> listing() const override {
        return program_.load()->listing();
    }
    [[nodiscard]] std::uint64_t code_bytes() const override {
        return program_.load()->code_bytes();
    }

    // What is to run now. Two threads at once may count one run too few: no matter.
    run::Executable& enter() {
        if (const std::uint32_t runs = runs_.load(std::memory_order_relaxed); runs < kOften) {
            runs_.store(runs + 1, std::memory_order_relaxed);
            if (runs + 1 == kOften) {
                some_ran_often_.store(true, std::memory_order_relaxed);
            }
        }
        return *inner_.load(std::memory_order_acquire);
    }
    [[nodiscard]] bool ran_often() const { return runs_.load(std::memory_order_relaxed) == kOften; }
    // Null: the program itself again.
    void set_inner(run::Executable* other) {
        inner_.store(other == nullptr ? program_.load() : other, std::memory_order_release);
    }
    // Better code of the same program; a profile that is under way goes on.
    void set_program(run::Executable& better) {
        const bool runs_itself = inner_.load() == program_.load();
        program_.store(&better);
        if (runs_itself) {
            set_inner(nullptr);
        }
    }

  private:
    static constexpr std::uint32_t kOften = 1000;
    std::atomic<run::Executable*> program_;
    const RunStats* stats_;
    std::uint32_t id_;
    std::atomic<run::Executable*> inner_;
    RunStats::Entry* entry_ = nullptr;
    std::atomic<std::uint32_t> runs_{0};
    std::atomic<bool>& some_ran_often_;
};

} // namespace

// A program that is being profiled: the interpreter in its place, and where it counts.
struct ProgramTable::Profiling final : run::Executable {
    ProfileCounts counts;
    std::unique_ptr<run::CountedExecutable> interpreter;

    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override {
        counts.runs().fetch_add(1, std::memory_order_relaxed);
        return interpreter->run(context, invocation);
    }
    [[nodiscard]] run::Tier tier() const override { return run::Tier::interpreter; }
};

struct ProgramTable::Program {
    std::shared_ptr<const verify::VerifiedProgram> verified;
    std::unique_ptr<run::Executable> executable;
    std::unique_ptr<Counted> counted;
    std::vector<maps::Map*> maps;
    std::unique_ptr<Profiling> profiling; // since the first profile
    std::vector<std::uint32_t> map_ids;
    bool was_taken = false;            // by take_hot()
    run::code::DebuggerEntry debugger; // goes before the code that it names
};

// Debuggers always learn the names of generated code; perf does when SKEP_PERF_MAP is set where
// the daemon was started.
void ProgramTable::tell_names(Program& program) {
    const auto listing = program.executable->listing();
    if (!listing.has_value()) {
        return;
    }
    const std::vector<std::string> names = run::code::function_names(*program.verified);
    program.debugger = run::code::DebuggerEntry(*listing, names);
    if (!os::environment_variable("SKEP_PERF_MAP").empty()) {
        // Names are a help: a map that cannot be written keeps no program from running.
        static_cast<void>(run::code::add_to_perf_map(*listing, names));
    }
}

ProgramTable::ProgramTable(const os::TraceRing* ring, const RunStats* stats)
    : ring_(ring), stats_(stats) {
    services_.owner = this;
    services_.trace = trace;
    services_.clock_ns = clock_ns;
    services_.map_by_id = map_by_id;
    services_.run_program = run_program;
    services_.program_by_id = program_by_id;
}

ProgramTable::~ProgramTable() = default;

Result<void> ProgramTable::lend_map(std::uint32_t id, maps::Map& map) {
    if (!maps_.set(id, &map)) {
        return fail(Code::no_space,
                    "map id " + std::to_string(id) + " is too large for one process");
    }
    return {};
}

Result<void> ProgramTable::add_map(std::uint32_t id, std::unique_ptr<maps::Map> map) {
    TRY(lend_map(id, *map));
    owned_maps_[id] = std::move(map);
    return {};
}

Result<void> ProgramTable::add_program(std::uint32_t id,
                                       std::shared_ptr<const verify::VerifiedProgram> program,
                                       const std::vector<std::uint32_t>& map_ids) {
    run::Binding binding;
    binding.map_ids = map_ids;
    for (const std::uint32_t map_id : map_ids) {
        maps::Map* map = maps_.find(map_id);
        if (map == nullptr) {
            return fail(Code::not_found, "the program needs map " + std::to_string(map_id) +
                                             ", which is not known here");
        }
        binding.maps.push_back(map);
    }
    if (binding.maps.size() != program->maps().size()) {
        return fail(Code::invalid_input,
                    "the program has another number of maps than it was handed");
    }
    auto added = std::make_unique<Program>();
    run::Ready ready = TRY(run::make_executable(*program, binding));
    added->verified = std::move(program);
    added->executable = std::move(ready.executable);
    added->maps = std::move(binding.maps);
    added->counted = std::make_unique<Counted>(*added->executable, stats_, id, some_ran_often_);
    added->map_ids = map_ids;
    tell_names(*added);
    if (!programs_.set(id, added.get())) {
        return fail(Code::no_space,
                    "program id " + std::to_string(id) + " is too large for one process");
    }
    owned_programs_[id] = std::move(added);
    return {};
}

Result<void> ProgramTable::start_profile(std::uint32_t id, const os::Fd& counts) {
    Program* program = programs_.find(id);
    if (program == nullptr) {
        return fail(Code::not_found, "the program is not known here");
    }
    if (program->profiling != nullptr) {
        program->counted->set_inner(program->profiling.get());
        return {};
    }
    auto profiling = std::make_unique<Profiling>();
    profiling->counts = TRY(
        ProfileCounts::open(counts, program->verified->insns().size(), os::Protection::read_write));
    run::Binding binding;
    binding.maps = program->maps;
    profiling->interpreter =
        TRY(run::make_counted(*program->verified, binding, profiling->counts.insns()));
    program->profiling = std::move(profiling);
    program->counted->set_inner(program->profiling.get());
    return {};
}

// What counted stays: a run may be in it, and the next profile wants it again.
void ProgramTable::stop_profile(std::uint32_t id) {
    if (Program* program = programs_.find(id); program != nullptr) {
        program->counted->set_inner(nullptr);
    }
}

std::optional<HotProgram> ProgramTable::take_hot() {
    if (!some_ran_often_.exchange(false, std::memory_order_relaxed)) {
        return std::nullopt;
    }
    for (auto& [id, program] : owned_programs_) {
        if (program->counted->ran_often() && !program->was_taken) {
            program->was_taken = true;
            some_ran_often_.store(true, std::memory_order_relaxed); // there may be more
            return HotProgram{id, program->verified, {program->maps, program->map_ids}};
        }
    }
    return std::nullopt;
}

Result<void> ProgramTable::install_optimised(const HotProgram& hot, run::jit::Image image) {
    Program* program = programs_.find(hot.id);
    if (program == nullptr || program->verified != hot.program) {
        return {}; // it went away meanwhile
    }
    auto better = TRY(run::place_optimised(std::move(image), *hot.program, hot.binding));
    program->counted->set_program(*better);
    program->debugger = {};
    removed_executables_.push_back(std::exchange(program->executable, std::move(better)));
    tell_names(*program);
    return {};
}

void ProgramTable::remove_map(std::uint32_t id) {
    maps_.set(id, nullptr);
    if (auto owned = owned_maps_.extract(id); !owned.empty()) {
        removed_maps_.push_back(std::move(owned.mapped()));
    }
}

void ProgramTable::remove_program(std::uint32_t id) {
    programs_.set(id, nullptr);
    if (auto owned = owned_programs_.extract(id); !owned.empty()) {
        removed_programs_.push_back(std::move(owned.mapped()));
    }
}

void ProgramTable::reclaim() {
    removed_executables_.clear();
    removed_programs_.clear(); // before the maps that they are bound to
    removed_maps_.clear();
}

run::Executable* ProgramTable::entry(std::uint32_t id) const {
    const Program* program = programs_.find(id);
    return program == nullptr ? nullptr : program->counted.get();
}

std::vector<maps::Map*> ProgramTable::maps_of(std::uint32_t id) const {
    const Program* program = programs_.find(id);
    return program == nullptr ? std::vector<maps::Map*>() : program->maps;
}

const verify::VerifiedProgram* ProgramTable::verified(std::uint32_t id) const {
    const Program* program = programs_.find(id);
    return program == nullptr ? nullptr : program->verified.get();
}

void ProgramTable::trace(void* owner, helpers::Invocation& invocation, const char* text,
                         std::uint32_t size) {
    const auto* self = static_cast<ProgramTable*>(owner);
    if (self->ring_ != nullptr) {
        self->ring_->write(os::steady_time_ns(), invocation.cpu, os::process_id(), "skepd",
                           std::string_view(text, size));
    }
}

std::uint64_t ProgramTable::clock_ns(void*, int clock_id) { return os::clock_ns(clock_id); }

maps::Map* ProgramTable::map_by_id(void* owner, std::uint32_t id) {
    return static_cast<ProgramTable*>(owner)->maps_.find(id);
}

bool ProgramTable::run_program(void* owner, std::uint32_t id, helpers::Invocation& invocation,
                               std::uint64_t* result) {
    const Program* program = static_cast<ProgramTable*>(owner)->programs_.find(id);
    if (program == nullptr) {
        return false;
    }
    *result = program->counted->enter().run(invocation.context, invocation);
    return true;
}

void* ProgramTable::program_by_id(void* owner, std::uint32_t id) {
    const Program* program = static_cast<ProgramTable*>(owner)->programs_.find(id);
    return program == nullptr ? nullptr : &program->counted->enter();
}

} // namespace skep::workers
