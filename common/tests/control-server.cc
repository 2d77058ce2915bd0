// SPDX-License-Identifier: Apache-2.0
//
// common/tests/control-server: see control-server.h.
#include <config.h>

#include "common/tests/control-server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace holdfast::tests {

Folder::Folder()
{
    std::string name = std::filesystem::temp_directory_path() / "holdfast-test-XXXXXX";
    if (!::mkdtemp(name.data()))
        throw std::runtime_error{"cannot make " + name};
    path_ = name;
}

Folder::~Folder()
{
    std::filesystem::remove_all(path_);
}

ControlServer::ControlServer(const std::string& path, Script script)
    : path_{path}, script_{std::move(script)}
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    ::unlink(path.c_str());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) ||
        ::listen(listener_, 8))
        throw std::runtime_error{"cannot listen on " + path};
    thread_ = std::thread{[this] { serve(); }};
}

ControlServer::~ControlServer()
{
    ending_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    {
        std::lock_guard guard{lock_};
        if (open_ >= 0)
            ::shutdown(open_, SHUT_RDWR);
    }
    thread_.join();
    ::close(listener_);
    ::unlink(path_.c_str());
}

std::optional<std::string> ControlServer::echo(const jsonrpc::Request& request)
{
    std::string text = request.method;
    for (const auto& arg : request.args)
        text += " " + arg;
    return jsonrpc::encode(jsonrpc::Reply{request.id, true, text + "\n"});
}

void ControlServer::serve()
{
    for (;;) {
        int fd = ::accept(listener_, nullptr, nullptr);
        if (fd < 0)
            return;
        ++connections_;
        {
            std::lock_guard guard{lock_};
            open_ = fd;
        }
        if (!ending_)
            serve_one(fd);
        {
            std::lock_guard guard{lock_};
            open_ = -1;
        }
        ::close(fd);
    }
}

void ControlServer::serve_one(int fd)
{
    jsonrpc::Framer framer;
    char chunk[4096];
    for (;;) {
        auto n = ::recv(fd, chunk, sizeof chunk, 0);
        if (n <= 0)
            return;
        framer.feed({chunk, static_cast<std::size_t>(n)});
        while (auto object = framer.next()) {
            if (!*object)
                break;
            auto answer = script_(*jsonrpc::parse_request(**object));
            if (!answer)
                return;
            for (std::size_t sent = 0; sent < answer->size();) {
                auto m = ::send(fd, answer->data() + sent, answer->size() - sent, MSG_NOSIGNAL);
                if (m <= 0)
                    return;
                sent += static_cast<std::size_t>(m);
            }
        }
    }
}

} // namespace holdfast::tests
