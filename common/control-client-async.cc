// SPDX-License-Identifier: Apache-2.0
//
// common/control-client-async: the client for a daemon's loop.
//
// call() puts a Job into the queue and waits on the job's own timer, which is its
// deadline and its wake-up in one.  One coroutine, work(), runs while there are jobs and
// owns the socket.  Both hold Impl, so the client may go at any time.
#include <config.h>

#include "common/control-client.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>

#include "common/control-client-detail.h"
#include "common/jsonrpc.h"
#include "common/unix-address.h"

namespace holdfast {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

struct Job {
    Job(const asio::any_io_executor& executor, std::string method_, std::vector<std::string> args_)
        : method{std::move(method_)}, args{std::move(args_)}, timer{executor}
    {
    }

    /// Gives the answer and wakes the caller; the first answer counts.
    void finish(Result<std::string> answer)
    {
        if (!result)
            result = std::move(answer);
        timer.cancel();
    }

    std::string method;
    std::vector<std::string> args;
    asio::steady_timer timer;
    std::optional<Result<std::string>> result;
};

} // namespace

struct AsyncControlClient::Impl {
    Impl(asio::any_io_executor executor_, Locator locate_, std::string daemon_)
        : executor{std::move(executor_)}, locate{std::move(locate_)}, daemon{std::move(daemon_)},
          socket{executor}
    {
    }

    asio::any_io_executor executor;
    Locator locate;
    std::string daemon;
    asio::local::stream_protocol::socket socket;
    jsonrpc::Framer framer;
    std::int64_t last_id = 0;
    std::deque<std::shared_ptr<Job>> queue; // The first is under way.
    bool working = false;

    void disconnect();
    bool usable();
    Result<void> connect();
    void give_up(const std::shared_ptr<Job>& job);

    static asio::awaitable<void> work(std::shared_ptr<Impl> self);
    static asio::awaitable<Result<std::string>> carry_out(std::shared_ptr<Impl> self,
                                                          std::shared_ptr<Job> job);
    static asio::awaitable<Result<std::string>> receive(std::shared_ptr<Impl> self,
                                                        std::string method);
};

AsyncControlClient::AsyncControlClient(asio::any_io_executor executor, Locator locate,
                                       std::string daemon)
    : impl_{std::make_shared<Impl>(std::move(executor), std::move(locate), std::move(daemon))}
{
}

AsyncControlClient::~AsyncControlClient()
{
    close();
}

void AsyncControlClient::close()
{
    impl_->disconnect();
    for (const auto& job : impl_->queue)
        job->finish(Error{Errc::unavailable, "the connection to " + impl_->daemon + " was closed"});
}

asio::awaitable<Result<std::string>>
AsyncControlClient::call(std::string method, std::vector<std::string> args, Milliseconds deadline)
{
    auto impl = impl_;
    auto job = std::make_shared<Job>(impl->executor, std::move(method), std::move(args));
    job->timer.expires_after(deadline);
    impl->queue.push_back(job);
    if (!impl->working) {
        impl->working = true;
        asio::co_spawn(impl->executor, Impl::work(impl), asio::detached);
    }
    if (!job->result) {
        error_code ignored; // Expired and cancelled alike: the result tells them apart.
        co_await job->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (!job->result) {
        job->result = detail::too_slow(impl->daemon, job->method, deadline);
        impl->give_up(job);
    }
    co_return std::move(*job->result);
}

void AsyncControlClient::Impl::disconnect()
{
    error_code ignored; // Closing fails only for what is closed already.
    socket.close(ignored);
    framer = jsonrpc::Framer{};
}

/// A job under way frees the connection of its answer; one that waits is left for
/// work() to pass over.
void AsyncControlClient::Impl::give_up(const std::shared_ptr<Job>& job)
{
    if (!queue.empty() && queue.front() == job)
        disconnect();
}

/// Whether the connection of the last call still stands.  A daemon that restarted has
/// closed it, which is seen here, before anything is sent that could be lost.
bool AsyncControlClient::Impl::usable()
{
    if (!socket.is_open())
        return false;
    char byte;
    auto n = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/// Connecting to a Unix socket is done at once or fails, so this does not wait.
Result<void> AsyncControlClient::Impl::connect()
{
    if (usable())
        return {};
    disconnect();
    auto path = locate();
    if (!path)
        return path.error();
    auto address = UnixAddress::of(*path);
    if (!address)
        return address.error();
    error_code error;
    socket.open({}, error);
    if (!error)
        socket.non_blocking(true, error);
    if (!error && ::connect(socket.native_handle(), reinterpret_cast<sockaddr*>(&address->sun),
                            sizeof address->sun))
        error.assign(errno, boost::system::system_category());
    if (!error)
        return {};
    disconnect();
    if (error.value() == ENOENT || error.value() == ECONNREFUSED)
        return detail::nobody_listens(daemon, *path);
    return Error{error.value() == EAGAIN ? Errc::unavailable : Errc::io,
                 "cannot connect to " + daemon + " at " + *path + ": " + error.message()};
}

asio::awaitable<void> AsyncControlClient::Impl::work(std::shared_ptr<Impl> self)
{
    while (!self->queue.empty()) {
        auto job = self->queue.front();
        if (!job->result) {
            auto answer = co_await carry_out(self, job);
            if (!answer && answer.error().code != Errc::invalid)
                self->disconnect();
            job->finish(std::move(answer));
        }
        self->queue.pop_front();
    }
    self->working = false;
}

asio::awaitable<Result<std::string>> AsyncControlClient::Impl::carry_out(std::shared_ptr<Impl> self,
                                                                         std::shared_ptr<Job> job)
{
    if (auto connected = self->connect(); !connected)
        co_return connected.error();
    std::string bytes = jsonrpc::encode(jsonrpc::Request{++self->last_id, job->method, job->args});
    error_code error;
    co_await asio::async_write(self->socket, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error)
        co_return detail::ended(self->daemon, job->method);
    auto object = co_await receive(self, job->method);
    if (!object)
        co_return object.error();
    auto reply = jsonrpc::parse_reply(*object);
    if (!reply)
        co_return detail::nonsense(self->daemon, reply.error().message);
    if (reply->id != self->last_id)
        co_return detail::nonsense(self->daemon, "the answer is to another request");
    co_return detail::answer(*reply);
}

/// The next whole message.
asio::awaitable<Result<std::string>> AsyncControlClient::Impl::receive(std::shared_ptr<Impl> self,
                                                                       std::string method)
{
    std::vector<char> chunk(65536);
    for (;;) {
        auto object = self->framer.next();
        if (!object)
            co_return detail::nonsense(self->daemon, object.error().message);
        if (*object)
            co_return std::move(**object);
        error_code error;
        auto n = co_await self->socket.async_read_some(
            asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, error));
        if (error)
            co_return detail::ended(self->daemon, method);
        self->framer.feed({chunk.data(), n});
    }
}

} // namespace holdfast
