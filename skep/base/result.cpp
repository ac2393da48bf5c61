// SPDX-License-Identifier: Apache-2.0
//
// The meeting of our error codes and the system's: one table, read both ways.
#include "skep/base/result.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

namespace skep {
namespace {

struct CodeErrno {
    Code code;
    int os_errno;
};

constexpr std::array kCodes{
    CodeErrno{Code::invalid_input, EINVAL},
    CodeErrno{Code::not_found, ENOENT},
    CodeErrno{Code::exists, EEXIST},
    CodeErrno{Code::not_permitted, EPERM},
    CodeErrno{Code::access_denied, EACCES},
    CodeErrno{Code::too_big, E2BIG},
    CodeErrno{Code::no_space, ENOSPC},
    CodeErrno{Code::no_memory, ENOMEM},
    CodeErrno{Code::busy, EBUSY},
    CodeErrno{Code::again, EAGAIN},
    CodeErrno{Code::bad_handle, EBADF},
    CodeErrno{Code::bad_address, EFAULT},
    CodeErrno{Code::unsupported, EOPNOTSUPP},
    CodeErrno{Code::system, EIO},
};

} // namespace

int errno_of(const Error& error) {
    if (error.os_errno != 0) {
        return error.os_errno;
    }
    for (const CodeErrno& row : kCodes) {
        if (row.code == error.code) {
            return row.os_errno;
        }
    }
    return EIO;
}

Error error_from_errno(int os_errno, std::string_view what) {
    Code code = Code::system;
    for (const CodeErrno& row : kCodes) {
        if (row.os_errno == os_errno) {
            code = row.code;
        }
    }
    return Error{code, os_errno,
                 fmt::format("{}: {}", what, std::generic_category().message(os_errno))};
}

void assertion_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "skep: internal error: %s does not hold (%s:%d). Please report this.\n",
                 condition, file, line);
    std::abort();
}

} // namespace skep
