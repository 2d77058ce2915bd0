// SPDX-License-Identifier: Apache-2.0
//
// bench/connect: TCP connections of very many clients to a balanced address, both ends played here,
// so that every frame that the switch delivers is looked at.
//
// Client number i has the address 10.64.0.1 + i % 1000 and the port 10000 + i / 1000: each number
// is another connection.
#pragma once

#include <cstddef>

namespace holdfast::bench {

/// How far a connection goes.
enum class Extent {
    syn,    // It is done when its SYN is at a server.
    places, // The same; which server got it is said of each.
    whole,  // SYN, SYN ACK, ACK, FIN, FIN, ACK; done when the server's FIN is at the client.
};

/// Opens connections of the clients `first` to `first` + `count` - 1, with `window` of them
/// outstanding; those of which nothing more has come for 200 ms are given up as missing.
///
/// Reads from standard input, once each but for servers, MAC addresses as they are in frames:
///     client PID INTERFACE MAC
///     vip MAC ADDRESS PORT                     where clients send to
///     server PID INTERFACE MAC ADDRESS PORT    what must arrive there
/// Says in a line of JSON how many were done, which are "wrong" (addresses or checksums are not
/// what they should be) or missing, and how long it took; of `places`, then a line of servers'
/// numbers in the order given, one a client, -1 where there was none. Returns: the program's exit
/// status.
int connect(Extent extent, std::size_t first, std::size_t count, std::size_t window);

} // namespace holdfast::bench
