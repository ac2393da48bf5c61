// SPDX-License-Identifier: Apache-2.0
//
// Cow<T>: a value that copies of a state share until one of them writes to it.
//
// Copying a Cow is one increment. read() is a plain reference; write() makes a copy of the T first
// when somebody else holds it too. One verification runs on one thread, so the count is not atomic.
//
// A walk makes and drops such copies all the time, and they are larger than what malloc keeps at
// hand. So a copy is made in the room that an earlier one left: cells that came from one another by
// copying keep a common list of what was given back, which goes with the last of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace skep::verify {

template <class T>
class Cow {
  public:
    Cow() = default;
    static Cow make(T value = {}) { return made(new Spares, std::move(value)); }
    // One whose room comes from where this one's came from. Precondition: not empty.
    [[nodiscard]] Cow make_beside(T value) const { return made(cell_->spares, std::move(value)); }
    Cow(const Cow& other) : cell_(other.cell_) {
        if (cell_ != nullptr) {
            ++cell_->count;
        }
    }
    Cow(Cow&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
    Cow& operator=(const Cow& other) { // NOLINT: the copy comes first, so it may be itself
        Cow copy(other);
        std::swap(cell_, copy.cell_);
        return *this;
    }
    Cow& operator=(Cow&& other) noexcept {
        std::swap(cell_, other.cell_);
        return *this;
    }
    ~Cow() {
        if (cell_ != nullptr && --cell_->count == 0) {
            drop(cell_); // the last holder
        }
    }

    [[nodiscard]] bool empty() const { return cell_ == nullptr; }
    // Precondition of both: not empty.
    [[nodiscard]] const T& read() const { return cell_->value; }
    [[nodiscard]] T& write() {
        if (cell_->count != 1) {
            *this = made(cell_->spares, cell_->value);
        }
        return cell_->value;
    }
    // Both are the very same value, so that it need not be compared.
    [[nodiscard]] bool shared_with(const Cow& other) const { return cell_ == other.cell_; }

  private:
    struct Spare {
        Spare* next;
    };
    struct Spares {
        Spare* first = nullptr;
        std::size_t cells = 0; // alive
    };
    struct Cell {
        std::uint32_t count;
        Spares* spares;
        T value;
    };

    template <class Source>
    static Cow made(Spares* spares, Source&& value) {
        void* room = spares->first;
        if (room != nullptr) {
            spares->first = spares->first->next;
        } else {
            room = ::operator new(sizeof(Cell));
        }
        Cow cow;
        cow.cell_ = new (room) Cell{1, spares, std::forward<Source>(value)};
        ++spares->cells;
        return cow;
    }
    static void drop(Cell* cell) {
        Spares* spares = cell->spares;
        cell->~Cell();
        spares->first = new (cell) Spare{spares->first};
        if (--spares->cells != 0) {
            return;
        }
        while (spares->first != nullptr) {
            ::operator delete(std::exchange(spares->first, spares->first->next));
        }
        delete spares; // NOLINT: the last of its cells
    }

    Cell* cell_ = nullptr;
};

} // namespace skep::verify
