// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target: what a client sends to the daemon. Any bytes become a request or an error, and a
// request is answered, whatever it asks for. The engine is made anew every so often, so that a run
// stays small.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "skep/syscall/dispatcher.hpp"
#include "skep/syscall/hosts/local_host.hpp"
#include "skep/syscall/wire/message_caller.hpp"

namespace {

using namespace skep; // NOLINT: a program of its own

struct Engine {
    std::unique_ptr<syscall::LocalHost> host = std::move(syscall::LocalHost::create(2).value());
    std::unique_ptr<registry::Registry> objects = std::move(registry::Registry::create({}).value());
    syscall::Dispatcher dispatcher{syscall::Engine{*objects, *host, 2, "/nowhere", {}}};
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    os::Message message;
    message.bytes.assign(data, data + size);
    auto received = syscall::open_request(std::move(message));
    if (!received.ok()) {
        return 0;
    }
    Engine engine;
    auto caller = std::make_shared<syscall::MessageCaller>(std::move(*received), 0);
    const syscall::Request request = caller->request();
    engine.dispatcher.call(caller, request.command, request.attributes_address,
                           request.attributes_size, [](long, const std::string&) {});
    return 0;
}
