// SPDX-License-Identifier: Apache-2.0
//
// handoff/agent: see agent.h.
#include <config.h>

#include "handoff/agent.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "common/text.h"
#include "common/unix-address.h"
#include "handoff/channel.h"

namespace holdfast::handoff {

struct Service::Channel : handoff_channel {};

void Service::EndChannel::operator()(Channel* channel) const
{
    handoff_channel_end(channel);
    delete channel;
}

namespace {

constexpr std::size_t max_state_in_all = std::size_t{1} << 30; // Bytes of one give().

/// As the channel counts: CLOCK_MONOTONIC, which steady_clock is, in ns.
std::int64_t ns(Deadline until)
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(until.time_since_epoch()).count();
}

std::string name_of(const Hello& hello)
{
    std::string name = hello.program.empty() ? "the service" : "service " + hello.program;
    return hello.pid > 0 ? name + " (process " + std::to_string(hello.pid) + ")" : name;
}

Error no_descriptors(const Hello& hello)
{
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return {Errc::io, name_of(hello) + " gave a socket, but no more than " +
                          std::to_string(limit.rlim_cur) +
                          " descriptors are allowed here: raise RLIMIT_NOFILE"};
}

/// One line for a failure of the channel; `doing` is e.g. "gave its sockets".
Error failed(const Hello& hello, const handoff_channel& channel, int error, const char* doing)
{
    switch (error) {
    case EPIPE:
    case ECONNRESET:
        return {Errc::unavailable,
                name_of(hello) + " ended before it " + doing + ": look at its log"};
    case ETIMEDOUT:
        return {Errc::unavailable,
                name_of(hello) + " did not answer in time (before it " + doing + "): it hangs"};
    case EPROTO:
        return {Errc::damaged, name_of(hello) + " breaks the handoff protocol: " + channel.wrong};
    case EMFILE:
        return no_descriptors(hello);
    default:
        return {Errc::io, name_of(hello) + " cannot be spoken to (before it " + doing +
                              "): " + strerror(error)};
    }
}

Error unasked(const Hello& hello, const char* doing)
{
    return {Errc::damaged, name_of(hello) +
                               " breaks the handoff protocol: a message comes that "
                               "was not asked for, before it " +
                               doing};
}

std::string text_of(const handoff_message& message)
{
    return {message.text, message.text_size};
}

/// Waits for the next message.
Result<handoff_message> next(handoff_channel& channel, const Hello& hello, const char* doing,
                             Deadline until)
{
    handoff_message message{};
    for (;;) {
        int error = handoff_channel_receive(&channel, &message);
        if (!error)
            return message;
        if (error == EAGAIN)
            error = handoff_wait(channel.fd, POLLIN, ns(until));
        if (error)
            return failed(hello, channel, error, doing);
    }
}

Result<void> say(handoff_channel& channel, const Hello& hello, handoff_type type, const char* doing,
                 Deadline until, std::uint32_t number = 0)
{
    handoff_message message{};
    message.type = type;
    message.number = number;
    if (int error = handoff_channel_send(&channel, &message, ns(until)))
        return failed(hello, channel, error, doing);
    return {};
}

Error refused(const Hello& hello, const char* what, const handoff_message& message)
{
    return {Errc::invalid, name_of(hello) + " refuses to " + what + ": " + text_of(message)};
}

/// What a service gives, as it comes.
class Taking {
public:
    /// Errors: in a few words, what is wrong with it.
    const char* add(handoff_channel& channel, const handoff_message& message)
    {
        Descriptor fd{std::exchange(channel.socket, -1)};
        struct stat about {};
        if (::fstat(fd.get(), &about) || !inodes_.insert(about.st_ino).second)
            return "a socket comes twice";
        if (sockets_.size() >= HOLDFAST_HANDOFF_SOCKETS_MAX)
            return "there are more than 1000000 sockets";
        if (message.state_size > max_state_in_all - n_state_)
            return "the sockets' state is larger than 1 GiB in all";
        n_state_ += message.state_size;
        const auto* begin = static_cast<const std::uint8_t*>(message.state);
        sockets_.push_back({text_of(message), {begin, begin + message.state_size}, std::move(fd)});
        return nullptr;
    }

    std::vector<Socket>& sockets() { return sockets_; }

private:
    std::vector<Socket> sockets_;
    std::set<ino_t> inodes_; // Of the sockets, all in sockfs.
    std::size_t n_state_ = 0;
};

/// Whether the other side of a connection has closed it.
bool hung_up(int fd)
{
    pollfd pollfd{fd, 0, 0};
    return ::poll(&pollfd, 1, 0) > 0 && (pollfd.revents & POLLHUP);
}

} // namespace

Service::Service(Descriptor connection) : channel_{new Channel}
{
    handoff_channel_begin(channel_.get(), connection.release());
}

Result<Service> Service::greet(Descriptor connection, Deadline until)
{
    constexpr const char* doing = "said hello";
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size))
        return Error{Errc::io,
                     std::string{"a service's connection is of no use: "} + strerror(errno)};
    Service service{std::move(connection)};
    service.hello_.pid = peer.pid;
    service.hello_.uid = peer.uid;
    auto message = next(*service.channel_, service.hello_, doing, until);
    if (!message)
        return message.error();
    if (message->type != HANDOFF_HELLO)
        return unasked(service.hello_, doing);
    service.hello_.program = text_of(*message);
    service.hello_.gives = message->number & HOLDFAST_HANDOFF_GIVES;
    service.hello_.takes = message->number & HOLDFAST_HANDOFF_TAKES;
    service.hello_.stopped = message->number & HANDOFF_STOPPED;
    service.hello_.agreed = message->number & HANDOFF_AGREED;
    return service;
}

