// SPDX-License-Identifier: Apache-2.0
//
// hookd/hook-server: takes what libvirt's hooks say, from hook-client.c.
//
// Nothing waits in a hook: a message is taken, handed on, answered.  A message that is not
// what it should be is logged in one line, answered, and changes nothing.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"

namespace holdfast::hookd {

/// One call of a hook.
/// Source: libvirt, docs/hooks.rst.
struct HookCall {
    std::string name;      // The domain's.
    std::string operation; // prepare, start, started, stopped, release, migrate, ...
    std::string sub;       // begin or end.
    std::string extra;     // Usually "-".
    std::string xml;       // The domain's.
};

/// The lengths in a message's first line, without its newline.
/// Errors: damaged, if it is no such line or a length is beyond its limit.
Result<std::array<std::size_t, 5>> parse_hook_header(std::string_view line);

/// The hook socket.
class HookServer {
public:
    /// Takes note of a call.  An error: libvirt is to give up what it is at, for that reason.
    using Handler = std::function<Result<void>(const HookCall&)>;

    /// Listens at `path`, for root only; a socket left there by an earlier run is replaced.
    /// Errors: io if it cannot be made.
    static Result<std::unique_ptr<HookServer>> start(boost::asio::io_context& io,
                                                     const std::string& path, Handler handler);
    /// Closes and removes the socket.
    ~HookServer();
    HookServer(const HookServer&) = delete;
    HookServer& operator=(const HookServer&) = delete;

    /// What the sessions share with the server, which may go before they end.
    struct Impl;

private:
    explicit HookServer(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
    std::shared_ptr<Impl> impl_;
};

} // namespace holdfast::hookd
