// SPDX-License-Identifier: Apache-2.0
//
// hookd/user-server: see user-server.h.
#include <config.h>

#include "hookd/user-server.h"

#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <thread>

#include <spdlog/spdlog.h>

#include "common/json-text.h"
#include "common/jsonrpc.h"
#include "common/text.h"
#include "hookd/await.h"

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

using Socket = asio::local::stream_protocol::socket;
using Json = nlohmann::json;

constexpr std::size_t question_limit = 4096;
constexpr auto time_limit = std::chrono::seconds{10}; // For question, answer and its reading.
constexpr auto accept_again = std::chrono::seconds{1};
constexpr int after_others = 19;

/// Who is at the other end.
Result<uid_t> user_at(Socket& socket)
{
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return Error{Errc::io, "the kernel does not say who asks"};
    return peer.uid;
}

/// Errors: not_found, one line, for a user without a name here.
Result<Caller> caller_of(uid_t uid)
{
    std::array<char, 16384> buffer;
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
        return Error{Errc::not_found,
                     "user " + std::to_string(uid) + " has no name on this hypervisor"};
    return Caller{uid, found->pw_name};
}

/// Reads one question.
/// Errors: damaged, one line; the connection is of no use then.
asio::awaitable<Result<jsonrpc::Request>> receive(Socket& socket)
{
    jsonrpc::Framer framer{question_limit};
    std::array<char, 1024> part;
    const auto buffer = asio::buffer(part);
    for (;;) {
        boost::system::error_code failed;
        auto token = asio::redirect_error(asio::use_awaitable, failed);
        const std::size_t n = co_await socket.async_read_some(buffer, token);
        if (failed)
            co_return Error{Errc::damaged, "no question came (" + failed.message() + ")"};
        framer.feed({part.data(), n});
        auto object = framer.next();
        if (!object)
            co_return object.error();
        if (*object)
            co_return jsonrpc::parse_request(**object);
    }
}

} // namespace

struct UserServer::Impl : std::enable_shared_from_this<UserServer::Impl> {
    Impl(asio::io_context& main, Handler on_question)
        : daemon{main}, handler{std::move(on_question)}
    {
    }

    void accept()
    {
        acceptor.async_accept(
            [self = shared_from_this()](boost::system::error_code failed, Socket socket) {
                if (failed == asio::error::operation_aborted)
                    return;
                if (failed) { // No descriptors, for example: not at once again.
                    self->accept_later();
                    return;
                }
                self->meet(std::move(socket));
                self->accept();
            });
    }

