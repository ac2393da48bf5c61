// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/call.hpp"

#include <algorithm>
#include <utility>

namespace skep::syscall {

Error answer(int os_errno, std::string message) {
    return Error{Code::system, os_errno, std::move(message)};
}

void Call::finish(const Result<long>& result) {
    if (result.ok() && *result == kPending) {
        return;
    }
    // The function is taken out first: it may let go of the last owner of this call.
    const Done answer_to = std::exchange(done, nullptr);
    if (!answer_to) {
        return;
    }
    if (result.ok()) {
        answer_to(*result, {});
    } else {
        answer_to(-errno_of(result.error()), result.error().message);
    }
}

Result<std::shared_ptr<registry::Object>> Call::object(std::int64_t number) const {
    const int fd = TRY(caller->descriptor(number));
    return objects().object_of(fd);
}

Result<long> Call::open(const registry::Object& object, os::Access access) const {
    return caller->give(TRY(os::new_handle(object.file(), access)));
}

Result<ByteVector> Call::read_bytes(std::uint64_t address, std::uint64_t size) const {
    ByteVector bytes;
    while (bytes.size() < size) {
        const std::size_t had = bytes.size();
        const auto piece = static_cast<std::size_t>(std::min(size - had, kUnaskedBytes));
        bytes.resize(had + piece);
        TRY(caller->read(address + had, MutableBytes(bytes).subspan(had)));
    }
    return bytes;
}

Result<ByteVector> Call::room_for(std::uint64_t address, std::uint64_t size) const {
    if (size > kUnaskedBytes) {
        TRY(caller->check_writable(address, size));
    }
    return ByteVector(size);
}

Result<std::string> object_name(const char (&field)[abi::kNameSize]) {
    const char* end = std::find(std::begin(field), std::end(field), '\0');
    if (end == std::end(field)) {
        return fail(Code::invalid_input, "the name is longer than 15 bytes");
    }
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.';
    };
    if (!std::all_of(std::begin(field), end, allowed)) {
        return fail(Code::invalid_input,
                    "the name has other characters than letters, digits, '_' and '.'");
    }
    return std::string(std::begin(field), end);
}

} // namespace skep::syscall
