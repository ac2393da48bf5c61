// SPDX-License-Identifier: Apache-2.0
//
// The registry: ids, who keeps what alive, pins, and what a damaged file of ids does.
#include "skep/registry/registry.hpp"

#include <filesystem>
#include <fstream>
#include <limits>

#include <gtest/gtest.h>

#include "skep/os/storage/pin_file.hpp"
#include "skep/os/storage/private_directory.hpp"

namespace skep::registry {
namespace {

std::shared_ptr<BtfObject> types(const std::string& name) {
    auto object = std::make_shared<BtfObject>();
    object->name = name;
    return object;
}

std::shared_ptr<MapObject> map_of(spec::MapType type) {
    auto object = std::make_shared<MapObject>();
    spec::MapSpec spec;
    spec.type = type;
    spec.key_size_bytes = 4;
    spec.value_size_bytes = 4;
    spec.max_entries = 2;
    object->map = std::move(maps::make_map(spec, 1).value());
    return object;
}

class RegistryTest : public testing::Test {
  protected:
    void SetUp() override {
        directory_ = os::make_temporary_directory("skep-registry").value();
        objects_ = std::move(Registry::create({}).value());
        objects_->on_removal([this](const Object& object) { removed_.push_back(object.id()); });
    }
    void TearDown() override {
        objects_.reset();
        os::remove_directory(directory_);
    }
    // Takes the object in; what comes back is all that holds it.
    os::Fd added(const std::shared_ptr<Object>& object) {
        EXPECT_TRUE(objects_->add(object).ok());
        return os::new_handle(object->file()).value();
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return directory_ + "/" + name;
    }
    void pin(const std::shared_ptr<Object>& object, const std::string& name) {
        ASSERT_TRUE(objects_->pin(os::create_pin_file(path(name)).value(), object).ok());
    }

