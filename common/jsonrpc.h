// SPDX-License-Identifier: Apache-2.0
//
// common/jsonrpc: the messages of Open vSwitch's control protocol (unixctl).
//
// JSON-RPC 1.0 as ovs-appctl speaks it: objects one after the other on a stream, with
// nothing between them.  Pure: no socket, no clock.  Used by common/control-client and
// by whoever serves a control socket.  Any thread; a Framer belongs to one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace holdfast::jsonrpc {

/// A call: `method` with its arguments, all text.
struct Request {
    std::int64_t id = 0;           // Chosen by the caller; the reply carries it.
    std::string method;            // E.g. "holdfast/sync".
    std::vector<std::string> args; // In order; may be empty.

    bool operator==(const Request&) const = default;
};

/// The answer to the request with the same id.
struct Reply {
    std::int64_t id = 0; // The request's.
    bool ok = true;      // False: the other party refused, and `text` says why.
    std::string text;    // Result or error, as sent.

    bool operator==(const Reply&) const = default;
};

/// The bytes to send.  Text that is not UTF-8 has its wrong bytes replaced by U+FFFD.
/// Source: RFC 7047, section 4 and 4.1 (JSON-RPC 1.0); lib/jsonrpc.c, lib/unixctl.c.
std::string encode(const Request& request);
std::string encode(const Reply& reply);

/// Reads one object as cut out by a Framer.
/// Errors: damaged if it is not JSON, or not the kind of message asked for.
Result<Request> parse_request(std::string_view object);
Result<Reply> parse_reply(std::string_view object);

/// Cuts a stream into its objects, however the bytes are split on the way.
class Framer {
public:
    /// `limit`: the longest object accepted, in bytes.
    explicit Framer(std::size_t limit = std::size_t{64} << 20) : limit_{limit} {}

    /// Appends bytes as they were read.
    void feed(std::string_view bytes);

    /// The next whole object, if there is one.
    /// Errors: damaged for anything but an object, and for an object beyond the limit.
    ///         The stream is useless from there on: close it.
    Result<std::optional<std::string>> next();

    /// True between objects: the stream may end here.
    bool idle() const;

private:
    std::size_t limit_;
    std::string buffer_;      // Bytes not yet handed out.
    std::size_t scanned_ = 0; // How many of them were looked at.
    std::size_t begin_ = 0;   // Where the object begins, while depth_ is not 0.
    int depth_ = 0;           // Open braces and brackets.
    bool in_string_ = false;  // Inside quotes.
    bool escaped_ = false;    // After a backslash inside quotes.
};

} // namespace holdfast::jsonrpc
