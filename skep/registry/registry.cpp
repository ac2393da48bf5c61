// SPDX-License-Identifier: Apache-2.0
#include "skep/registry/registry.hpp"

#include <array>
#include <string_view>

#include "skep/os/memory.hpp"
#include "skep/os/storage/pin_file.hpp"

namespace skep::registry {
namespace {

struct KindNames {
    const char* word; // in pin files and messages
    const char* file; // of the memfd, which other tools look for
};
// A link's name satisfies both spellings that tools look for.
constexpr std::array<KindNames, kObjectKinds> kKindNames{
    {{"prog", "bpf-prog"}, {"map", "bpf-map"}, {"btf", "btf"}, {"link", "bpf-link.bpf_link"}}};

const KindNames& names_of(ObjectKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

constexpr std::string_view kPinText = "skep pin: ";

std::string pin_text(const Object& object) {
    return std::string(kPinText) + names_of(object.kind()).word + " id " +
           std::to_string(object.id()) + "\n(remove this file to unpin)\n";
}

} // namespace

Result<std::unique_ptr<Registry>> Registry::create(const std::string& id_file) {
    IdCounters counters = TRY(IdCounters::open(id_file));
    return std::unique_ptr<Registry>(new Registry(std::move(counters)));
}

Result<void> Registry::add(const std::shared_ptr<Object>& object) {
    const auto id = counters_.next(object->kind());
    if (!id) {
        return fail(Code::no_space, std::string("all ids of kind ") +
                                        names_of(object->kind()).word + " are used up");
    }
    return add_as(object, *id);
}

Result<void> Registry::add_as(const std::shared_ptr<Object>& object, std::uint32_t id) {
    if (object->kind() != ObjectKind::map) {
        object->file_ = TRY(os::make_memfd(names_of(object->kind()).file, 0));
    }
    object->identity_ = TRY(os::identity_of(object->file().number()));
    object->id_ = id;
    counters_.reserve(object->kind(), id);
    // Inode numbers of memfds come round again: a living twin would be taken for this object.
    const auto twin = by_identity_.find(object->identity_);
    if (twin != by_identity_.end() && !twin->second.expired()) {
        return fail(Code::again, "the system gave two objects the same file number");
    }
    by_identity_[object->identity_] = object;
    table(object->kind())[id] = object;
    return {};
}

Result<void> Registry::add_permanent(const std::shared_ptr<Object>& object, std::uint32_t id) {
    TRY(add_as(object, id));
    permanent_.push_back(object);
    return {};
}

Result<std::shared_ptr<Object>> Registry::object_of(int fd) const {
    const os::FileIdentity identity = TRY(os::identity_of(fd));
    const auto found = by_identity_.find(identity);
    auto object = found == by_identity_.end() ? nullptr : found->second.lock();
    if (object == nullptr) {
        return fail(Code::invalid_input, "the descriptor is not an object of this engine");
    }
    return object;
}

bool Registry::is_alive(const std::shared_ptr<Object>& entry) {
    return entry.use_count() > 1 || os::is_held(entry->file());
}

std::shared_ptr<Object> Registry::find(ObjectKind kind, std::uint32_t id) {
    const auto found = table(kind).find(id);
    if (found == table(kind).end()) {
        return nullptr;
    }
    drop_nameless_pins();
    if (!is_alive(found->second)) {
        collect();
        return nullptr;
    }
    return found->second;
}

std::optional<std::uint32_t> Registry::next_id(ObjectKind kind, std::uint32_t id) {
    drop_nameless_pins();
    auto candidate = table(kind).upper_bound(id);
    while (candidate != table(kind).end() && !is_alive(candidate->second)) {
        const std::uint32_t dead = candidate->first;
        collect();
        candidate = table(kind).upper_bound(dead);
    }
    return candidate == table(kind).end() ? std::nullopt : std::optional(candidate->first);
}

std::vector<std::shared_ptr<Object>> Registry::all(ObjectKind kind) const {
    std::vector<std::shared_ptr<Object>> objects;
    for (const auto& [id, object] : table(kind)) {
        objects.push_back(object);
    }
    return objects;
}

Result<void> Registry::pin(os::Fd file, const std::shared_ptr<Object>& object) {
    const os::FileFacts facts = TRY(os::facts_of(file));
    if (facts.kind != os::FileKind::regular) {
        return fail(Code::not_permitted, "a pin must be an ordinary file");
    }
    const os::FileIdentity identity = TRY(os::identity_of(file.number()));
    if (pins_.contains(identity)) {
        return fail(Code::exists, "the file is a pin already");
    }
    TRY(os::set_text(file, pin_text(*object)));
    pins_.emplace(identity, Pin{std::move(file), object});
    return {};
}

PinnedObject Registry::pinned_by(const os::Fd& file) const {
    const auto identity = os::identity_of(file.number());
    const auto found = identity.ok() ? pins_.find(*identity) : pins_.end();
    if (found != pins_.end()) {
        return {PinState::live, found->second.object};
    }
    const auto facts = os::facts_of(file);
    if (facts.ok() && facts->kind == os::FileKind::regular) {
        const auto text = os::text_of(file, kPinText.size());
        if (text.ok() && *text == kPinText) {
            return {PinState::stale, nullptr};
        }
    }
    return {PinState::foreign, nullptr};
}

bool Registry::is_pinned(const Object& object) const {
    for (const auto& [identity, pin] : pins_) {
        if (pin.object.get() == &object) {
            return true;
        }
    }
    return false;
}

void Registry::drop_nameless_pins() {
    std::erase_if(pins_, [](const auto& entry) {
        const auto facts = os::facts_of(entry.second.file);
        return facts.ok() && facts->names == 0;
    });
}

void Registry::empty_unheld_program_arrays() {
    for (const auto& [id, object] : table(ObjectKind::map)) {
        auto& map = static_cast<MapObject&>(*object);
        const bool holds_programs =
            map.map->spec().type == spec::MapType::prog_array && !map.held.empty();
        if (!holds_programs || os::is_held(map.file()) || is_pinned(map)) {
            continue;
        }
        for (const auto& [key, program] : map.held) {
            map.map->erase(key.data());
        }
        map.held.clear();
    }
}

bool Registry::sweep(ObjectKind kind) {
    bool removed_any = false;
    Table& objects = table(kind);
    for (auto entry = objects.begin(); entry != objects.end();) {
        if (is_alive(entry->second)) {
            ++entry;
            continue;
        }
        if (removed_) {
            removed_(*entry->second);
        }
        by_identity_.erase(entry->second->identity());
        entry = objects.erase(entry);
        removed_any = true;
    }
    return removed_any;
}

void Registry::collect() {
    drop_nameless_pins();
    empty_unheld_program_arrays();
    // Holders before what they hold; again while maps that went let others go.
    bool again = true;
    while (again) {
        again = sweep(ObjectKind::link);
        again = sweep(ObjectKind::program) || again;
        again = sweep(ObjectKind::map) || again;
        again = sweep(ObjectKind::btf) || again;
    }
}

bool Registry::is_empty() const {
    std::size_t count = 0;
    for (const Table& objects : tables_) {
        count += objects.size();
    }
    return count == permanent_.size();
}

} // namespace skep::registry
