// SPDX-License-Identifier: Apache-2.0
//
// service/link: see link.h.  What OpenSSL needs to be told is in tls.cc.
#include <config.h>

#include "service/link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/text.h"
#include "service/tls.h"

namespace holdfast::service {

namespace {

constexpr std::uint8_t verdict = 0;        // A frame of the link's own: empty, or why not.
constexpr std::size_t header_size = 5;     // Type, and the payload's length, big-endian.
constexpr std::size_t record_size = 16384; // Of TLS: what one costs is worth filling.
constexpr int dead_after_s = 10;           // A peer's machine that is silent so long is dead.

using Header = std::array<std::uint8_t, header_size>;

Error system_error(const std::string& who, const char* what, int error)
{
    return {Errc::unavailable, who + ": " + what + ": " + std::strerror(error)};
}

/// Whole milliseconds left for poll(), at least 0.
int left(Deadline until)
{
    auto rest =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(rest.count(), 0, 1 << 30));
}

/// Waits until `fd` has one of `events`; false when it is `until`.
bool wait_for(int fd, short events, Deadline until)
{
    pollfd pollfd{fd, events, 0};
    for (;;) {
        int n = ::poll(&pollfd, 1, left(until));
        if (n != 0 && !(n < 0 && errno == EINTR))
            return true; // An error shows with the next read or write.
        if (n == 0 && left(until) == 0)
            return false;
    }
}

/// A dead peer, whose machine says nothing any more, is noticed with data under way
/// (TCP_USER_TIMEOUT, RFC 5482) and without (keepalive).
Result<void> tune(int fd, const std::string& who)
{
    const int on = 1, idle = 4, every = 2, n_probes = 3;
    const unsigned dead_after_ms = dead_after_s * 1000;
    if (::fcntl(fd, F_SETFL, O_NONBLOCK) ||
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) ||
        ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) ||
        ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every) ||
        ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &n_probes, sizeof n_probes) ||
        ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_after_ms, sizeof dead_after_ms))
        return system_error(who, "the connection cannot be set up", errno);
    return {};
}

Result<Descriptor> connect_tcp(const std::string& address, std::uint16_t port,
                               const std::string& who, Deadline until)
{
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
        return Error{Errc::invalid, "\"" + one_line(address, 60) + "\" is no IP address"};
    Descriptor fd{::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    int error = !fd || ::connect(fd.get(), found->ai_addr, found->ai_addrlen) ? errno : 0;
    ::freeaddrinfo(found);
    if (error == EINPROGRESS) {
        if (!wait_for(fd.get(), POLLOUT, until))
            return Error{Errc::unavailable, who + " does not answer: is it up, and is the port "
                                                  "open in its packet filter?"};
        socklen_t size = sizeof error;
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error)
        return system_error(who, "cannot be reached", error);
    return fd;
}

/// The other end of an accepted connection, for messages.
std::string peer_of(int fd)
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) ||
        ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host.data(), host.size(),
                      port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV))
        return "a peer";
    return "the peer at " + std::string{host.data()};
}

std::string listed(std::span<const std::string> names)
{
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "nobody" : text;
}

} // namespace

struct Link::Impl {
    Descriptor tcp;
    tls::Session session; // After tcp: it ends first.
    std::string who;      // The peer, for messages.
    std::string name;     // By its certificate.

    Result<void> handshake(Deadline until);
    Result<void> agree(std::span<const std::string> names, bool speaks_first, Deadline until);
    Result<void> say(const std::string& objection, Deadline until);
    Result<void> hear(Deadline until);
    Result<void> write(const std::uint8_t* bytes, std::size_t size, Deadline until);
    Result<void> read(std::uint8_t* bytes, std::size_t size, Deadline until);
    Result<void> send(std::uint8_t type, std::span<const std::uint8_t> payload, Deadline until);
    Result<Frame> receive(Deadline until);
    Result<void> wait(tls::Outcome outcome, const char* late, Deadline until);
};

