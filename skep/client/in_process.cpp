// SPDX-License-Identifier: Apache-2.0
//
// An engine inside this process: a private world of maps, programs and pins that ends with it.
#include <memory>

#include "skep/client/user_transport.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/storage/private_directory.hpp"
#include "skep/syscall/dispatcher.hpp"
#include "skep/syscall/hosts/kernel_types.hpp"
#include "skep/syscall/hosts/local_host.hpp"
#include "skep/syscall/local_caller.hpp"

namespace skep::client {
namespace {

// A directory that goes with the engine.
class OwnDirectory {
  public:
    explicit OwnDirectory(std::string path) : path_(std::move(path)) {}
    OwnDirectory(OwnDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    OwnDirectory& operator=(OwnDirectory&&) = delete;
    ~OwnDirectory() {
        if (!path_.empty()) {
            os::remove_directory(path_);
        }
    }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class InProcessTransport final : public UserTransport {
  public:
    InProcessTransport(OwnDirectory directory, std::unique_ptr<registry::Registry> objects,
                       std::unique_ptr<syscall::LocalHost> host, std::uint32_t cpu_count)
        : UserTransport(directory.path()), directory_(std::move(directory)), host_(std::move(host)),
          objects_(std::move(objects)), caller_(std::make_shared<syscall::LocalCaller>(pins())),
          dispatcher_(syscall::Engine{*objects_, *host_, cpu_count, pins().path(), {}}) {
        objects_->on_removal([this](const registry::Object& object) { host_->forget(object); });
    }
    ~InProcessTransport() override {
        // Ports stop before the objects that they run go.
        for (const syscall::AttachmentFacts& each : host_->attachments()) {
            host_->detach(each.id);
        }
    }

  private:
    Answer carry(std::uint32_t command, void* attributes, std::uint32_t size) override {
        Answer answer;
        bool answered = false;
        const auto address = reinterpret_cast<std::uint64_t>(attributes); // NOLINT: the ABI's form
        dispatcher_.call(caller_, command, address, size,
                         [&](long result, const std::string& message) {
                             answer = {result, message};
                             answered = true;
                         });
        SKEP_ASSERT(answered); // a local host never answers later
        return answer;
    }

    OwnDirectory directory_;
    std::unique_ptr<syscall::LocalHost> host_;
    std::unique_ptr<registry::Registry> objects_; // before the host: maps are lent to it
    std::shared_ptr<syscall::LocalCaller> caller_;
    syscall::Dispatcher dispatcher_;
};

} // namespace

Result<std::unique_ptr<Transport>> connect_in_process() {
    OwnDirectory directory(TRY(os::make_temporary_directory("skep-engine")));
    const std::uint32_t cpu_count = os::possible_cpus();
    auto objects = TRY(registry::Registry::create({}));
    auto host = TRY(syscall::LocalHost::create(cpu_count));
    TRY(syscall::add_kernel_types(*objects));
    return std::unique_ptr<Transport>(std::make_unique<InProcessTransport>(
        std::move(directory), std::move(objects), std::move(host), cpu_count));
}

} // namespace skep::client
