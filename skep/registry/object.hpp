// SPDX-License-Identifier: Apache-2.0
//
// Objects: what bpf(2) makes and numbers. Maps, programs, BTF (types) and links.
//
// An object is known by its kind and id, and by the memfd that clients hold as its handle (identity
// is device and inode). Objects hold each other by shared pointers: a program its maps and types, a
// link its program, a map its types and what its slots hold. Sharing happens here and nowhere else.
// Records only: who may change what is decided in syscall/.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/btf/btf.hpp"
#include "skep/maps/map.hpp"
#include "skep/os/fd.hpp"
#include "skep/os/process/handle.hpp"
#include "skep/run/executable.hpp"
#include "skep/spec/abi.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::registry {

enum class ObjectKind : std::uint8_t { program, map, btf, link };
inline constexpr std::size_t kObjectKinds = 4;

class Object {
  public:
    explicit Object(ObjectKind kind) : kind_(kind) {}
    virtual ~Object() = default;
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    [[nodiscard]] ObjectKind kind() const { return kind_; }
    [[nodiscard]] std::uint32_t id() const { return id_; }
    [[nodiscard]] os::FileIdentity identity() const { return identity_; }
    // The memfd that handles are made of.
    [[nodiscard]] virtual const os::Fd& file() const { return file_; }

  private:
    friend class Registry; // numbers objects and gives them their file
    ObjectKind kind_;
    std::uint32_t id_ = 0;
    os::FileIdentity identity_;
    os::Fd file_;
};

// Types that were registered, as bytes; parsed once.
struct BtfObject final : Object {
    BtfObject() : Object(ObjectKind::btf) {}
    std::shared_ptr<const btf::Btf> types; // null for the kernel's until somebody needs them parsed
    ByteVector bytes;
    std::string name; // "vmlinux"; empty for what users load
    bool from_kernel = false;
};

// What the first program of a program array decides for all later ones.
struct ProgramArrayOwner {
    spec::ProgramType type = spec::ProgramType::unspec;
    std::uint32_t expected_attach_type = 0;
    bool has_fragments = false;
    bool operator==(const ProgramArrayOwner&) const = default;
};

struct MapObject final : Object {
    MapObject() : Object(ObjectKind::map) {}
    [[nodiscard]] const os::Fd& file() const override { return map->files().shared; }

    std::unique_ptr<maps::Map> map;
    std::shared_ptr<BtfObject> types;
    std::uint32_t flags = 0; // as given to MAP_CREATE, user access flags included
    bool frozen = false;     // user space may not write it any more
    bool sealed = false;     // nobody may, programs neither, and nobody has it mapped to write
    // What slots of maps of maps and program arrays hold, by key: their ids stand in the map
    // itself.
    std::map<ByteVector, std::shared_ptr<Object>> held;
    std::optional<ProgramArrayOwner> owner;
};

// Runs of a program, summed over workers that have ended; running ones are added by the host.
struct RunCounts {
    std::uint64_t runs = 0;
    std::uint64_t time_ns = 0;
    std::uint64_t misses = 0;
};

struct ProgramObject final : Object {
    ProgramObject() : Object(ObjectKind::program) {}

    std::shared_ptr<const verify::VerifiedProgram> program;
    std::array<std::uint8_t, abi::kTagSize> tag{};
    std::vector<std::shared_ptr<MapObject>> maps; // by the index that instructions carry
    std::vector<std::shared_ptr<MapObject>>
        used_maps; // each once, in order of first mention, then bound ones
    std::shared_ptr<BtfObject> types;
    std::unique_ptr<run::Executable>
        listing;      // machine code to show; never run in the control process
    std::string name; // at most 15 bytes
    bool gpl_compatible = false;
    std::uint64_t load_time_ns = 0;
    std::uint32_t uid = 0;
    RunCounts counts;
};

// The fact of being attached. `attachment` is the host's number for it; 0 after LINK_DETACH.
struct LinkObject final : Object {
    LinkObject() : Object(ObjectKind::link) {}
    std::uint32_t type = 0; // BPF_LINK_TYPE_*
    std::shared_ptr<ProgramObject> program;
    std::uint32_t attachment = 0;
    std::uint32_t ifindex = 0;
};

} // namespace skep::registry
