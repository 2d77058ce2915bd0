// SPDX-License-Identifier: Apache-2.0
//
// service/caught: the sockets of a service, taken hold of at home: copies of its descriptors.
//
// Taking hold changes nothing.  A mark of each socket's SO_REUSEADDR is kept in the service's
// folder from before anything is touched, so that a process that knows nothing of the move can undo
// it. The thread is in the service's network namespace.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/descriptor.h"
#include "common/result.h"
#include "sockets/image.h"
#include "sockets/space.h"
#include "sockets/survey.h"

namespace holdfast::service {

/// A socket of the service.
struct Caught {
    std::uint64_t inode = 0;
    bool listens = false;
    bool connected = false;          // TCP, in any state of a connection.
    std::uint32_t waiting = 0;       // A listener's connections that wait to be accepted.
    std::string name;                // What the service is to know it by.
    sockets::Holder holder;          // One of the processes that have it.
    std::vector<std::uint8_t> state; // What the service said of it.
    Descriptor fd;
};

/// Every Internet socket that processes hold, once each.  Sockets that no process holds are the
/// kernel's own affair.  Names: "listen", "connection", "datagram", "socket".
/// Errors: io.
Result<std::vector<Caught>> catch_sockets(const std::vector<pid_t>& pids);

/// Fills a caught socket's kind in from its descriptor.
/// Errors: io.
Result<void> tell_kind(Caught& socket);

/// The inodes of those with SO_REUSEADDR, one a line; what go_on_all() reads.
std::string reuse_list(const std::vector<Caught>& sockets);

/// Has all of them go on here, after whatever a move has done to them: out of repair mode,
/// SO_REUSEADDR as `reuse` says, peers woken.  The lock is open.
/// Errors: io with the first that did not; the others go on all the same.
Result<void> go_on_all(sockets::Space& space, const std::vector<Caught>& sockets,
                       const std::string& reuse);

} // namespace holdfast::service
