// SPDX-License-Identifier: Apache-2.0
//
// common/control-client: finding a daemon's socket, and the blocking client.
// The client for a daemon's loop is in control-client-async.cc.
#include <config.h>

#include "common/control-client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "common/control-client-detail.h"
#include "common/jsonrpc.h"
#include "common/run-directory.h"
#include "common/text.h"
#include "common/unix-address.h"

namespace holdfast {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string from_environment(const char* name, const char* otherwise)
{
    const char* value = std::getenv(name);
    return value && *value ? value : otherwise;
}

/// Whole milliseconds left for poll(), at least 0.
int left(Clock::time_point until)
{
    auto rest = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    return rest > 0 ? static_cast<int>(rest) : 0;
}

} // namespace

std::string detail::mend(const std::string& daemon)
{
    if (daemon == "ovs-vswitchd")
        return "start it with 'systemctl start openvswitch-switch'";
    return "start it with 'systemctl start " + daemon + "'";
}

Error detail::nobody_listens(const std::string& daemon, const std::string& path)
{
    return {Errc::unavailable,
            daemon + " is not running: nobody listens on " + path + "; " + mend(daemon)};
}

Error detail::ended(const std::string& daemon, const std::string& method)
{
    return {Errc::unavailable, daemon + " ended before it answered " + method +
                                   ": look at its log, then " + mend(daemon)};
}

Error detail::too_slow(const std::string& daemon, const std::string& method, milliseconds deadline)
{
    return {Errc::unavailable, daemon + " gave no answer to " + method + " within " +
                                   std::to_string(deadline.count()) +
                                   " ms: it is busy or hangs; look at its log"};
}

Error detail::nonsense(const std::string& daemon, const std::string& what)
{
    return {Errc::damaged, daemon + " does not speak the control protocol: " + what +
                               "; are its version and the socket's path right?"};
}

Result<std::string> detail::answer(const jsonrpc::Reply& reply)
{
    std::string text = reply.text;
    if (!text.empty() && text.back() == '\n')
        text.pop_back();
    if (!reply.ok)
        return Error{Errc::invalid, text};
    return text;
}

Result<std::string> find_control_socket(const std::string& program, const std::string& rundir)
{
    std::string folder =
        rundir.empty() ? from_environment("OVS_RUNDIR", "/var/run/openvswitch") : rundir;
    std::string name = folder + "/" + program + ".pid";
    std::ifstream file{name};
    if (!file)
        return Error{Errc::unavailable, program + " is not running: there is no " + name + "; " +
                                            detail::mend(program)};
    std::string line;
    std::getline(file, line);
    const auto pid = parse_number(line);
    if (!pid || *pid <= 0)
        return Error{Errc::damaged, name + " holds no process number; restart " + program};
    return folder + "/" + program + "." + std::to_string(*pid) + ".ctl";
}

std::string holdfast_control_socket(const std::string& program)
{
    return run_directory() + "/" + program + ".ctl";
}

struct ControlClient::Impl {
    Descriptor fd;
    std::string daemon;
    jsonrpc::Framer framer;
    std::int64_t last_id = 0;
    bool broken = false; // An answer to an earlier call could still come, or nothing can.

    Result<void> send_all(const std::string& bytes, const std::string& method,
                          Clock::time_point until, milliseconds deadline);
    Result<std::string> receive(const std::string& method, Clock::time_point until,
                                milliseconds deadline);
    Result<std::string> call(const std::string& method, const std::vector<std::string>& args,
                             milliseconds deadline);
    bool wait_for(short events, Clock::time_point until);
};

