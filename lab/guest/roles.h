// SPDX-License-Identifier: Apache-2.0
//
// lab/guest/roles: the two things a lab guest can be.  Each runs until the guest ends.
#pragma once

#include "lab/guest/counts.h"

namespace lab {

/// Passes frames on: every unicast frame on `first` whose destination is not this guest goes
/// back out of it, byte by byte the same (its VLAN tag too), and is counted.  With `second` (else
/// null) what comes in at one of the two goes out at the other.  With a
/// `weight` an IPv4 packet leaves with that added to its type of service: see add_to_tos().
/// Errors:  1, with one line on standard error, if an interface cannot be opened.
int forward(const char* first, const char* second, uint8_t weight, Counts& counts);

/// Answers probe datagrams (an unchanged copy back to the sender) and TCP echo on port 7.
/// Errors:  1, with one line on standard error, if a port cannot be opened.
int serve(Counts& counts);

} // namespace lab
