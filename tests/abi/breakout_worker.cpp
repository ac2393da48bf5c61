// SPDX-License-Identifier: Apache-2.0
//
// A worker whose program broke out of what was verified: it does what it is told until it is to run
// something, and then reaches for the network. For worker_test.
#include <sys/socket.h>

#include "skep/os/confined/confinement.hpp"
#include "skep/os/process/message_socket.hpp"
#include "skep/os/process/service_process.hpp"
#include "skep/workers/protocol.hpp"

int main() {
    using namespace skep;
    const os::Fd control(os::kChildsDescriptor);
    const auto confined = os::confine_process();
    while (confined.ok()) {
        const auto message = os::receive_message(control);
        const auto order = message.ok() && !message->is_end
                               ? workers::decode_order(message->bytes)
                               : Result<workers::Order>(fail(Code::again, "the end"));
        if (!order.ok()) {
            return 0;
        }
        if (order->kind == workers::OrderKind::test_run) {
            if (!*confined) {
                return 77; // nothing would keep it
            }
            ::socket(AF_INET, SOCK_STREAM, 0);
        } else if (order->kind != workers::OrderKind::begin) {
            const workers::Report report{order->number, 0, {}};
            [[maybe_unused]] const auto sent =
                os::send_message(control, workers::encode(report), {});
        }
    }
    return 1;
}
