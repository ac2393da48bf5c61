// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/handle.hpp"

#include <gtest/gtest.h>

#include "skep/os/memory.hpp"

namespace skep::os {
namespace {

TEST(Handle, KeepsItsObjectHeldUntilTheLastDuplicateIsClosed) {
    const Fd object = make_memfd("bpf-test", 0).value();
    EXPECT_FALSE(is_held(object));
    Fd first = new_handle(object).value();
    Fd copy = first.duplicate().value();
    EXPECT_TRUE(is_held(object));
    first = Fd();
    EXPECT_TRUE(is_held(object));
    copy = Fd();
    EXPECT_FALSE(is_held(object));
}

TEST(Handle, IsHeldByAMappingAfterItsDescriptorIsClosed) {
    const Fd object = make_memfd("bpf-test", page_size()).value();
    Fd handle = new_handle(object).value();
    Mapping mapping = Mapping::of(handle, page_size(), Protection::read_write).value();
    handle = Fd();
    EXPECT_TRUE(is_held(object));
    mapping = Mapping();
    EXPECT_FALSE(is_held(object));
}

TEST(Handle, SharesTheIdentityOfItsObject) {
    const Fd object = make_memfd("bpf-test", 0).value();
    const Fd other = make_memfd("bpf-test", 0).value();
    const Fd handle = new_handle(object, Access::read_only).value();
    EXPECT_EQ(identity_of(handle.number()).value(), identity_of(object.number()).value());
    EXPECT_NE(identity_of(handle.number()).value(), identity_of(other.number()).value());
    EXPECT_EQ(access_of(handle.number()).value(), Access::read_only);
    EXPECT_FALSE(identity_of(-1).ok());
}

} // namespace
} // namespace skep::os
