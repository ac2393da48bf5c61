// SPDX-License-Identifier: Apache-2.0
//
// The embedded engine through its transport: maps, ids, pins and who keeps what alive.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "skep/base/bytes.hpp"
#include "skep/client/transport.hpp"
#include "skep/os/fd.hpp"
#include "skep/os/memory.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/commands.hpp"
#include "skep/spec/map_spec.hpp"

namespace skep::client {
namespace {

using spec::Command;

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

class InProcess : public testing::Test {
  protected:
    void SetUp() override { engine_ = std::move(connect_in_process().value()); }

    template <class T>
    long call(Command command, T attributes) {
        last_.assign(reinterpret_cast<std::uint8_t*>(&attributes),
                     reinterpret_cast<std::uint8_t*>(&attributes + 1));
        // Up to the last field: the padding after it is anything.
        const std::uint32_t size = spec::find_command(static_cast<std::uint32_t>(command))->bytes;
        last_.resize(std::min<std::size_t>(last_.size(), size));
        return engine_->bpf(static_cast<std::uint32_t>(command), last_.data(),
                            static_cast<std::uint32_t>(last_.size()));
    }
    template <class T>
    T returned() const {
        T attributes{};
        std::memcpy(&attributes, last_.data(), std::min(last_.size(), sizeof attributes));
        return attributes;
    }

    os::Fd make_map(spec::MapType type, std::uint32_t flags = 0) {
        abi::MapCreateAttr attr{};
        attr.map_type = static_cast<std::uint32_t>(type);
        attr.key_size = 4;
        attr.value_size = 8;
        attr.max_entries = 4;
        attr.map_flags = flags;
        std::strcpy(attr.map_name, "numbers");
        return os::Fd(static_cast<int>(call(Command::map_create, attr)));
    }
    long update(const os::Fd& map, std::uint32_t key, std::uint64_t value,
                std::uint64_t flags = 0) {
        return call(Command::map_update_elem,
                    abi::MapElementAttr{static_cast<std::uint32_t>(map.number()), 0,
                                        address_of(&key), address_of(&value), flags});
    }
    long lookup(const os::Fd& map, std::uint32_t key, std::uint64_t& value) {
        return call(Command::map_lookup_elem,
                    abi::MapElementAttr{static_cast<std::uint32_t>(map.number()), 0,
                                        address_of(&key), address_of(&value), 0});
    }
    long pin(const os::Fd& object, const std::string& path) {
        return call(Command::obj_pin,
                    abi::ObjAttr{address_of(path.c_str()),
                                 static_cast<std::uint32_t>(object.number()), 0, 0});
    }
    os::Fd get(const std::string& path) {
        return os::Fd(static_cast<int>(
            call(Command::obj_get, abi::ObjAttr{address_of(path.c_str()), 0, 0, 0})));
    }
    std::uint32_t next_map(std::uint32_t id) {
        return call(Command::map_get_next_id, abi::IdAttr{id, 0, 0, 0}) < 0
                   ? 0
                   : returned<abi::IdAttr>().next_id;
    }