/// What follows an operation that is not done: it can go on when this returns.
/// `late` says what the peer has not done if it is too late.
Result<void> Link::Impl::wait(tls::Outcome outcome, const char* late, Deadline until)
{
    switch (outcome) {
    case tls::Outcome::wants_read:
    case tls::Outcome::wants_write:
        if (wait_for(tcp.get(), outcome == tls::Outcome::wants_read ? POLLIN : POLLOUT, until))
            return {};
        return Error{Errc::unavailable, who + late};
    case tls::Outcome::ended:
        return Error{Errc::unavailable, who + " ended the connection: look at its log"};
    case tls::Outcome::dead:
        return Error{Errc::unavailable, who + " is silent: the link to it is dead"};
    default:
        return Error{Errc::invalid, who + " " + session.cause()};
    }
}

Result<void> Link::Impl::handshake(Deadline until)
{
    for (;;) {
        auto outcome = session.handshake();
        if (outcome == tls::Outcome::done)
            break;
        if (auto waited = wait(outcome, " does not answer (TLS): does it hang?", until); !waited)
            return waited;
    }
    name = session.peer_name();
    return {};
}

/// Each side tells the other whether it is content.  Who was connected to speaks first: its
/// refusal by a TLS alert is then what the other reads, and no reset overtakes it.
Result<void> Link::Impl::agree(std::span<const std::string> names, bool speaks_first,
                               Deadline until)
{
    std::string objection, told;
    if (std::find(names.begin(), names.end(), name) == names.end()) {
        objection = who + " is \"" + one_line(name, 64) +
                    "\" by its certificate, which is not whom it must be: " + listed(names);
        told = "its certificate says \"" + one_line(name, 64) + "\", it must be " + listed(names);
    }
    if (speaks_first) {
        auto said = say(told, until);
        if (!objection.empty())
            return Error{Errc::invalid, objection};
        return said ? hear(until) : said;
    }
    if (auto heard = hear(until); !heard)
        return heard;
    auto said = say(told, until);
    return objection.empty() ? said : Error{Errc::invalid, objection};
}

Result<void> Link::Impl::say(const std::string& objection, Deadline until)
{
    const auto* begin = reinterpret_cast<const std::uint8_t*>(objection.data());
    return send(verdict, {begin, objection.size()}, until);
}

Result<void> Link::Impl::hear(Deadline until)
{
    auto frame = receive(until);
    if (!frame)
        return frame.error();
    if (frame->type != verdict)
        return Error{Errc::damaged, who + " sends a message before its verdict: is it Holdfast?"};
    if (frame->payload.empty())
        return {};
    std::string text{frame->payload.begin(), frame->payload.end()};
    return Error{Errc::invalid, who + " refuses this hypervisor: " + one_line(text, 200)};
}

Result<void> Link::Impl::write(const std::uint8_t* bytes, std::size_t size, Deadline until)
{
    while (size > 0) {
        std::size_t n = 0;
        auto outcome = session.write(bytes, size, n);
        bytes += n, size -= n;
        if (outcome == tls::Outcome::done)
            continue;
        if (auto waited = wait(outcome, " takes nothing any more: does it hang?", until); !waited)
            return waited;
    }
    return {};
}

Result<void> Link::Impl::read(std::uint8_t* bytes, std::size_t size, Deadline until)
{
    while (size > 0) {
        std::size_t n = 0;
        auto outcome = session.read(bytes, size, n);
        bytes += n, size -= n;
        if (outcome == tls::Outcome::done)
            continue;
        if (auto waited = wait(outcome, " sent nothing in time: does it hang?", until); !waited)
            return waited;
    }
    return {};
}

