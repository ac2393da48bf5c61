// SPDX-License-Identifier: Apache-2.0
//
// Registry: the only owner of shared objects.
//
// An object lives while somebody holds it: a client (by a handle, os/handle.hpp), a pin (a file
// with a name), an attachment, or another object. The first two are facts of the file system that
// change without telling us, so they are asked for when it matters: next_id and find leave out what
// nobody holds any more, and collect() throws it away. The rest are shared pointers.
//
// A pin is an ordinary file that the registry keeps open: its inode says which object it stands for
// (so it may be renamed), its link count whether it still has a name (so a plain rm unpins).
//
// A program array and the programs in it may hold each other. As in the kernel, only handles and
// pins keep the slots of a program array filled.
//
// Not for several threads at once. Proved by: registry_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/os/process/handle.hpp"
#include "skep/registry/id_counters.hpp"
#include "skep/registry/object.hpp"

namespace skep::registry {

// What a pin file turned out to be.
enum class PinState : std::uint8_t { live, stale, foreign };
struct PinnedObject {
    PinState state = PinState::foreign;
    std::shared_ptr<Object> object; // when live
};

class Registry {
  public:
    // `id_file` is where ids are kept; empty for a private engine.
    static Result<std::unique_ptr<Registry>> create(const std::string& id_file);

    // Numbers a new object and takes it in. Objects without a memfd of their own get one.
    Result<void> add(const std::shared_ptr<Object>& object);
    // Takes an object in under a fixed id, for good (the kernel's types are BTF 1).
    Result<void> add_permanent(const std::shared_ptr<Object>& object, std::uint32_t id);

    // The object a descriptor of this process stands for: bad_handle when it is not open,
    // invalid_input when it is something else.
    Result<std::shared_ptr<Object>> object_of(int fd) const;

    // Null when there is none (any more).
    std::shared_ptr<Object> find(ObjectKind kind, std::uint32_t id);
    // The lowest id above `id` that is alive.
    std::optional<std::uint32_t> next_id(ObjectKind kind, std::uint32_t id);
    [[nodiscard]] std::vector<std::shared_ptr<Object>> all(ObjectKind kind) const;

    // Makes `file` (new, empty, in the pin directory) a pin of the object.
    Result<void> pin(os::Fd file, const std::shared_ptr<Object>& object);
    PinnedObject pinned_by(const os::Fd& file) const;
    [[nodiscard]] bool is_pinned(const Object& object) const;
    [[nodiscard]] std::size_t pin_count() const { return pins_.size(); }

    // Throws away what nobody holds; `removed` hears of each, before it goes.
    void collect();
    void on_removal(std::function<void(const Object&)> removed) { removed_ = std::move(removed); }

    // Whether no object of a user is left.
    [[nodiscard]] bool is_empty() const;

  private:
    using Table = std::map<std::uint32_t, std::shared_ptr<Object>>;
    struct Pin {
        os::Fd file;
        std::shared_ptr<Object> object;
    };

    Result<void> add_as(const std::shared_ptr<Object>& object, std::uint32_t id);
    explicit Registry(IdCounters counters) : counters_(std::move(counters)) {}
    [[nodiscard]] Table& table(ObjectKind kind) { return tables_[static_cast<std::size_t>(kind)]; }
    [[nodiscard]] const Table& table(ObjectKind kind) const {
        return tables_[static_cast<std::size_t>(kind)];
    }
    // Whether anybody but the table holds this entry of it.
    [[nodiscard]] static bool is_alive(const std::shared_ptr<Object>& entry);
    bool sweep(ObjectKind kind);
    void drop_nameless_pins();
    void empty_unheld_program_arrays();

    IdCounters counters_;
    std::array<Table, kObjectKinds> tables_;
    std::map<os::FileIdentity, std::weak_ptr<Object>> by_identity_;
    std::map<os::FileIdentity, Pin> pins_;
    std::vector<std::shared_ptr<Object>> permanent_;
    std::function<void(const Object&)> removed_;
};

} // namespace skep::registry
