// SPDX-License-Identifier: Apache-2.0
//
// db/fleet-server: starts the ovsdb-server that holds the fleet database.
//
// It is a process of its own and outlives the daemon: a restarted daemon finds it by its
// pid file and adopts it.  Used by `fleet init`, and by hookd's start on that hypervisor.
#pragma once

#include <string>

#include "common/result.h"

namespace holdfast::db {

/// Where the server listens when nothing else is said.
inline constexpr int fleet_port = 6650;
/// Between the members of a cluster.
inline constexpr int fleet_raft_port = 6651;

/// What to run, and where.
struct FleetServer {
    std::string database;  // The file, e.g. /var/lib/holdfast/fleet.db.
    std::string schema;    // db/fleet.ovsschema as installed.
    std::string rundir;    // For fleet.pid, fleet.sock, fleet.ctl, e.g. /run/holdfast.
    std::string log_file;  // E.g. /var/log/holdfast/fleet.log.
    std::string listen;    // Address for the fleet; empty: only the Unix socket.
    int port = fleet_port; // 0: chosen by the system (see the log), for tests.
    std::string
        cluster_local; // "tcp:ADDR:6651" makes it a member of a RAFT cluster; empty: standalone.
    std::string cluster_join; // "tcp:ADDR:6651[,...]" of members there are; empty: the first one.
    std::string private_key;  // PEM files; all three set: pssl: instead of ptcp:.
    std::string certificate;
    std::string ca_certificate;
};

/// Makes the database if it is missing, brings it to this program's schema, and starts the
/// server unless the one of the pid file answers.  Doing it twice changes nothing.  A file that
/// was made a cluster's member by hand (doc/fleet.md) is served as such.
/// Blocks for some tens of ms (it waits for the server's fork), at most 10 s.
/// Errors: io with the tool's own line if a tool fails; damaged if the file is not our database.
Result<void> start_fleet_server(const FleetServer& server);

/// Whether the server of this pid file answers.
bool fleet_server_runs(const FleetServer& server);

/// Ends it, if it runs; waits until it is gone, at most 10 s.
Result<void> stop_fleet_server(const FleetServer& server);

} // namespace holdfast::db
