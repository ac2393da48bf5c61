// SPDX-License-Identifier: Apache-2.0
//
// Redirects between sinks that only take notes, from maps of the real kinds.
#include "skep/datapath/redirects.hpp"

#include <array>
#include <bit>
#include <functional>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "skep/maps/map.hpp"

namespace skep::datapath {
namespace {

constexpr std::uint32_t kIngress = 7;

class Notes final : public PacketSink {
  public:
    Notes(std::string& text, char name) : text_(text), name_(name) {}
    bool send(Bytes packet, std::uint64_t) override {
        text_ += name_;
        text_ += std::to_string(packet.size());
        return true;
    }
    void flush() override { text_ += '.'; }

  private:
    std::string& text_;
    char name_;
};

// Says XDP_REDIRECT to what the test wrote down.
class Redirecting final : public run::Executable {
  public:
    helpers::Redirect where;
    std::uint64_t run_alone(void*, helpers::Invocation& invocation) override {
        invocation.redirect = where;
        return 4;
    }
    [[nodiscard]] run::Tier tier() const override { return run::Tier::interpreter; }
};

struct Bench {
    Bench() {
        services.owner = this;
        services.run_program = [](void* owner, std::uint32_t id, helpers::Invocation& invocation,
                                  std::uint64_t* result) {
            auto* bench = static_cast<Bench*>(owner);
            auto& context = *static_cast<spec::HostXdp*>(invocation.context);
            bench->text += "p" + std::to_string(context.egress_ifindex);
            context.data += 4; // visible in what is sent
            *result = id;      // programs here answer their own number
            return id != 99;
        };
        redirects.add(1, std::make_unique<Notes>(text, 'a'));
        redirects.add(2, std::make_unique<Notes>(text, 'b'));
        redirects.add(kIngress, std::make_unique<Notes>(text, 'i'));
        run.set_program(program);
    }
    Redirected deliver(helpers::Redirect where) {
        text.clear();
        program.where = where;
        EXPECT_EQ(run.run(60), 4U);
        redirects.begin_batch();
        const Redirected result = redirects.deliver(run, 0);
        return result;
    }
    std::string text;
    helpers::Services services;
    XdpRun run{services, 0, {kIngress, 0}};
    Redirecting program;
    Redirects redirects;
};

std::unique_ptr<maps::Map> device_map(spec::MapType type,
                                      std::map<std::uint32_t, std::uint64_t> entries) {
    spec::MapSpec spec;
    spec.type = type;
    spec.key_size_bytes = 4;
    spec.value_size_bytes = 8;
    spec.max_entries = 8;
    auto map = maps::make_map(spec, 1).value();
    for (const auto& [key, value] : entries) {
        const auto key_bytes = std::bit_cast<std::array<std::uint8_t, 4>>(key);
        const auto value_bytes = std::bit_cast<std::array<std::uint8_t, 8>>(value);
        EXPECT_EQ(map->write_user(key_bytes.data(), value_bytes, 0), 0);
    }
    return map;
}

constexpr std::uint64_t entry(std::uint32_t number, std::uint32_t program = 0) {
    return number | std::uint64_t{program} << 32;
}

TEST(Redirects, ANumberNamesAPort) {
    Bench bench;
    EXPECT_EQ(bench.deliver({nullptr, 2, 0}), Redirected::sent);
    EXPECT_EQ(bench.text, "b60");
    bench.redirects.end_batch();
    EXPECT_EQ(bench.text, "b60.") << "only what was sent to is flushed";
    EXPECT_EQ(bench.deliver({nullptr, 3, 0}), Redirected::no_target);
    bench.redirects.remove(2);
    EXPECT_EQ(bench.deliver({nullptr, 2, 0}), Redirected::no_target);
}

TEST(Redirects, EntriesOfDeviceMapsNamePortsAndProgramsWithALastLook) {
    for (const auto type : {spec::MapType::devmap, spec::MapType::devmap_hash}) {
        Bench bench;
        const auto map = device_map(
            type,
            {{0, entry(1)}, {1, entry(2, 2)}, {2, entry(1, 1)}, {3, entry(5)}, {4, entry(1, 99)}});
        EXPECT_EQ(bench.deliver({map.get(), 0, 0}), Redirected::sent);
        EXPECT_EQ(bench.text, "a60");
        EXPECT_EQ(bench.deliver({map.get(), 1, 0}), Redirected::sent);
        EXPECT_EQ(bench.text, "p2b56") << "its program passed what it left of the packet";
        EXPECT_EQ(bench.deliver({map.get(), 2, 0}), Redirected::sent);
        EXPECT_EQ(bench.text, "p1") << "its program dropped it";
        EXPECT_EQ(bench.deliver({map.get(), 3, 0}), Redirected::no_target);
        EXPECT_EQ(bench.deliver({map.get(), 4, 0}), Redirected::sent);
        EXPECT_EQ(bench.text, "p1") << "a program that is gone sends nothing";
        EXPECT_EQ(bench.deliver({map.get(), 6, 0}), Redirected::no_target);
    }
}

TEST(Redirects, ABroadcastGoesToAllAsThePacketIsNow) {
    constexpr std::uint64_t kBroadcast = 8;
    constexpr std::uint64_t kExcludeIngress = 16;
    Bench bench;
    const auto map =
        device_map(spec::MapType::devmap,
                   {{0, entry(1, 2)}, {1, entry(kIngress)}, {2, entry(5)}, {3, entry(2)}});
    EXPECT_EQ(bench.deliver({map.get(), 0, kBroadcast}), Redirected::sent);
    EXPECT_EQ(bench.text, "p1a56i60b60");
    EXPECT_EQ(bench.deliver({map.get(), 0, kBroadcast | kExcludeIngress}), Redirected::sent);
    EXPECT_EQ(bench.text, "p1a56b60");
}

TEST(Redirects, ToAnotherCpuMeansOnAsPassed) {
    Bench bench;
    const auto map =
        device_map(spec::MapType::cpumap, {{0, entry(64)}, {1, entry(64, 2)}, {2, entry(64, 1)}});
    EXPECT_EQ(bench.deliver({map.get(), 0, 0}), Redirected::passed);
    EXPECT_EQ(bench.deliver({map.get(), 1, 0}), Redirected::passed);
    EXPECT_EQ(bench.deliver({map.get(), 2, 0}), Redirected::sent);
    EXPECT_EQ(bench.text, "p0");
}

} // namespace
} // namespace skep::datapath
