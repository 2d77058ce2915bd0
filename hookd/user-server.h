// SPDX-License-Identifier: Apache-2.0
//
// hookd/user-server: the socket at which users, who are not root, ask about their services (S11).
//
// Everybody may connect; who it is the kernel says (SO_PEERCRED).  It has a thread of its own,
// which runs after all others: whatever users do, the daemon's loop gets whole questions alone, of
// those that user-rules let pass.  A connection is for one question, of 4096 bytes and 10 seconds.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "hookd/user-rules.h"

namespace holdfast::hookd {

/// The users' socket.
class UserServer {
public:
    using Json = nlohmann::json;
    using Done = std::function<void(Result<Json>)>;
    /// Answers a question of a user's; on the daemon's loop.
    using Handler = std::function<void(const Caller& caller, const std::string& method,
                                       const Json& arguments, Done done)>;

    /// Listens at `path`, in the control sockets' protocol; a socket left there is replaced.
    /// `io`: the daemon's loop.
    /// Errors: io if it cannot be made.
    static Result<std::unique_ptr<UserServer>> start(boost::asio::io_context& io,
                                                     const std::string& path, Handler handler);
    /// Closes and removes the socket, and ends the thread.
    ~UserServer();
    UserServer(const UserServer&) = delete;
    UserServer& operator=(const UserServer&) = delete;

    /// What the sessions share with the server.
    struct Impl;

private:
    explicit UserServer(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
    std::shared_ptr<Impl> impl_;
};

} // namespace holdfast::hookd
