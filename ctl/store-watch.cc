// SPDX-License-Identifier: Apache-2.0
//
// ctl/store-watch: see store-watch.h.
#include <config.h>

#include "ctl/store-watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace holdfast::ctl {

Result<StoreWatch> StoreWatch::on(const std::string& store)
{
    auto folder = std::filesystem::absolute(store).parent_path().string();
    StoreWatch watch{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    if (watch.fd_ < 0 ||
        ::inotify_add_watch(watch.fd_, folder.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return Error{Errc::io, "cannot watch " + folder + ": " + std::strerror(errno)};
    return watch;
}

StoreWatch::~StoreWatch()
{
    if (fd_ >= 0)
        ::close(fd_);
}

StoreWatch::StoreWatch(StoreWatch&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

bool StoreWatch::wait(std::chrono::milliseconds longest)
{
    pollfd poll_fd{fd_, POLLIN, 0};
    if (::poll(&poll_fd, 1, static_cast<int>(longest.count())) <= 0)
        return false;
    // What was written does not matter; the queue is emptied so that the next wait waits.
    alignas(inotify_event) char events[4096];
    while (::read(fd_, events, sizeof events) > 0) {
    }
    return true;
}

} // namespace holdfast::ctl