Result<ControlClient> ControlClient::connect(const std::string& path, const std::string& daemon,
                                             Milliseconds deadline)
{
    auto address = UnixAddress::of(path);
    if (!address)
        return address.error();
    auto impl = std::make_unique<Impl>();
    impl->daemon = daemon;
    impl->fd.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Bounds connect() too, which waits while the listener's backlog is full.
    auto us = std::chrono::microseconds{deadline}.count();
    timeval limit{static_cast<time_t>(us / 1000000), static_cast<suseconds_t>(us % 1000000)};
    if (impl->fd.get() < 0 ||
        ::setsockopt(impl->fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit))
        return Error{Errc::io, "cannot make a socket for " + daemon + ": " + std::strerror(errno)};
    if (::connect(impl->fd.get(), reinterpret_cast<const sockaddr*>(&address->sun),
                  sizeof address->sun)) {
        if (errno == ENOENT || errno == ECONNREFUSED)
            return detail::nobody_listens(daemon, path);
        if (errno == EAGAIN)
            return detail::too_slow(daemon, "a connection", deadline);
        return Error{Errc::io, "cannot connect to " + daemon + " at " + path + ": " +
                                   std::strerror(errno) +
                                   (errno == EACCES ? "; run this as root" : "")};
    }
    ::fcntl(impl->fd.get(), F_SETFL, O_NONBLOCK);
    return ControlClient{std::move(impl)};
}

ControlClient::ControlClient(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
ControlClient::ControlClient(ControlClient&&) noexcept = default;
ControlClient& ControlClient::operator=(ControlClient&&) noexcept = default;
ControlClient::~ControlClient() = default;

Result<std::string> ControlClient::call(const std::string& method,
                                        const std::vector<std::string>& args, Milliseconds deadline)
{
    if (impl_->broken)
        return Error{Errc::unavailable, "the connection to " + impl_->daemon + " was lost"};
    return impl_->call(method, args, deadline);
}

/// Returns false once the deadline is over.
bool ControlClient::Impl::wait_for(short events, Clock::time_point until)
{
    pollfd poll_fd{fd.get(), events, 0};
    for (;;) {
        int rest = left(until);
        int n = ::poll(&poll_fd, 1, rest);
        if (n > 0)
            return true;
        if (rest == 0)
            return false;
    }
}

Result<void> ControlClient::Impl::send_all(const std::string& bytes, const std::string& method,
                                           Clock::time_point until, milliseconds deadline)
{
    for (std::size_t sent = 0; sent < bytes.size();) {
        auto n = ::send(fd.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n >= 0)
            sent += static_cast<std::size_t>(n);
        else if (errno != EAGAIN && errno != EINTR)
            return detail::ended(daemon, method);
        else if (!wait_for(POLLOUT, until))
            return detail::too_slow(daemon, method, deadline);
    }
    return {};
}

/// The next whole message.
Result<std::string> ControlClient::Impl::receive(const std::string& method, Clock::time_point until,
                                                 milliseconds deadline)
{
    char chunk[65536];
    for (;;) {
        auto object = framer.next();
        if (!object)
            return detail::nonsense(daemon, object.error().message);
        if (*object)
            return std::move(**object);
        auto n = ::recv(fd.get(), chunk, sizeof chunk, 0);
        if (n > 0)
            framer.feed({chunk, static_cast<std::size_t>(n)});
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return detail::ended(daemon, method);
        else if (!wait_for(POLLIN, until))
            return detail::too_slow(daemon, method, deadline);
    }
}

Result<std::string> ControlClient::Impl::call(const std::string& method,
                                              const std::vector<std::string>& args,
                                              milliseconds deadline)
{
    auto until = Clock::now() + deadline;
    broken = true; // Unless this ends well.
    if (auto sent = send_all(jsonrpc::encode(jsonrpc::Request{++last_id, method, args}), method,
                             until, deadline);
        !sent)
        return sent.error();
    auto object = receive(method, until, deadline);
    if (!object)
        return object.error();
    auto reply = jsonrpc::parse_reply(*object);
    if (!reply)
        return detail::nonsense(daemon, reply.error().message);
    if (reply->id != last_id)
        return detail::nonsense(daemon, "the answer is to another request");
    broken = false;
    return detail::answer(*reply);
}

} // namespace holdfast