Result<std::vector<Socket>> Service::give(Deadline until)
{
    constexpr const char* doing = "had given all its sockets";
    if (!hello_.gives)
        return Error{Errc::invalid, name_of(hello_) + " does not give its sockets away: it said so "
                                                      "in its hello"};
    if (auto said = say(*channel_, hello_, HANDOFF_GIVE, doing, until); !said)
        return said.error();
    Taking taking;
    for (;;) {
        auto message = next(*channel_, hello_, doing, until);
        if (!message)
            return message.error();
        switch (message->type) {
        case HANDOFF_SOCKET:
            if (const char* wrong = taking.add(*channel_, *message)) {
                channel_->wrong = wrong;
                return failed(hello_, *channel_, EPROTO, doing);
            }
            break;
        case HANDOFF_DONE:
            if (message->number == taking.sockets().size())
                return std::move(taking.sockets());
            channel_->wrong = "it says another number of sockets than it gave";
            return failed(hello_, *channel_, EPROTO, doing);
        case HANDOFF_REFUSED:
            return refused(hello_, "give its sockets", *message);
        default:
            return unasked(hello_, doing);
        }
    }
}

Result<void> Service::keep(Deadline until)
{
    constexpr const char* doing = "said that it goes on";
    if (auto said = say(*channel_, hello_, HANDOFF_KEEP, doing, until); !said)
        return said;
    for (;;) {
        auto message = next(*channel_, hello_, doing, until);
        if (!message)
            return message.error();
        switch (message->type) {
        case HANDOFF_KEPT:
            return {};
        case HANDOFF_SOCKET: // Of a give() that was ended; the channel closes it.
        case HANDOFF_DONE:
        case HANDOFF_REFUSED:
            break;
        default:
            return unasked(hello_, doing);
        }
    }
}

Result<void> Service::take(std::span<const Socket> sockets, Deadline until)
{
    constexpr const char* doing = "had taken all its sockets";
    if (!hello_.takes)
        return Error{Errc::invalid,
                     name_of(hello_) + " does not take sockets: it said so in its hello"};
    for (const Socket& socket : sockets) {
        int error =
            handoff_channel_send_socket(channel_.get(), socket.name.c_str(), socket.fd.get(),
                                        socket.state.data(), socket.state.size(), ns(until));
        if (error == EINVAL || error == EMSGSIZE)
            return Error{Errc::invalid, "socket \"" + one_line(socket.name, 60) +
                                            "\" cannot be given to " + name_of(hello_) +
                                            ": its name, its state or its descriptor is wrong"};
        if (error)
            return failed(hello_, *channel_, error, doing);
    }
    if (auto said = say(*channel_, hello_, HANDOFF_DONE, doing, until,
                        static_cast<std::uint32_t>(sockets.size()));
        !said)
        return said;
    auto message = next(*channel_, hello_, doing, until);
    if (!message)
        return message.error();
    if (message->type == HANDOFF_REFUSED)
        return refused(hello_, "go on with the sockets", *message);
    return message->type == HANDOFF_READY ? Result<void>{} : unasked(hello_, doing);
}

Result<void> Service::go(Deadline until)
{
    return say(*channel_, hello_, HANDOFF_GO, "was told to serve", until);
}

Result<void> Service::drop(Deadline until)
{
    return say(*channel_, hello_, HANDOFF_DROP, "was told to drop its sockets", until);
}

Result<Listener> Listener::listen(const std::string& path, uid_t uid)
{
    auto address = UnixAddress::of(path);
    if (!address)
        return address.error();
    auto wrong = [&](const char* what) {
        return Error{Errc::io, path + ": " + what + ": " + strerror(errno)};
    };
    Descriptor fd{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        return wrong("cannot make a socket");
    if (::unlink(path.c_str()) && errno != ENOENT)
        return wrong("cannot be replaced");
    // Nobody can connect before listen(), so the mode is right from the start.
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address->sun), sizeof address->sun) ||
        ::chmod(path.c_str(), 0600) || ::chown(path.c_str(), uid, static_cast<gid_t>(-1)) ||
        ::listen(fd.get(), SOMAXCONN))
        return wrong("cannot be listened at");
    return Listener{std::move(fd)};
}

Result<Service> Listener::accept(Deadline until)
{
    for (;;) {
        Descriptor fd{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (fd && hung_up(fd.get()))
            continue; // Of a process that has ended, or connected anew.
        if (fd)
            return Service::greet(std::move(fd), until);
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        int error = errno;
        if (error == EAGAIN)
            error = handoff_wait(listening_.get(), POLLIN, ns(until));
        if (error == ETIMEDOUT)
            return Error{Errc::unavailable, "the service has not connected in time: does it use "
                                            "$HOLDFAST_HANDOFF?"};
        if (error)
            return Error{Errc::io, std::string{"a service's connection cannot be accepted: "} +
                                       strerror(error)};
    }
}

} // namespace holdfast::handoff
