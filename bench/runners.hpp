// SPDX-License-Identifier: Apache-2.0
//
// Who runs a benchmark program: an engine of skep, the running kernel, native code. Each owns its
// maps and its packet, and tells how long a run takes.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "skep/contexts/xdp_context.hpp"
#include "skep/load/object.hpp"
#include "skep/maps/map.hpp"
#include "skep/os/fd.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/tiers.hpp"

namespace skep::bench {

// The maps of one runner: arrays hold numbers that differ, tries a thousand routes, the rest is
// empty.
class Maps {
  public:
    explicit Maps(std::span<const load::ObjectMap> maps);
    [[nodiscard]] const run::Binding& binding() const { return binding_; }

  private:
    std::vector<std::unique_ptr<maps::Map>> maps_;
    run::Binding binding_;
};

class EngineRunner {
  public:
    static Result<std::unique_ptr<EngineRunner>> make(const verify::VerifiedProgram& program,
                                                      run::Tier tier,
                                                      std::span<const load::ObjectMap> maps,
                                                      const ByteVector& packet);
    double time_ns(std::uint32_t runs);
    std::uint32_t run();
    run::Executable& executable() { return *executable_; }
    [[nodiscard]] const run::Binding& binding() const { return maps_.binding(); }

  private:
    EngineRunner(std::span<const load::ObjectMap> maps, const ByteVector& packet);

    Maps maps_;
    contexts::XdpContext context_;
    helpers::Services services_;
    helpers::Invocation invocation_;
    std::unique_ptr<run::Executable> executable_;
};

// The plain switch interpreter of the tests (tests/support/witness.hpp), which knows neither maps
// nor helpers.
class WitnessRunner {
  public:
    WitnessRunner(std::span<const RawInsn> insns, const ByteVector& packet);
    [[nodiscard]] bool can_run(); // whether it knows all that the program does
    double time_ns(std::uint32_t runs);
    std::uint32_t run();

  private:
    std::vector<RawInsn> insns_;
    contexts::XdpContext context_;
};

class KernelRunner {
  public:
    static Result<std::unique_ptr<KernelRunner>>
    make(std::span<const RawInsn> insns, std::span<const load::ObjectMap> maps, ByteVector packet);
    // As the kernel tells it, in whole nanoseconds: the system call itself takes milliseconds.
    double time_ns(std::uint32_t runs) { return test_run(runs).duration_ns; }
    std::uint32_t run() { return test_run(1).answer; }

  private:
    struct Answer {
        std::uint32_t answer = 0;
        double duration_ns = 0;
    };
    Answer test_run(std::uint32_t runs);

    std::vector<os::Fd> maps_;
    os::Fd program_;
    ByteVector packet_;
};

// bench.h tells what native code is handed.
class NativeRunner {
  public:
    NativeRunner(int (*function)(void*), std::span<const load::ObjectMap> maps,
                 const ByteVector& packet);
    double time_ns(std::uint32_t runs);
    std::uint32_t run() { return static_cast<std::uint32_t>(function_(&native_)); }

  private:
    struct NativeContext {
        std::uint8_t* data = nullptr;
        std::uint8_t* data_end = nullptr;
        void* const* maps = nullptr;
        void* (*lookup)(void*, const void*) = nullptr;
        long (*update)(void*, const void*, const void*) = nullptr;
        long (*erase)(void*, const void*) = nullptr;
        std::uint64_t (*now)() = nullptr;
    };
    Maps maps_;
    std::vector<void*> pointers_;
    contexts::XdpContext context_;
    NativeContext native_;
    int (*function_)(void*);
};

// How many instructions the second run carries out.
std::uint64_t steps_of(const verify::VerifiedProgram& program,
                       std::span<const load::ObjectMap> maps, const ByteVector& packet);

} // namespace skep::bench
