// SPDX-License-Identifier: Apache-2.0
#include "tests/support/ahead_engine.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <dlfcn.h>

#include <fmt/format.h>

#include "skep/os/command.hpp"
#include "skep/os/files.hpp"
#include "skep/run/jit/routines.hpp"
#include "skep/run/optimised/optimiser.hpp"
#include "skep/spec/limits.hpp"

namespace skep::tests {
namespace {

constexpr const char* kEntry = "unit_program";
#if defined(__aarch64__)
constexpr const char* kTriple = "aarch64-linux-gnu";
#else
constexpr const char* kTriple = "x86_64-linux-gnu";
#endif

// A library and the folder that it lies in. Both stay as long as the library is used: the loader
// tells libraries by their files, and the number of a file that is gone is soon another's.
class Library {
  public:
    static Result<std::unique_ptr<Library>> of(const ByteVector& object) {
        std::string folder = (std::filesystem::temp_directory_path() / "skep-test-XXXXXX").string();
        if (mkdtemp(folder.data()) == nullptr) {
            return fail(Code::unsupported, "no folder for the library");
        }
        auto library = std::unique_ptr<Library>(new Library(folder));
        TRY(library->load(object));
        return library;
    }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() {
        if (handle_ != nullptr) {
            ::dlclose(handle_);
        }
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    [[nodiscard]] void* find(const std::string& symbol) const {
        return ::dlsym(handle_, symbol.c_str());
    }
    Result<void> set(const std::string& name, const void* to) const {
        void* const variable = find(name);
        if (variable == nullptr || to == nullptr) {
            return fail(Code::unsupported, name + " has no variable or no value");
        }
        std::memcpy(variable, &to, sizeof to); // NOLINT: a pointer's own bytes
        return {};
    }

  private:
    explicit Library(std::string folder) : folder_(std::move(folder)) {}

    Result<void> load(const ByteVector& object) {
        const std::string part = folder_ + "/unit.o";
        const std::string whole = folder_ + "/unit.so";
        TRY(os::write_file(part, object));
        const auto done = TRY(os::run_command({"ld", "-shared", "-o", whole, part}));
        handle_ = done.exit_status == 0 ? ::dlopen(whole.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
        return handle_ != nullptr ? Result<void>() : fail(Code::unsupported, done.output);
    }

    std::string folder_;
    void* handle_ = nullptr;
};

// Of one map: where its values lie in the library, if they do.
struct Place {
    maps::Map* map = nullptr;
    std::uint8_t* values = nullptr;
    std::size_t bytes = 0; // of the values of all CPUs, which is one here
};

class AheadExecutable final : public run::Executable {
  public:
    AheadExecutable(std::unique_ptr<Library> library, std::vector<Place> places)
        : library_(std::move(library)), places_(std::move(places)) {
        entry_ = std::bit_cast<Entry>(library_->find(kEntry));
        call_back_ = std::bit_cast<CallBack>(library_->find(std::string(kEntry) + "_call_back"));
        for (const Place& place : places_) {
            values_.push_back({place.values, place.bytes, 1});
        }
    }

    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override {
        invocation.call_back = call_back_;
        invocation.loop_budget = spec::limits::loop_iterations;
        invocation.plain_values = values_;
        for (const Place& place : places_) {
            std::memcpy(place.values, place.map->direct_values()->base, place.bytes);
        }
        const std::uint64_t answer = entry_(context, invocation);
        for (const Place& place : places_) {
            std::memcpy(place.map->direct_values()->base, place.values, place.bytes);
        }
        return answer;
    }
    [[nodiscard]] run::Tier tier() const override { return run::Tier::llvm; }

  private:
    using Entry = std::uint64_t (*)(void* context, helpers::Invocation& invocation);
    using CallBack = decltype(helpers::Invocation::call_back);

    std::unique_ptr<Library> library_;
    std::vector<Place> places_;
    std::vector<helpers::PlainValues> values_;
    Entry entry_;
    CallBack call_back_;
};

class Maker {
  public:
    Maker(const verify::VerifiedProgram& program, const run::Binding& binding)
        : binding_(binding), programs_{{&program, kEntry}} {
        for (std::size_t i = 0; i < program.maps().size(); ++i) {
            const spec::MapSpec& spec = program.maps()[i];
            const bool is_array = spec.type == spec::MapType::array;
            const bool has_values = is_array || spec.type == spec::MapType::percpu_array;
            run::AheadMap map;
            map.symbol = fmt::format("unit_map{}", i);
            map.is_array = is_array;
            map.bytes = has_values && spec.value_fields.empty() ? bytes_of(spec) : 0;
            maps_.push_back(std::move(map));
        }
    }

    Result<std::unique_ptr<run::Executable>> make() {
        const run::Optimiser* optimiser = TRY(run::optimiser());
        run::AheadObject object = TRY(optimiser->compile_ahead(job()));
        while (keep(object)) {
            object = TRY(optimiser->compile_ahead(job()));
        }
        std::unique_ptr<Library> library = TRY(Library::of(object.bytes));
        for (const run::AheadCall& call : object.calls) {
            TRY(library->set(call.symbol, function_of(call)));
        }
        for (const std::size_t index : object.handled) {
            TRY(library->set(maps_[index].symbol + "_handle", binding_.maps[index]));
            const auto values = binding_.maps[index]->direct_values();
            if (maps_[index].is_array) {
                TRY(library->set(maps_[index].symbol, values->base));
            }
        }
        std::vector<Place> places;
        for (std::size_t i = 0; i < maps_.size(); ++i) {
            void* const at = maps_[i].bytes == 0 ? nullptr : library->find(maps_[i].symbol);
            if (at != nullptr) {
                places.push_back(
                    {binding_.maps[i], static_cast<std::uint8_t*>(at), maps_[i].bytes});
            }
        }
        return std::unique_ptr<run::Executable>(
            std::make_unique<AheadExecutable>(std::move(library), std::move(places)));
    }

  private:
    static std::uint64_t stride_of(const spec::MapSpec& spec) {
        return (std::uint64_t{spec.value_size_bytes} + 7) / 8 * 8;
    }
    static std::uint64_t bytes_of(const spec::MapSpec& spec) {
        return stride_of(spec) * spec.max_entries;
    }

    run::AheadJob job() {
        shapes_.clear();
        for (std::size_t i = 0; i < maps_.size(); ++i) {
            const spec::MapSpec& spec = programs_.front().program->maps()[i];
            run::jit::MapShape shape;
            shape.map_index = static_cast<std::uint32_t>(i);
            if (maps_[i].bytes != 0 || maps_[i].is_array) {
                shape.way = run::jit::LookupWay::in_place;
                shape.entries = spec.max_entries;
                shape.stride_bytes = static_cast<std::uint32_t>(stride_of(spec));
                shape.cpu_stride_bytes = maps_[i].is_array ? 0 : bytes_of(spec);
            }
            shapes_.push_back(shape);
        }
        return {"unit", programs_, maps_, shapes_, kTriple, "", true};
    }

    bool keep(const run::AheadObject& object) {
        bool changes = false;
        for (const std::size_t index : object.handled) {
            changes = changes || maps_[index].bytes != 0;
            maps_[index].bytes = 0;
            maps_[index].is_kept = true;
        }
        return changes;
    }

    static void* function_of(const run::AheadCall& call) {
        return call.referent == run::jit::Referent::helper
                   ? std::bit_cast<void*>(helpers::find_helper(call.number))
                   : std::bit_cast<void*>(
                         run::jit::address_of(static_cast<run::jit::Routine>(call.number)));
    }

    const run::Binding& binding_;
    std::vector<run::AheadProgram> programs_;
    std::vector<run::AheadMap> maps_;
    std::vector<run::jit::MapShape> shapes_;
};

} // namespace

bool ahead_engine_is_wanted() {
    const char* const wanted = std::getenv("SKEP_AHEAD_ENGINE"); // NOLINT: read once
    return wanted != nullptr && *wanted == '1';
}

Result<std::unique_ptr<run::Executable>> make_ahead(const verify::VerifiedProgram& program,
                                                    const run::Binding& binding) {
    return Maker(program, binding).make();
}

} // namespace skep::tests
