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
    // Of the very file that was loaded, whatever its path means now: which file, how large, when
    // last changed.
    [[nodiscard]] const std::string& identity() const { return identity_; }

  private:
    SharedModule(void* handle, std::string identity)
        : handle_(handle), identity_(std::move(identity)) {}
    void* handle_;
    std::string identity_;
};

} // namespace skep::os
