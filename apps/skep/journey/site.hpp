// SPDX-License-Identifier: Apache-2.0
//
// A site: where a journey's packets arrive. On the user engine a capture that is replayed, on the
// kernel engine one end of a veth pair in a network namespace of the journey's own.
#pragma once

#include <memory>
#include <string>

#include "apps/skep/journey/narrator.hpp"
#include "skep/client/transport.hpp"

namespace skep::journey {

class Site {
  public:
    virtual ~Site() = default;
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    // What stands after `dev`, and what a person should know of it.
    [[nodiscard]] virtual std::string device() const = 0;
    [[nodiscard]] virtual std::string says() const = 0;
    // Where pins go, as typed.
    [[nodiscard]] virtual std::string pin(const std::string& name) const = 0;
    // The file that a plain rm removes.
    [[nodiscard]] virtual Result<std::string> pin_file(Narrator& narrator,
                                                       const std::string& name) const = 0;
    // Lets the packets come, after attaching; returns when they have been seen.
    virtual Result<void> let_packets_come(Narrator& narrator) = 0;

  protected:
    Site() = default;
};

// Prepares a site in `folder`, which is the working directory and goes with the journey.
Result<std::unique_ptr<Site>> make_site(client::EngineKind engine, const std::string& folder);

} // namespace skep::journey
