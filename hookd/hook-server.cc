// SPDX-License-Identifier: Apache-2.0
//
// hookd/hook-server: see hook-server.h.
#include <config.h>

#include "hookd/hook-server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <charconv>

#include <spdlog/spdlog.h>

#include "common/text.h"
#include "hookd/domain-xml.h"

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

using Socket = asio::local::stream_protocol::socket;

constexpr std::string_view greeting = "HOLDFAST-HOOK 1 ";
constexpr std::size_t header_limit = 128;
constexpr std::size_t argument_limit = 1 << 10;
constexpr int backlog = 64;
constexpr auto time_limit = std::chrono::seconds{3}; // The client gives up after one.

Error damaged(const std::string& what)
{
    return {Errc::damaged, what};
}

HookCall take_apart(std::string_view body, const std::array<std::size_t, 5>& lengths)
{
    HookCall call;
    std::array<std::string*, 5> parts{&call.name, &call.operation, &call.sub, &call.extra,
                                      &call.xml};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        parts[i]->assign(body.substr(0, lengths[i]));
        body.remove_prefix(lengths[i]);
    }
    return call;
}

/// Reads one message.
asio::awaitable<Result<HookCall>> receive(Socket& socket)
{
    boost::system::error_code failed;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    std::string data;
    std::size_t length = co_await asio::async_read_until(
        socket, asio::dynamic_buffer(data, header_limit), '\n', token);
    if (failed)
        co_return damaged("no first line (" + failed.message() + ")");
    auto lengths = parse_hook_header(std::string_view{data}.substr(0, length - 1));
    if (!lengths)
        co_return lengths.error();
    std::size_t total = 0;
    for (std::size_t part : *lengths)
        total += part;
    data.erase(0, length);
    if (data.size() > total)
        co_return damaged("longer than its first line says");
    std::size_t have = data.size();
    data.resize(total);
    co_await asio::async_read(socket, asio::buffer(data.data() + have, total - have), token);
    if (failed)
        co_return damaged("cut off (" + failed.message() + ")");
    co_return take_apart(data, *lengths);
}

} // namespace

struct HookServer::Impl : std::enable_shared_from_this<HookServer::Impl> {
    Impl(asio::io_context& context, Handler on_call)
        : io{context}, acceptor{context}, handler{std::move(on_call)}
    {
    }

    /// Waits for the next caller; the chain ends when the acceptor is closed.
    void accept()
    {
        acceptor.async_accept(
            [self = shared_from_this()](boost::system::error_code failed, Socket socket) {
                if (failed == asio::error::operation_aborted)
                    return;
                if (!failed) {
                    asio::co_spawn(self->io, session(self, std::move(socket)), asio::detached);
                }
                self->accept();
            });
    }

    static asio::awaitable<void> session(std::shared_ptr<Impl> self, Socket socket)
    {
        boost::system::error_code failed;
        asio::steady_timer limit{self->io, time_limit};
        limit.async_wait([&socket](boost::system::error_code cancelled) {
            if (!cancelled)
                socket.close(cancelled);
        });
        auto call = co_await receive(socket);
        std::string answer = "ok\n";
        if (!call) {
            spdlog::warn("hook: message refused, {}: nothing was changed", call.error().message);
            answer = "refused: " + call.error().message + "\n";
        } else if (self->acceptor.is_open()) {
            if (auto may = self->handler(*call); !may)
                answer = "no: " + one_line(may.error().message) + "\n";
        }
        co_await asio::async_write(socket, asio::buffer(answer),
                                   asio::redirect_error(asio::use_awaitable, failed));
        limit.cancel();
        // The timer's handler must have run before the socket that it names goes.
        co_await asio::post(self->io, asio::use_awaitable);
    }

    asio::io_context& io;
    asio::local::stream_protocol::acceptor acceptor;
    Handler handler;
    std::string path;
};

Result<std::array<std::size_t, 5>> parse_hook_header(std::string_view line)
{
    if (!line.starts_with(greeting))
        return damaged("\"" + one_line(line, 40) + "\" is not a hook's first line");
    line.remove_prefix(greeting.size());
    std::array<std::size_t, 5> lengths{};
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        auto [end, failed] = std::from_chars(line.data(), line.data() + line.size(), lengths[i]);
        if (failed != std::errc{})
            return damaged("a length in its first line is not a number");
        line.remove_prefix(static_cast<std::size_t>(end - line.data()));
        bool last = i + 1 == lengths.size();
        if (last ? !line.empty() : !line.starts_with(' '))
            return damaged("its first line does not have five lengths");
        line.remove_prefix(last ? 0 : 1);
        if (lengths[i] > (last ? domain_xml_limit : argument_limit))
            return damaged("it is too long");
    }
    return lengths;
}

Result<std::unique_ptr<HookServer>> HookServer::start(asio::io_context& io, const std::string& path,
                                                      Handler handler)
{
    auto impl = std::make_shared<Impl>(io, std::move(handler));
    impl->path = path;
    unlink(path.c_str());
    asio::local::stream_protocol::endpoint endpoint{path};
    boost::system::error_code failed;
    impl->acceptor.open(endpoint.protocol(), failed);
    mode_t mask = umask(0177);
    if (!failed)
        impl->acceptor.bind(endpoint, failed);
    umask(mask);
    if (!failed)
        impl->acceptor.listen(backlog, failed);
    if (failed)
        return Error{Errc::io, "hook socket " + path + " cannot be made: " + failed.message()};
    impl->accept();
    return std::unique_ptr<HookServer>{new HookServer{impl}};
}

HookServer::~HookServer()
{
    boost::system::error_code failed;
    impl_->acceptor.close(failed);
    unlink(impl_->path.c_str());
}

} // namespace holdfast::hookd