    std::unique_ptr<Transport> engine_;
    ByteVector last_;
};

TEST_F(InProcess, KeepsWhatIsPutIntoAMap) {
    const os::Fd map = make_map(spec::MapType::hash);
    ASSERT_TRUE(map.is_open()) << engine_->last_message();
    std::uint64_t value = 0;
    EXPECT_EQ(lookup(map, 7, value), -ENOENT);
    EXPECT_EQ(update(map, 7, 99), 0);
    EXPECT_EQ(lookup(map, 7, value), 0);
    EXPECT_EQ(value, 99U);
    EXPECT_EQ(update(map, 7, 1, 1), -EEXIST);
    EXPECT_EQ(call(Command::map_lookup_elem, abi::MapElementAttr{999, 0, 0, 0, 99}), -EINVAL);
    EXPECT_EQ(call(Command::map_lookup_elem, abi::MapElementAttr{999, 0, 0, 0, 0}), -EBADF);
}

TEST_F(InProcess, ForgetsAMapWhenItsLastDescriptorIsClosedAndNeverReusesItsId) {
    os::Fd first = make_map(spec::MapType::array);
    const std::uint32_t id = next_map(0);
    EXPECT_NE(id, 0U);
    first = os::Fd();
    EXPECT_EQ(next_map(0), 0U);
    const os::Fd second = make_map(spec::MapType::array);
    EXPECT_EQ(next_map(0), id + 1);
}

TEST_F(InProcess, APinKeepsAMapUntilItsFileIsRemoved) {
    const std::string path = "/sys/fs/bpf/numbers";
    os::Fd map = make_map(spec::MapType::array);
    ASSERT_EQ(pin(map, path), 0) << engine_->last_message();
    EXPECT_EQ(pin(map, path), -EEXIST);
    EXPECT_EQ(update(map, 2, 5), 0);
    map = get(path);
    std::uint64_t value = 0;
    EXPECT_EQ(lookup(map, 2, value), 0);
    EXPECT_EQ(value, 5U);
    map = os::Fd();
    EXPECT_NE(next_map(0), 0U);
    const std::string real = engine_->pin_path(path).value();
    std::filesystem::rename(real, real + "2");
    EXPECT_TRUE(get(path + "2").is_open());
    std::filesystem::remove(real + "2");
    EXPECT_EQ(next_map(0), 0U);
}

TEST_F(InProcess, AStalePinSaysSo) {
    os::Fd map = make_map(spec::MapType::array);
    ASSERT_EQ(pin(map, "/sys/fs/bpf/a"), 0);
    const std::string real = engine_->pin_path("/sys/fs/bpf/a").value();
    std::filesystem::copy_file(real, real + "_copy"); // another inode with the same text
    const std::string copy = "/sys/fs/bpf/a_copy";
    EXPECT_EQ(call(Command::obj_get, abi::ObjAttr{address_of(copy.c_str()), 0, 0, 0}), -ESTALE);
    EXPECT_NE(engine_->last_message().find("stale"), std::string::npos);
    EXPECT_EQ(pin(map, copy), -EEXIST);
    EXPECT_NE(engine_->last_message().find("stale"), std::string::npos);
    std::ofstream(real + "_other") << "something";
    const std::string other = "/sys/fs/bpf/a_other";
    EXPECT_EQ(call(Command::obj_get, abi::ObjAttr{address_of(other.c_str()), 0, 0, 0}), -EACCES);
}

TEST_F(InProcess, AReadOnlyDescriptorDoesNotWrite) {
    const os::Fd map = make_map(spec::MapType::array, spec::kMapReadOnly);
    std::uint64_t value = 0;
    EXPECT_EQ(lookup(map, 0, value), 0);
    EXPECT_EQ(update(map, 0, 1), -EPERM);
    const std::uint32_t id = next_map(0);
    const os::Fd again(static_cast<int>(call(Command::map_get_fd_by_id, abi::IdAttr{id, 0, 0, 0})));
    EXPECT_EQ(update(again, 0, 1), -EPERM);
}

TEST_F(InProcess, AFrozenMapIsReadAndNotWritten) {
    const os::Fd map = make_map(spec::MapType::array);
    EXPECT_EQ(update(map, 1, 4), 0);
    EXPECT_EQ(call(Command::map_freeze, abi::FdAttr{static_cast<std::uint32_t>(map.number())}), 0);
    std::uint64_t value = 0;
    EXPECT_EQ(lookup(map, 1, value), 0);
    EXPECT_EQ(update(map, 1, 4), -EPERM);
    EXPECT_TRUE(engine_->fd_facts(map.number()).value().frozen);
}

TEST_F(InProcess, AFrozenMapThatProgramsOnlyReadIsConstantForGood) {
    const os::Fd map =
        make_map(spec::MapType::array, spec::kMapMmapable | spec::kMapReadOnlyProgram);
    EXPECT_EQ(update(map, 1, 4), 0);
    {
        const auto writer =
            os::Mapping::of(map, os::page_size(), os::Protection::read_write).value();
        EXPECT_EQ(call(Command::map_freeze, abi::FdAttr{static_cast<std::uint32_t>(map.number())}),
                  -EBUSY);
    }
    EXPECT_EQ(update(map, 2, 5), 0);
    EXPECT_EQ(call(Command::map_freeze, abi::FdAttr{static_cast<std::uint32_t>(map.number())}), 0)
        << engine_->last_message();
    EXPECT_FALSE(os::Mapping::of(map, os::page_size(), os::Protection::read_write).ok());
    std::uint64_t value = 0;
    EXPECT_EQ(lookup(map, 2, value), 0);
    EXPECT_EQ(value, 5U);
    EXPECT_EQ(update(map, 2, 6), -EPERM);
}

TEST_F(InProcess, TellsAMapsInfoAsFarAsThereIsRoom) {
    const os::Fd map = make_map(spec::MapType::hash);
    abi::MapInfo info{};
    abi::InfoAttr attr{static_cast<std::uint32_t>(map.number()), sizeof info, address_of(&info)};
    EXPECT_EQ(call(Command::obj_get_info_by_fd, attr), 0);
    EXPECT_STREQ(info.name, "numbers");
    EXPECT_EQ(info.value_size, 8U);
    EXPECT_EQ(returned<abi::InfoAttr>().info_len, sizeof info);
    info = {};
    attr.info_len = 12;
    EXPECT_EQ(call(Command::obj_get_info_by_fd, attr), 0);
    EXPECT_EQ(info.key_size, 4U);
    EXPECT_EQ(info.value_size, 0U);
    attr.bpf_fd = 999;
    EXPECT_EQ(call(Command::obj_get_info_by_fd, attr), -EBADFD);
}

TEST_F(InProcess, AMapOfMapsTakesDescriptorsAndShowsIds) {
    const os::Fd inner = make_map(spec::MapType::array);
    abi::MapCreateAttr outer_attr{};
    outer_attr.map_type = static_cast<std::uint32_t>(spec::MapType::array_of_maps);
    outer_attr.key_size = 4;
    outer_attr.value_size = 4;
    outer_attr.max_entries = 2;
    outer_attr.inner_map_fd = static_cast<std::uint32_t>(inner.number());
    const os::Fd outer(static_cast<int>(call(Command::map_create, outer_attr)));
    ASSERT_TRUE(outer.is_open()) << engine_->last_message();
    std::uint32_t key = 1;
    std::int32_t value = inner.number();
    abi::MapElementAttr attr{static_cast<std::uint32_t>(outer.number()), 0, address_of(&key),
                             address_of(&value), 0};
    ASSERT_EQ(call(Command::map_update_elem, attr), 0) << engine_->last_message();
    EXPECT_EQ(call(Command::map_lookup_elem, attr), 0);
    EXPECT_EQ(static_cast<std::uint32_t>(value), next_map(0));
}

} // namespace
} // namespace skep::client
