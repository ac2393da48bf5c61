// SPDX-License-Identifier: Apache-2.0
//
// Code that is loaded while the program runs: a shared object that stays until the process ends.
#pragma once

#include <string>

#include "skep/base/result.hpp"

namespace skep::os {

class SharedModule {
  public:
    // Everything that it needs must be there.
    static Result<SharedModule> open(const std::string& path);
    // Null when there is no such symbol.
    [[nodiscard]] void* find(const char* symbol) const;

  private:
    explicit SharedModule(void* handle) : handle_(handle) {}
    void* handle_;
};

} // namespace skep::os
