// SPDX-License-Identifier: Apache-2.0
//
// Cow<T>: a value that copies of a state share until one of them writes to it.
//
// Copying a Cow is one increment. read() is a plain reference; write() makes a copy of the T first
// when somebody else holds it too. One verification runs on one thread, so the count is not atomic.
#pragma once

#include <cstdint>
#include <utility>

namespace skep::verify {

template <class T>
class Cow {
  public:
    Cow() = default;
    static Cow make(T value = {}) {
        Cow cow;
        cow.cell_ = new Cell{1, std::move(value)}; // NOLINT: owned by the count
        return cow;
    }
    Cow(const Cow& other) : cell_(other.cell_) {
        if (cell_ != nullptr) {
            ++cell_->count;
        }
    }
    Cow(Cow&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
    Cow& operator=(Cow other) noexcept {
        std::swap(cell_, other.cell_);
        return *this;
    }
    ~Cow() {
        if (cell_ != nullptr && --cell_->count == 0) {
            delete cell_; // NOLINT: the last holder
        }
    }

    [[nodiscard]] bool empty() const { return cell_ == nullptr; }
    // Precondition of both: not empty.
    [[nodiscard]] const T& read() const { return cell_->value; }
    [[nodiscard]] T& write() {
        if (cell_->count != 1) {
            *this = make(cell_->value);
        }
        return cell_->value;
    }
    // Both are the very same value, so that it need not be compared.
    [[nodiscard]] bool shared_with(const Cow& other) const { return cell_ == other.cell_; }

  private:
    struct Cell {
        std::uint32_t count;
        T value;
    };
    Cell* cell_ = nullptr;
};

} // namespace skep::verify
