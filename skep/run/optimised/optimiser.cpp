// SPDX-License-Identifier: Apache-2.0
#include "skep/run/optimised/optimiser.hpp"

#include <cstdlib>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "skep/os/shared_module.hpp"

namespace skep::run {
namespace {

constexpr const char* kFileName = "skep-llvm.so";

// Beside the program, beside the programs of a build, in an installation.
std::vector<std::filesystem::path> places() {
    std::vector<std::filesystem::path> all;
    if (const char* named = std::getenv("SKEP_LLVM_MODULE")) { // NOLINT: read once
        all.emplace_back(named);
        return all;
    }
    std::error_code problem;
    const std::filesystem::path folder =
        std::filesystem::read_symlink("/proc/self/exe", problem).parent_path();
    for (const char* way : {"", "../bin", "../lib/skep"}) {
        all.push_back(folder / way / kFileName);
    }
    return all;
}

std::string identity() {
    std::error_code problem;
    for (const std::filesystem::path& path : places()) {
        const auto size = std::filesystem::file_size(path, problem);
        if (!problem) {
            const auto when = std::filesystem::last_write_time(path, problem);
            return fmt::format("{} {} ", size, when.time_since_epoch().count());
        }
    }
    return "";
}

Result<const Optimiser*> load() {
    for (const std::filesystem::path& path : places()) {
        std::error_code problem;
        if (!std::filesystem::exists(path, problem)) {
            continue;
        }
        const os::SharedModule module = TRY(os::SharedModule::open(path.string()));
        const auto* build = static_cast<const char* const*>(module.find(kOptimiserBuildSymbol));
        void* const maker = module.find(kOptimiserSymbol);
        if (build == nullptr || maker == nullptr || std::string_view(*build) != kOptimiserBuild) {
            return fail(Code::unsupported,
                        fmt::format("{} belongs to another build of skep", path.string()));
        }
        return reinterpret_cast<const Optimiser* (*)()>(maker)(); // NOLINT: what the symbol is
    }
    return fail(Code::unsupported,
                fmt::format("{} is not beside this program: install llvm-19-dev and build skep "
                            "again",
                            kFileName));
}

} // namespace

Result<const Optimiser*> optimiser() {
    static const Result<const Optimiser*> loaded = load();
    return loaded;
}

std::string optimiser_identity() {
    static const std::string known = identity();
    return known;
}

} // namespace skep::run
