// SPDX-License-Identifier: Apache-2.0
//
// hookd/libvirt-loop: see libvirt-loop.h.
#include <config.h>

#include "hookd/libvirt-loop.h"

#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <poll.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

/// A descriptor that libvirt wants watched.  All but `events` and `removed` is touched on
/// the io_context's thread alone.
struct Handle : std::enable_shared_from_this<Handle> {
    Handle(asio::io_context& io) : descriptor{io} {}

    int id = 0;
    int fd = -1;             // libvirt's; the one watched is a copy, so that it stays ours.
    std::atomic<int> events; // VIR_EVENT_HANDLE_*.
    std::atomic<bool> removed{false};
    virEventHandleCallback callback = nullptr;
    void* opaque = nullptr;
    virFreeCallback free = nullptr;
    asio::posix::stream_descriptor descriptor;
    bool reading = false; // A wait is under way.
    bool writing = false;

    using Wait = asio::posix::stream_descriptor::wait_type;

    /// Starts the waits that are wanted and not under way.
    void arm()
    {
        if (removed || !descriptor.is_open())
            return;
        if ((events & ~VIR_EVENT_HANDLE_WRITABLE) && !reading) {
            reading = true;
            wait(Wait::wait_read, reading);
        }
        if ((events & VIR_EVENT_HANDLE_WRITABLE) && !writing) {
            writing = true;
            wait(Wait::wait_write, writing);
        }
    }

    void wait(Wait what, bool& flag)
    {
        auto done = [self = shared_from_this(), &flag](boost::system::error_code failed) {
            flag = false;
            if (!failed)
                self->fire();
        };
        descriptor.async_wait(what, done);
    }

    /// Asks the system what is ready now, since a wait may be over for another reason.
    void fire()
    {
        if (removed)
            return;
        int wanted = events;
        pollfd ready{descriptor.native_handle(), 0, 0};
        ready.events = static_cast<short>(((wanted & VIR_EVENT_HANDLE_READABLE) ? POLLIN : 0) |
                                          ((wanted & VIR_EVENT_HANDLE_WRITABLE) ? POLLOUT : 0));
        if (poll(&ready, 1, 0) > 0) {
            int happened = ((ready.revents & POLLIN) ? VIR_EVENT_HANDLE_READABLE : 0) |
                           ((ready.revents & POLLOUT) ? VIR_EVENT_HANDLE_WRITABLE : 0) |
                           ((ready.revents & POLLERR) ? VIR_EVENT_HANDLE_ERROR : 0) |
                           ((ready.revents & POLLHUP) ? VIR_EVENT_HANDLE_HANGUP : 0);
            if (happened)
                callback(id, fd, happened, opaque);
        }
        arm();
    }
};

/// A timer of libvirt's.
struct Timeout : std::enable_shared_from_this<Timeout> {
    Timeout(asio::io_context& io) : timer{io} {}

    int id = 0;
    std::atomic<int> period; // Milliseconds; below 0: off.
    std::atomic<bool> removed{false};
    virEventTimeoutCallback callback = nullptr;
    void* opaque = nullptr;
    virFreeCallback free = nullptr;
    asio::steady_timer timer;

    void arm()
    {
        if (removed || period < 0) {
            timer.cancel();
            return;
        }
        timer.expires_after(std::chrono::milliseconds{period});
        timer.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
            // A wait that was due when the timer was set anew reports no error: look again.
            if (cancelled || self->removed || self->period < 0)
                return;
            self->callback(self->id, self->opaque);
            self->arm();
        });
    }
};

/// What libvirt has asked for, by number.
struct Loop {
    explicit Loop(asio::io_context& context) : io{context} {}

    template <class Item>
    int add(std::map<int, std::shared_ptr<Item>>& items, std::shared_ptr<Item> item)
    {
        {
            std::lock_guard lock{mutex};
            item->id = next_id++;
            items[item->id] = item;
        }
        asio::post(io, [item] { item->arm(); });
        return item->id;
    }

    template <class Item>
    std::shared_ptr<Item> find(std::map<int, std::shared_ptr<Item>>& items, int id)
    {
        std::lock_guard lock{mutex};
        auto found = items.find(id);
        return found == items.end() ? nullptr : found->second;
    }

    template <class Item>
    std::shared_ptr<Item> take(std::map<int, std::shared_ptr<Item>>& items, int id)
    {
        std::lock_guard lock{mutex};
        auto node = items.extract(id);
        if (node.empty())
            return nullptr;
        node.mapped()->removed = true;
        return node.mapped();
    }

    asio::io_context& io;
    std::mutex mutex;
    int next_id = 1;
    std::map<int, std::shared_ptr<Handle>> handles;
    std::map<int, std::shared_ptr<Timeout>> timeouts;
};

Loop* loop = nullptr; // libvirt's interface has no room for it.

int add_handle(int fd, int events, virEventHandleCallback callback, void* opaque,
               virFreeCallback free)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return -1;
    auto handle = std::make_shared<Handle>(loop->io);
    handle->fd = fd;
    handle->events = events;
    handle->callback = callback;
    handle->opaque = opaque;
    handle->free = free;
    asio::post(loop->io, [handle, copy] {
        boost::system::error_code failed;
        handle->descriptor.assign(copy, failed);
        if (failed)
            close(copy);
    });
    return loop->add(loop->handles, handle);
}

void update_handle(int id, int events)
{
    if (auto handle = loop->find(loop->handles, id)) {
        handle->events = events;
        asio::post(loop->io, [handle] { handle->arm(); });
    }
}

int remove_handle(int id)
{
    auto handle = loop->take(loop->handles, id);
    if (!handle)
        return -1;
    asio::post(loop->io, [handle] {
        boost::system::error_code failed;
        handle->descriptor.close(failed);
        if (handle->free)
            handle->free(handle->opaque);
    });
    return 0;
}

int add_timeout(int period, virEventTimeoutCallback callback, void* opaque, virFreeCallback free)
{
    auto timeout = std::make_shared<Timeout>(loop->io);
    timeout->period = period;
    timeout->callback = callback;
    timeout->opaque = opaque;
    timeout->free = free;
    return loop->add(loop->timeouts, timeout);
}

void update_timeout(int id, int period)
{
    if (auto timeout = loop->find(loop->timeouts, id)) {
        timeout->period = period;
        asio::post(loop->io, [timeout] { timeout->arm(); });
    }
}

int remove_timeout(int id)
{
    auto timeout = loop->take(loop->timeouts, id);
    if (!timeout)
        return -1;
    asio::post(loop->io, [timeout] {
        timeout->timer.cancel();
        if (timeout->free)
            timeout->free(timeout->opaque);
    });
    return 0;
}

} // namespace

void register_libvirt_loop(asio::io_context& io)
{
    // Never freed: libvirt's own threads may use it until the process ends.
    loop = new Loop{io};
    virEventRegisterImpl(add_handle, update_handle, remove_handle, add_timeout, update_timeout,
                         remove_timeout);
}

} // namespace holdfast::hookd
