// SPDX-License-Identifier: Apache-2.0
//
// A finding: one reason why a program was refused, as data. Printers make text of it: kernel_log in
// the words that Linux tools match on, render for a person.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "skep/bytecode/insn.hpp"

namespace skep::verify {

// A place in the program: always an instruction, and a source position when line info knows it.
struct Place {
    InsnIndex insn;
    std::string file; // empty without line info
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::string source; // the source line
};

// A remark beside the main place: where a needed fact was lost or never established.
struct Note {
    Place place;
    std::string text;
};

// A branch that could go both ways, and what was true where it went.
struct Decision {
    Place place;
    std::string holds; // "r1 == 0"; "the loop goes on"
};

// A change to the source that mends it, as an editor would apply it.
struct Fix {
    enum class Kind : std::uint8_t { insert_before, replace_line };
    Kind kind = Kind::insert_before;
    std::string file;
    std::uint32_t line = 0;
    std::string text; // without a final newline; the indentation is that of the line
};

// One reason why a program was refused.
//
// The check that refuses fills in code, errno, kernel text, what, because and suggestion; the walk,
// which knows where it is and how it came there, adds place and path; diagnosis adds notes and fix.
struct Finding {
    std::string code; // stable: "E0101"; docs/reference lists them
    int os_errno = 0;
    std::string kernel_message; // the kernel's last log line
    std::string
        kernel_detail; // lines that its log has before the last one, without a final newline
    std::string what;  // what is wrong, in a sentence's beginning: "packet read past the end"
    Place place;
    std::string because; // why we think so, with the value that broke the rule
    std::vector<Note> notes;
    std::vector<Decision> path; // the branch decisions that lead here, oldest first
    std::string suggestion;     // what to try
    std::optional<Fix> fix;     // the same as a change to the source, when it can be written down
};

// What a check answers: T when the program may go on, else the finding. TRY passes refusals up.
// Plain data is kept as it is: an optional's flag beside it would make every step copy it in two
// halves.
template <class T>
class [[nodiscard]] Ruling {
    static constexpr bool kIsPlain =
        std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>;

  public:
    Ruling(T value) : value_(std::move(value)) {} // NOLINT: implicit as in Result
    Ruling(Finding finding)
        : finding_(std::make_unique<Finding>(std::move(finding))) {}           // NOLINT: as above
    Ruling(std::unique_ptr<Finding> finding) : finding_(std::move(finding)) {} // NOLINT: as above

    [[nodiscard]] bool ok() const { return finding_ == nullptr; }
    explicit operator bool() const { return ok(); }
    T& value() & { return held(value_); }
    const T& value() const& { return held(value_); }
    T&& value() && { return std::move(held(value_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    [[nodiscard]] const Finding& finding() const { return *finding_; }
    // For TRY: the refusal, to be handed on.
    std::unique_ptr<Finding> error() && { return std::move(finding_); }

  private:
    template <class Storage>
    static auto& held(Storage& storage) {
        if constexpr (kIsPlain) {
            return storage;
        } else {
            return *storage;
        }
    }

    std::conditional_t<kIsPlain, T, std::optional<T>> value_{};
    std::unique_ptr<Finding> finding_;
};

template <>
class [[nodiscard]] Ruling<void> {
  public:
    Ruling() = default;
    Ruling(Finding finding)
        : finding_(std::make_unique<Finding>(std::move(finding))) {}           // NOLINT: as above
    Ruling(std::unique_ptr<Finding> finding) : finding_(std::move(finding)) {} // NOLINT: as above

    [[nodiscard]] bool ok() const { return finding_ == nullptr; }
    explicit operator bool() const { return ok(); }
    void value() const {}
    [[nodiscard]] const Finding& finding() const { return *finding_; }
    std::unique_ptr<Finding> error() && { return std::move(finding_); }

  private:
    std::unique_ptr<Finding> finding_;
};

} // namespace skep::verify