    std::string directory_;
    std::unique_ptr<Registry> objects_;
    std::vector<std::uint32_t> removed_;
};

TEST_F(RegistryTest, AnIdIsNeverGivenTwice) {
    os::Fd first = added(types("first"));
    os::Fd second = added(types("second"));
    second = os::Fd();
    EXPECT_EQ(objects_->next_id(ObjectKind::btf, 1), std::nullopt);
    const os::Fd third = added(types("third"));
    EXPECT_EQ(objects_->next_id(ObjectKind::btf, 0), 1U);
    EXPECT_EQ(objects_->next_id(ObjectKind::btf, 1), 3U);
    EXPECT_EQ(removed_, std::vector<std::uint32_t>{2});
}

TEST_F(RegistryTest, AnObjectLivesWhileAHandleDoes) {
    os::Fd handle = added(types("held"));
    ASSERT_NE(objects_->find(ObjectKind::btf, 1), nullptr);
    EXPECT_EQ(objects_->object_of(handle.number()).value()->id(), 1U);
    const auto again = os::new_handle(objects_->find(ObjectKind::btf, 1)->file()).value();
    handle = os::Fd();
    EXPECT_NE(objects_->find(ObjectKind::btf, 1), nullptr);
}

TEST_F(RegistryTest, ADescriptorOfSomethingElseIsNoObject) {
    const os::Fd file = os::create_pin_file(path("file")).value();
    EXPECT_EQ(objects_->object_of(file.number()).error().code, Code::invalid_input);
    EXPECT_EQ(objects_->object_of(-1).error().code, Code::bad_handle);
}

TEST_F(RegistryTest, APinKeepsItsObjectUntilItsFileLosesItsLastName) {
    os::Fd handle;
    {
        const auto object = types("pinned");
        handle = added(object);
        pin(object, "pin");
    }
    handle = os::Fd();
    EXPECT_TRUE(objects_->is_pinned(*objects_->find(ObjectKind::btf, 1)));
    std::filesystem::rename(path("pin"), path("renamed"));
    const auto found = objects_->pinned_by(os::open_pin_file(path("renamed")).value());
    EXPECT_EQ(found.state, PinState::live);
    std::filesystem::remove(path("renamed"));
    EXPECT_NE(found.object, nullptr);
}

TEST_F(RegistryTest, APinnedObjectGoesWithAPlainRemoval) {
    {
        const auto object = types("pinned");
        const os::Fd handle = added(object);
        pin(object, "pin");
    }
    std::filesystem::remove(path("pin"));
    EXPECT_EQ(objects_->find(ObjectKind::btf, 1), nullptr);
    EXPECT_TRUE(objects_->is_empty());
}

TEST_F(RegistryTest, AFileIsToldFromAPinThatNobodyKnowsAnyMore) {
    std::ofstream(path("note")) << "a note";
    std::ofstream(path("stale")) << "skep pin: map id 7\n";
    EXPECT_EQ(objects_->pinned_by(os::open_pin_file(path("note")).value()).state,
              PinState::foreign);
    EXPECT_EQ(objects_->pinned_by(os::open_pin_file(path("stale")).value()).state, PinState::stale);
}

TEST_F(RegistryTest, WhatAnObjectHoldsGoesAfterIt) {
    const auto held = types("of the map");
    os::Fd handle;
    {
        const auto map = map_of(spec::MapType::array);
        map->types = held;
        handle = added(map);
    }
    std::weak_ptr<BtfObject> watched = held;
    ASSERT_TRUE(objects_->add(held).ok());
    handle = os::Fd();
    objects_->collect();
    EXPECT_EQ(objects_->find(ObjectKind::map, 1), nullptr);
    EXPECT_NE(objects_->find(ObjectKind::btf, 1), nullptr); // `held`, in our hands
}

TEST_F(RegistryTest, AProgramArrayAndAProgramInItLetEachOtherGo) {
    {
        const auto array = map_of(spec::MapType::prog_array);
        const auto program = std::make_shared<ProgramObject>();
        const os::Fd array_handle = added(array);
        const os::Fd program_handle = added(program);
        program->used_maps.push_back(array);
        array->held[ByteVector(4, 0)] = program;
        objects_->collect();
        EXPECT_EQ(array->held.size(), 1U);
    }
    objects_->collect();
    EXPECT_TRUE(objects_->is_empty());
    EXPECT_EQ(removed_.size(), 2U);
}

TEST_F(RegistryTest, WhatIsPermanentCountsAsNobodys) {
    ASSERT_TRUE(objects_->add_permanent(types("vmlinux"), 1).ok());
    objects_->collect();
    EXPECT_NE(objects_->find(ObjectKind::btf, 1), nullptr);
    EXPECT_TRUE(objects_->is_empty());
    const os::Fd handle = added(types("a user's"));
    EXPECT_EQ(objects_->next_id(ObjectKind::btf, 1), 2U);
}

TEST_F(RegistryTest, IdsGoOnWhereTheLastOneStopped) {
    for (std::uint32_t expected = 1; expected <= 3; ++expected) {
        auto counters = IdCounters::open(path("ids")).value();
        EXPECT_EQ(counters.next(ObjectKind::map), expected);
    }
    auto counters = IdCounters::open(path("ids")).value();
    EXPECT_EQ(counters.next(ObjectKind::program), 1U);
    counters.reserve(ObjectKind::map, 100);
    EXPECT_EQ(counters.next(ObjectKind::map), 101U);
}

TEST_F(RegistryTest, ADamagedFileOfIdsStartsAgainAndAFullOneGivesNone) {
    std::ofstream(path("ids")) << "this was something else once";
    auto counters = IdCounters::open(path("ids")).value();
    EXPECT_EQ(counters.next(ObjectKind::link), 1U);
    counters.reserve(ObjectKind::link, std::numeric_limits<std::uint32_t>::max());
    EXPECT_EQ(counters.next(ObjectKind::link), std::nullopt);
}

} // namespace
} // namespace skep::registry
