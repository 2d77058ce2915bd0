// SPDX-License-Identifier: Apache-2.0
//
// sockets/options: which socket options are kept, in one table.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "sockets/image.h"

namespace holdfast::sockets {

/// The options of sockets in one namespace.  An image has only those that differ from a new
/// socket's, so what the service never set follows the namespace that it is in.
class Options {
public:
    /// Learns what new sockets have in the calling thread's namespace.
    /// Errors: io.
    static Result<Options> learn();

    /// The options of the socket that differ from a new one's.
    /// Errors: invalid if it has a filter that cannot be read (eBPF); io.
    Result<std::vector<OptionValue>> read(int fd, Kind kind, std::uint8_t family) const;

    /// Sets them.  Those that must be there before bind() are set if `before_bind`, the others if
    /// not.
    /// Errors: too_new if the table has no such number; unavailable with the option's name if this
    /// kernel does not take it.
    static Result<void> apply(int fd, const std::vector<OptionValue>& values, bool before_bind);

private:
    struct Fresh {
        bool known = false; // Whether sockets of this kind have the option.
        std::string value;
    };
    // By kind of new socket (TCP or UDP, IPv4 or IPv6), a value for each row of the table.
    std::array<std::vector<Fresh>, 4> fresh_;
};

} // namespace holdfast::sockets
