// SPDX-License-Identifier: Apache-2.0
//
// env/container: makes and takes away users' containers on this hypervisor (spec Q8).
//
// A container is a domain of libvirt's LXC driver, with sshd as its first process; its root is a
// folder of links and of a small /etc, with the hypervisor's /usr in it, none of which it may
// write; its user's home is its own.  Texts are env/container-text's.  Blocks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "env/range.h"

namespace holdfast::env {

/// What a container may take of the hypervisor.
struct Limits {
    int cpu = 0;              // Thousandths of a processor.
    std::uint64_t memory = 0; // Bytes.
};

/// What hookd wants.
struct KeepOrder {
    std::string store;  // The SQLite file; containers' folders are in `environments` beside it.
    std::string rundir; // Where env/proc-fs is mounted: below `environments` in it.
    std::string node;   // This hypervisor.
    std::string bridge;
    std::optional<Range> range; // Of addresses; none: no users.
    std::string gateway;        // Empty: no route but to their own network.
    std::vector<std::string> users;
    std::map<std::string, Limits> limits; // By user; others' containers may take all.
};

/// How it is then.
struct Kept {
    std::map<std::string, std::string> there; // By user: his container's address.
    std::map<std::string, std::string>
        failed; // By user: why it cannot be made, held or taken away.
    std::map<std::string, std::uint64_t> used; // By user: bytes of memory that his container has.
};

/// Sees that these users have a container, and no others, and holds each to its limits.
/// Errors: unavailable if libvirt's LXC driver cannot be reached.
Result<Kept> keep(const KeepOrder& order);

} // namespace holdfast::env
