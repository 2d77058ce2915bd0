// SPDX-License-Identifier: Apache-2.0
//
// sockets/survey: which sockets a network namespace and its processes have (spec S7).
//
// Reads sock_diag and /proc of the calling thread's namespace, and the descriptors themselves for
// what those do not say.  Changes nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/descriptor.h"
#include "common/result.h"
#include "sockets/image.h"

namespace holdfast::sockets {

/// A socket as it was seen.
struct SocketSeen {
    std::uint64_t inode = 0;           // 0: no process holds it (any more, or yet).
    int domain = 0;                    // AF_INET, AF_INET6, AF_UNIX, AF_PACKET, AF_NETLINK, ...
    int type = 0;                      // SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, ...
    int protocol = 0;                  // IPPROTO_TCP, IPPROTO_UDP, IPPROTO_MPTCP, ...
    TcpState state = TcpState::closed; // TCP; Unix sockets use established, listening, closed.
    Endpoint local;                    // Internet.
    Endpoint remote;                   // Internet.
    std::uint32_t received = 0;   // Bytes that wait to be read; listener: connections not accepted.
    std::uint64_t arrived = 0;    // Connection: bytes that came since it was made here.
    std::uint32_t to_send = 0;    // Bytes written that the peer has not acknowledged.
    std::string ulp;              // Upper layer protocol on TCP: "tls", "mptcp", ...
    bool signed_segments = false; // TCP MD5 or TCP-AO keys.
    bool urgent = false;          // Urgent data waits, or waits to be passed.
    bool corked = false;          // UDP: a datagram is being put together.
    bool encapsulates = false;    // UDP_ENCAP.
    bool unreadable_filter = false; // An eBPF filter.
    bool foreign = false;           // Belongs to another network namespace.
    std::uint64_t peer_inode = 0;   // Unix: the other end; 0: none.
    std::string name;               // Unix: its path or @name.
};

/// Who holds a socket.
struct Holder {
    pid_t pid = 0;
    int fd = 0;
    std::string program; // comm of the process.
};

/// By inode: who holds it.
using Holders = std::multimap<std::uint64_t, Holder>;

/// Which sockets the processes hold, from /proc/PID/fd.  A process that has ended is passed over.
/// Errors: io if a process may not be looked at.
Result<Holders> holders_of(std::span<const pid_t> pids);

/// Every socket of the calling thread's namespace that the kernel lists, and every one that
/// `holders` hold; of those also what only a descriptor tells: upper layers, urgent data, keys,
/// filters.  Nothing is taken out of any, and no flag changed.
/// Shape: those that are held by nobody are this library's own, orphans, and connections that have
/// not been accepted.
/// Errors: io.
Result<std::vector<SocketSeen>> survey(const Holders& holders);

/// A copy of a process's descriptor (pidfd_getfd).
/// Errors: not_found if it has gone; io.
Result<Descriptor> take(const Holder& holder);

/// Multicast groups that a process has joined in this namespace, as "239.1.1.1 on eth0": the
/// kernel does not say by which socket.
/// Errors: io.
Result<std::vector<std::string>> multicast_groups();

} // namespace holdfast::sockets
