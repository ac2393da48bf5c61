// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/session.hpp"

namespace skep::app {

Session::Session(std::string program, Options options)
    : program_(std::move(program)), options_(std::move(options)),
      json_(out_, options_.pretty ? observe::JsonLayout::pretty : observe::JsonLayout::compact) {}

Result<client::Transport*> Session::engine() {
    if (engine_ == nullptr) {
        engine_ = TRY(options_.engine == client::EngineKind::kernel ? client::connect_kernel()
                                                                    : client::connect_daemon());
    }
    return engine_.get();
}

} // namespace skep::app
