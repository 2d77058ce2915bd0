// SPDX-License-Identifier: Apache-2.0
//
// env/range: the addresses that a hypervisor gives to users' containers.
//
// Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "common/result.h"

namespace holdfast::env {

/// As holdfast.conf has it: FIRST-LAST/PREFIX, of IPv4.
struct Range {
    std::uint32_t first = 0, last = 0;
    int prefix = 0;

    bool operator==(const Range&) const = default;
};

/// Errors: invalid, saying what it is to be.
Result<Range> parse_range(const std::string& text);

/// The first address that nobody has.
/// Errors: unavailable if all are taken.
Result<std::string> pick(const Range& range, const std::set<std::string>& taken);

/// The MAC address of who has that address: the same whenever it is made anew, so that what its
/// neighbours remember stays true.
std::string mac_of(const std::string& address);
/// The UUID of its container, and of the container's port, likewise.
std::string uuid_of(const std::string& address);
/// Whether a domain with that UUID is one of ours.
bool is_ours(const std::string& uuid);

/// Whether the address is one of them.
bool contains(const Range& range, const std::string& address);

} // namespace holdfast::env