    void accept_later()
    {
        again.expires_after(accept_again);
        again.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
            if (!cancelled)
                self->accept();
        });
    }

    /// One too many hears so, if that can be said without waiting, and is closed.
    void meet(Socket socket)
    {
        const auto user = user_at(socket);
        const auto caller = user ? caller_of(*user) : Result<Caller>{user.error()};
        const uid_t share = user ? share_of(*user, bool(caller)) : 0;
        const auto may = user ? limits.open(share) : Result<void>{user.error()};
        if (may) {
            asio::co_spawn(io, session(shared_from_this(), std::move(socket), caller, share),
                           asio::detached);
            return;
        }
        const std::string line = jsonrpc::encode(jsonrpc::Reply{0, false, may.error().message});
        boost::system::error_code failed;
        socket.non_blocking(true, failed);
        socket.write_some(asio::buffer(line), failed);
    }

    static asio::awaitable<void> session(std::shared_ptr<Impl> self, Socket socket,
                                         Result<Caller> caller, uid_t share)
    {
        asio::steady_timer limit{self->io, time_limit};
        limit.async_wait([&socket](boost::system::error_code cancelled) {
            if (!cancelled)
                socket.close(cancelled);
        });
        auto question = co_await receive(socket);
        jsonrpc::Reply reply;
        if (question)
            reply = co_await answered(self, caller, share, std::move(*question));
        else
            reply = refusal(0, question.error());
        const std::string text = jsonrpc::encode(reply);
        boost::system::error_code failed;
        const auto buffer = asio::buffer(text);
        co_await asio::async_write(socket, buffer,
                                   asio::redirect_error(asio::use_awaitable, failed));
        limit.cancel();
        // The timer's handler must have run before the socket that it names goes.
        co_await asio::post(self->io, asio::use_awaitable);
        self->limits.close(share);
    }

    static jsonrpc::Reply refusal(std::int64_t id, const Error& why)
    {
        return {id, false, one_line(why.message)};
    }

    /// By the daemon's loop, if it is to be asked at all.
    static asio::awaitable<jsonrpc::Reply> answered(std::shared_ptr<Impl> self,
                                                    Result<Caller> caller, uid_t share,
                                                    jsonrpc::Request question)
    {
        auto asked = self->admitted(caller, share, question);
        if (!asked)
            co_return refusal(question.id, asked.error());
        std::function<void(std::function<void(const Result<Json>&)>)> ask =
            [self, asked = *asked,
             method = question.method](std::function<void(const Result<Json>&)> done) {
                asio::post(self->daemon, [self, asked, method, done] {
                    self->handler(asked.caller, method, asked.arguments, done);
                });
            };
        auto answer = co_await await_answer<Result<Json>>(self->io, std::move(ask));
        if (!answer)
            co_return refusal(question.id, answer.error());
        co_return jsonrpc::Reply{question.id, true, to_text(*answer)};
    }

    /// What the daemon's loop is to be asked.
    struct Asked {
        Caller caller;
        Json arguments;
    };
    /// Errors: one line.
    Result<Asked> admitted(const Result<Caller>& caller, uid_t share,
                           const jsonrpc::Request& question)
    {
        if (auto may = limits.ask(share, std::chrono::steady_clock::now()); !may)
            return may.error();
        if (auto may = may_ask(question.method); !may)
            return may.error();
        if (!caller)
            return caller.error();
        Asked asked{*caller, Json::object()};
        if (!question.args.empty())
            asked.arguments = Json::parse(question.args[0], nullptr, false);
        if (!asked.arguments.is_object())
            return Error{Errc::invalid, "the argument is no JSON object: give one, or none"};
        return asked;
    }

    /// Its thread.
    void run()
    {
        setpriority(PRIO_PROCESS, 0, after_others); // Of this thread alone, in Linux.
        io.run();
    }

    asio::io_context& daemon;
    Handler handler;
    asio::io_context io{1};
    asio::local::stream_protocol::acceptor acceptor{io};
    asio::steady_timer again{io};
    UserLimits limits;
    std::string path;
    std::thread thread;
};

Result<std::unique_ptr<UserServer>> UserServer::start(asio::io_context& io, const std::string& path,
                                                      Handler handler)
{
    auto impl = std::make_shared<Impl>(io, std::move(handler));
    impl->path = path;
    unlink(path.c_str());
    const asio::local::stream_protocol::endpoint endpoint{path};
    boost::system::error_code failed;
    impl->acceptor.open(endpoint.protocol(), failed);
    if (!failed)
        impl->acceptor.bind(endpoint, failed);
    if (!failed && chmod(path.c_str(), 0666) != 0) // Who may what is user-rules'.
        failed = {errno, boost::system::system_category()};
    if (!failed)
        impl->acceptor.listen(asio::socket_base::max_listen_connections, failed);
    if (failed)
        return Error{Errc::io, "users' socket " + path + " cannot be made: " + failed.message()};
    impl->accept();
    sigset_t all{}, before{};
    sigfillset(&all); // Signals are the daemon's.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    impl->thread = std::thread{[impl] { impl->run(); }};
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return std::unique_ptr<UserServer>{new UserServer{impl}};
}

UserServer::~UserServer()
{
    impl_->io.stop();
    impl_->thread.join();
    boost::system::error_code failed;
    impl_->acceptor.close(failed);
    unlink(impl_->path.c_str());
}

} // namespace holdfast::hookd