Result<void> Link::Impl::send(std::uint8_t type, std::span<const std::uint8_t> payload,
                              Deadline until)
{
    if (payload.size() > max_payload)
        return Error{Errc::invalid, "a message of " + std::to_string(payload.size()) +
                                        " bytes is larger than 64 MiB"};
    const auto size = static_cast<std::uint32_t>(payload.size());
    // The header goes with the payload's beginning.
    std::array<std::uint8_t, record_size> first;
    first[0] = type;
    for (unsigned i = 0; i < 4; ++i)
        first[1 + i] = static_cast<std::uint8_t>(size >> (24 - 8 * i));
    const std::size_t n_first = std::min(payload.size(), record_size - header_size);
    std::copy_n(payload.begin(), n_first, first.begin() + header_size);
    if (auto written = write(first.data(), header_size + n_first, until); !written)
        return written;
    return write(payload.data() + n_first, payload.size() - n_first, until);
}

Result<Frame> Link::Impl::receive(Deadline until)
{
    Header header;
    if (auto got = read(header.data(), header.size(), until); !got)
        return got.error();
    std::size_t size = 0;
    for (unsigned i = 0; i < 4; ++i)
        size = size << 8 | header[1 + i];
    if (size > max_payload)
        return Error{Errc::damaged, who + " sends a message of " + std::to_string(size) +
                                        " bytes: 64 MiB are the most"};
    Frame frame{header[0], std::vector<std::uint8_t>(size)};
    if (auto got = read(frame.payload.data(), size, until); !got)
        return got.error();
    return frame;
}

Link::Link(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Link::Link(Link&&) noexcept = default;
Link& Link::operator=(Link&&) noexcept = default;
Link::~Link() = default;

Result<Link> Link::connect(const std::string& address, std::uint16_t port, const Credentials& own,
                           const std::string& name, Deadline until)
{
    auto impl = std::make_unique<Impl>();
    impl->who = name + " (" + endpoint_text(address, port) + ")";
    auto context = tls::Context::load(own, tls::Side::connects);
    if (!context)
        return context.error();
    auto tcp = connect_tcp(address, port, impl->who, until);
    if (!tcp)
        return tcp.error();
    impl->tcp = std::move(*tcp);
    if (auto tuned = tune(impl->tcp.get(), impl->who); !tuned)
        return tuned.error();
    impl->session = tls::Session{*context, impl->tcp.get(), own};
    if (auto done = impl->handshake(until); !done)
        return done.error();
    if (auto agreed = impl->agree({&name, 1}, false, until); !agreed)
        return agreed.error();
    return Link{std::move(impl)};
}

Result<Link> Link::accept(Descriptor tcp, const Credentials& own,
                          std::span<const std::string> names, Deadline until)
{
    auto impl = std::make_unique<Impl>();
    impl->tcp = std::move(tcp);
    impl->who = peer_of(impl->tcp.get());
    auto context = tls::Context::load(own, tls::Side::accepts);
    if (!context)
        return context.error();
    if (auto tuned = tune(impl->tcp.get(), impl->who); !tuned)
        return tuned.error();
    impl->session = tls::Session{*context, impl->tcp.get(), own};
    if (auto done = impl->handshake(until); !done)
        return done.error();
    if (auto agreed = impl->agree(names, true, until); !agreed)
        return agreed.error();
    impl->who = impl->name + " (" + impl->who + ")";
    return Link{std::move(impl)};
}

const std::string& Link::peer_name() const
{
    return impl_->name;
}

int Link::fd() const
{
    return impl_->tcp.get();
}

bool Link::pending() const
{
    return impl_->session.pending();
}

Result<void> Link::send(std::uint8_t type, std::span<const std::uint8_t> payload, Deadline until)
{
    if (type == verdict)
        return Error{Errc::invalid, "type 0 is the link's own: give a message another one"};
    return impl_->send(type, payload, until);
}

Result<Frame> Link::receive(Deadline until)
{
    auto frame = impl_->receive(until);
    if (frame && frame->type == verdict)
        return Error{Errc::damaged, impl_->who + " sends a message without a type"};
    return frame;
}

} // namespace holdfast::service
