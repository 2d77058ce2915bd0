// SPDX-License-Identifier: Apache-2.0
//
// hookd/fleet-note: what is remembered of the fleet beside the store, and how addresses of
// its database are written.
#pragma once

#include <string>

#include "common/result.h"
#include "db/fleet-server.h"

namespace holdfast::hookd {

/// The fleet that this hypervisor is in.
struct FleetNote {
    std::string address; // How to reach the database; empty: no fleet.
    std::string listen;  // Where our own ovsdb-server listens; empty: it is another's.
    bool joined = false; // Our number is the fleet's.

    bool operator==(const FleetNote&) const = default;
};

/// Reads the note; an empty one if there is no such file.
/// Errors: damaged, naming the file and the mend.
Result<FleetNote> load_fleet_note(const std::string& file);

/// Writes it, whole or not at all.
/// Errors: io.
Result<void> save_fleet_note(const std::string& file, const FleetNote& note);

/// Where a database listens.
struct Listen {
    std::string address;
    int port = db::fleet_port;

    bool operator==(const Listen&) const = default;
};

/// Reads an address as people write it: ADDR, ADDR:PORT, [ADDR]:PORT, tcp:ADDR:PORT, or
/// OVSDB's ptcp:PORT:ADDR.
/// Errors: invalid, with the mend.
Result<Listen> parse_listen(const std::string& text);

/// How OVSDB is told to connect there: tcp:ADDR:PORT, an IPv6 address in brackets.  ssl: and unix:
/// stay as they are; a host's name gets the port that is missing.
std::string remote_of(const std::string& text);

} // namespace holdfast::hookd
