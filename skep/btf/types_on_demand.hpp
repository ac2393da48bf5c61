// SPDX-License-Identifier: Apache-2.0
//
// TypesOnDemand: types, or who can read them. The kernel's are large and few programs need them, so
// they are read when a rule first asks; which programs those are is then nobody's guess.
//
// One thread at a time for each copy; what is read stays its owner's.
//
// Proved by: types_on_demand_test.cpp.
#pragma once

#include <functional>
#include <utility>

#include "skep/btf/btf.hpp"

namespace skep::btf {

class TypesOnDemand {
  public:
    using Reader = std::function<const Btf*()>; // null: there are none

    TypesOnDemand() = default;
    TypesOnDemand(const Btf* types) : types_(types) {} // NOLINT: as good as the types themselves
    explicit TypesOnDemand(Reader reader) : reader_(std::move(reader)) {}

    operator const Btf*() const { // NOLINT: as above
        if (reader_) {
            types_ = std::exchange(reader_, nullptr)();
        }
        return types_;
    }
    const Btf* operator->() const { return *this; }

  private:
    mutable const Btf* types_ = nullptr;
    mutable Reader reader_; // until it was asked
};

} // namespace skep::btf
