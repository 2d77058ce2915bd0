// SPDX-License-Identifier: Apache-2.0
//
// service/definition: what a service is, as far as its processes need to know.
//
// hookd makes it from the service's row and puts it into the service's folder as a line of JSON;
// holdfast-service reads it there.  Pure.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast::service {

/// What holdfast-service makes and starts.
struct Definition {
    std::string name;
    std::string interface;        // The end of its port that is in the bridge, at most 15 letters.
    std::string mac;              // Of the end inside, eth0.
    std::vector<std::string> ips; // Of eth0, each with its prefix length.
    std::string gateway;          // Of the default route; empty: there is none.
    bool offloads = false;        // eth0 may leave checksums and segments to the switch.
    std::string user;
    std::vector<std::string> command; // An absolute path, and arguments.
    std::string directory = "/";
    std::vector<std::string> environment; // "NAME=VALUE", over what the user's account gives.
    bool checkpoint = false; // It is run so that CRIU can take it: with the mounts of mounts.h.

    bool operator==(const Definition&) const = default;
};

/// One line of JSON.
std::string encode(const Definition& definition);
/// Errors: damaged, saying what is wrong.
Result<Definition> decode(const std::string& text);

} // namespace holdfast::service
