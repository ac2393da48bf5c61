// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/wire/message_caller.hpp"

#include <algorithm>
#include <cerrno>

namespace skep::syscall {
namespace {

// A client that does not take its answer holds nobody up for longer.
constexpr int kPatienceMs = 1000;

Error bad_address() { return fail(Code::bad_address, "bad address"); }

// Whether [address, address + size) lies in the `length` bytes from `start` on.
bool lies_in(std::uint64_t address, std::uint64_t size, std::uint64_t start, std::uint64_t length) {
    return address >= start && address - start <= length && size <= length - (address - start);
}

} // namespace

Result<void> MessageCaller::read(std::uint64_t address, MutableBytes target) {
    if (target.empty()) {
        return {};
    }
    for (const Segment& segment : received_.request.segments) {
        if (lies_in(address, target.size(), segment.address, segment.content.size())) {
            const Bytes found =
                Bytes(segment.content).subspan(address - segment.address, target.size());
            std::copy(found.begin(), found.end(), target.begin());
            return {};
        }
    }
    return bad_address();
}

Result<void> MessageCaller::write(std::uint64_t address, Bytes source) {
    if (source.empty()) {
        return {};
    }
    for (const Segment& segment : received_.request.segments) {
        if (!lies_in(address, source.size(), segment.address, segment.writable_bytes)) {
            continue;
        }
        written_bytes_ += source.size();
        if (written_bytes_ > 2 * largest_message(received_.request.command)) {
            return fail(Code::too_big, "the answer grows beyond what the command may give");
        }
        answer_.writes.push_back({address, ByteVector(source.begin(), source.end())});
        return {};
    }
    return bad_address();
}

Result<void> MessageCaller::check_writable(std::uint64_t address, std::uint64_t size) const {
    for (const Segment& segment : received_.request.segments) {
        if (lies_in(address, size, segment.address, segment.writable_bytes)) {
            return {};
        }
    }
    return bad_address();
}

Result<std::string> MessageCaller::read_text(std::uint64_t address, std::size_t limit) {
    for (const Segment& segment : received_.request.segments) {
        if (!lies_in(address, 1, segment.address, segment.content.size())) {
            continue;
        }
        const Bytes found = Bytes(segment.content).subspan(address - segment.address);
        const auto end = std::find(found.begin(), found.end(), std::uint8_t{0});
        const auto length = static_cast<std::size_t>(end - found.begin());
        if (end == found.end() && length < limit) {
            return bad_address();
        }
        return std::string(found.begin(),
                           found.begin() + static_cast<std::ptrdiff_t>(std::min(length, limit)));
    }
    return bad_address();
}

Result<int> MessageCaller::descriptor(std::int64_t number) {
    const auto wanted = static_cast<std::int32_t>(number);
    for (const PassedDescriptor& passed : received_.request.descriptors) {
        if (passed.number == wanted) {
            return received_.files[passed.file].number();
        }
    }
    return fail(Code::bad_handle, "the descriptor is not open");
}

Result<long> MessageCaller::give(os::Fd descriptor) {
    given_ = std::move(descriptor);
    answer_.gives_descriptor = true;
    return 0L;
}

Result<os::Fd> MessageCaller::take_pin(const std::string& path) {
    if (!received_.request.has_pin) {
        const int reason = received_.request.pin_errno;
        return Error{Code::system, reason > 0 ? reason : ENOENT, path};
    }
    received_.request.has_pin = false;
    os::Fd pin = std::move(received_.files.back());
    received_.files.pop_back();
    std::erase_if(received_.request.descriptors, [this](const PassedDescriptor& each) {
        return each.file >= received_.files.size();
    });
    return pin;
}

Result<os::Fd> MessageCaller::create_pin(const std::string& path) {
    if (const int reason = received_.request.pin_errno; reason > 0) {
        return Error{Code::system, reason, path}; // the file is what was there
    }
    return take_pin(path);
}
Result<os::Fd> MessageCaller::open_pin(const std::string& path) { return take_pin(path); }

Result<void> MessageCaller::send_answer_to(const os::Fd& socket, long result,
                                           const std::string& message) {
    answer_.result = result;
    answer_.message = message;
    answer_.gives_descriptor = answer_.gives_descriptor && result >= 0 && given_.is_open();
    std::vector<int> files;
    if (answer_.gives_descriptor) {
        files.push_back(given_.number());
    }
    return send_answer(socket, answer_, files, kPatienceMs);
}

} // namespace skep::syscall
