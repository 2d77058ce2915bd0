// SPDX-License-Identifier: Apache-2.0
//
// sockets/neighbours: the MAC addresses that a service's kernel knows of those beside it.
//
// They go along with the service: at the target its kernel knows nobody, and would first have to
// ask, while the peers wait; and a question or an answer that is lost is asked again after a
// second.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast::sockets {

/// Somebody on the same network.
struct Neighbour {
    std::string ip;  // IPv4 or IPv6, as text.
    std::string mac; // As "02:00:00:00:00:01".

    bool operator==(const Neighbour&) const = default;
};

/// Those that are known at a device of the calling thread's namespace.
/// Errors: io.
Result<std::vector<Neighbour>> known_neighbours(const std::string& device);

/// Makes them known there.  The kernel uses each at once, and looks some seconds after its first
/// use whether it is still there.
/// Errors: io; invalid for what is no address.  Those before it are known then.
Result<void> make_known(const std::string& device, const std::vector<Neighbour>& neighbours);

} // namespace holdfast::sockets
