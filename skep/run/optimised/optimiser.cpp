// SPDX-License-Identifier: Apache-2.0
#include "skep/run/optimised/optimiser.hpp"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "skep/os/shared_module.hpp"
#include "skep/run/optimised/compiler_process.hpp"

namespace skep::run {
namespace {

constexpr const char* kModule = "skep-llvm.so";

Error not_there(std::string_view name) {
    return fail(Code::unsupported,
                fmt::format("{} is not beside this program: install llvm-19-dev and build skep "
                            "again",
                            name));
}

std::string module_file() {
    const char* named = std::getenv("SKEP_LLVM_MODULE"); // NOLINT: nobody writes it
    if (named == nullptr) {
        return installed_file(kModule);
    }
    std::error_code problem;
    return std::filesystem::exists(named, problem) ? named : "";
}

struct Loaded {
    const Optimiser* compiler = nullptr;
    std::string identity;
};

Result<Loaded> load() {
    const std::string path = module_file();
    if (path.empty()) {
        return not_there(kModule);
    }
    const os::SharedModule module = TRY(os::SharedModule::open(path));
    const auto* build = static_cast<const char* const*>(module.find(kOptimiserBuildSymbol));
    void* const maker = module.find(kOptimiserSymbol);
    if (build == nullptr || maker == nullptr || std::string_view(*build) != kOptimiserBuild) {
        return fail(Code::unsupported, fmt::format("{} belongs to another build of skep", path));
    }
    return Loaded{reinterpret_cast<const Optimiser* (*)()>(maker)(), // NOLINT: what the symbol is
                  module.identity()};
}

const Result<Loaded>& loaded() {
    static const Result<Loaded> once = load();
    return once;
}

} // namespace

std::string installed_file(const std::string& name) {
    std::error_code problem;
    const std::filesystem::path folder =
        std::filesystem::read_symlink("/proc/self/exe", problem).parent_path();
    for (const char* way : {"", "../bin", "../lib/skep"}) {
        const std::filesystem::path path = folder / way / name;
        if (std::filesystem::exists(path, problem)) {
            return path;
        }
    }
    return "";
}

Result<const Optimiser*> optimiser() {
    const Result<Loaded>& module = loaded();
    return module.ok() ? Result<const Optimiser*>(module->compiler) : module.error();
}

std::string optimiser_identity() { return loaded().ok() ? loaded()->identity : ""; }

Result<void> optimiser_is_installed() {
    if (module_file().empty()) {
        return not_there(kModule);
    }
    return installed_file(kCompilerProgram).empty() ? Result<void>(not_there(kCompilerProgram))
                                                    : Result<void>();
}

} // namespace skep::run
