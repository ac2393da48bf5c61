// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: a value, or an Error that says what was wrong.
//
// Three kinds of wrong have three answers. The program under study is wrong: that is a finding of
// verify/. The input or the machine is wrong: that is an Error, carried by a Result. We are wrong:
// SKEP_ASSERT. Nothing in skep throws. The shape is that of std::expected, which the compilers of
// Debian 12 cannot all read yet.
//
// Proved by: result_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace skep {

// What kind of thing went wrong; syscall/ turns it into an errno, apps/ into an exit status.
enum class Code : std::uint8_t {
    invalid_input, // EINVAL: what was given is malformed or contradictory
    not_found,     // ENOENT
    exists,        // EEXIST
    not_permitted, // EPERM: a privilege is missing
    access_denied, // EACCES: the rules forbid it (also: a program was refused)
    too_big,       // E2BIG
    no_space,      // ENOSPC
    no_memory,     // ENOMEM
    busy,          // EBUSY
    again,         // EAGAIN
    bad_handle,    // EBADF
    bad_address,   // EFAULT
    unsupported,   // EOPNOTSUPP: this build, engine or machine cannot
    system,        // some other errno of the system, in os_errno
};

// An error: its kind, the errno it came from when the system or the ABI gave one (else 0), and a
// text that reads from the outside in: "loading x.o: reading .maps: 4 bytes wanted, 3 there".
struct Error {
    Code code = Code::invalid_input;
    int os_errno = 0;
    std::string message;

    // The same error, seen from one floor higher.
    [[nodiscard]] Error while_doing(std::string_view what) && {
        message.insert(0, ": ");
        message.insert(0, what);
        return std::move(*this);
    }
};

// The errno that stands for an error: os_errno when set, else the one named beside its code.
int errno_of(const Error& error);

// An Error made from an errno of the system: its code, and "what: strerror".
Error error_from_errno(int os_errno, std::string_view what);

inline Error fail(Code code, std::string message) { return Error{code, 0, std::move(message)}; }

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

template <class T>
class [[nodiscard]] Result {
  public:
    using value_type = T;

    Result(T value)
        : state_(std::in_place_index<0>, std::move(value)) {
    } // NOLINT: implicit as in std::expected
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {} // NOLINT: as above

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    T& value() & { return *checked(std::get_if<0>(&state_)); }
    const T& value() const& { return *checked(std::get_if<0>(&state_)); }
    T&& value() && { return std::move(*checked(std::get_if<0>(&state_))); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    Error& error() & { return *checked(std::get_if<1>(&state_)); }
    const Error& error() const& { return *checked(std::get_if<1>(&state_)); }
    Error&& error() && { return std::move(*checked(std::get_if<1>(&state_))); }

    T value_or(T otherwise) && { return ok() ? std::move(*this).value() : std::move(otherwise); }

  private:
    template <class P>
    static P* checked(P* pointer) {
        if (pointer == nullptr) {
            assertion_failed("Result holds what was asked for", __FILE__, __LINE__);
        }
        return pointer;
    }

    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    using value_type = void;

    Result() = default;
    Result(Error error) : error_(std::move(error)) {} // NOLINT: implicit as in std::expected

    [[nodiscard]] bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }

    void value() const {
        if (error_.has_value()) {
            assertion_failed("Result holds what was asked for", __FILE__, __LINE__);
        }
    }

    Error& error() & { return checked(); }
    Error&& error() && { return std::move(checked()); }
    const Error& error() const& {
        return const_cast<Result*>(this)->checked();
    } // NOLINT: reads only

  private:
    Error& checked() {
        if (!error_.has_value()) {
            assertion_failed("Result holds an error", __FILE__, __LINE__);
        }
        return *error_;
    }

    std::optional<Error> error_;
};

} // namespace skep

// The value of a Result, or return its error from the calling function. (Both are as flat as can
// be: what they expand to counts as nesting where they are used.) Never in braces behind a member
// that owns something: compilers do not destroy the half-made object on the way out.
#define TRY(expression)                                                                            \
    __extension__({                                                                                \
        auto try_result_ = (expression);                                                           \
        if (!try_result_.ok()) return std::move(try_result_).error();                              \
        std::move(try_result_).value();                                                            \
    })

// The same, adding what was being done: `phrase` is evaluated only on failure.
#define TRY_WHILE(phrase, expression)                                                              \
    __extension__({                                                                                \
        auto try_result_ = (expression);                                                           \
        if (!try_result_.ok()) return std::move(try_result_).error().while_doing(phrase);          \
        std::move(try_result_).value();                                                            \
    })

// A claim about our own code. It stays on in every build of the control plane.
#define SKEP_ASSERT(condition)                                                                     \
    ((condition) ? static_cast<void>(0) : ::skep::assertion_failed(#condition, __FILE__, __LINE__))
