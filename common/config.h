// SPDX-License-Identifier: Apache-2.0
//
// common/config: the configuration file that all daemons read.
//
// Lines of `key = value`; `#` starts a comment; blank lines count for nothing.  A key that
// nobody knows is an error that names the nearest one.  Read once, at the start.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace holdfast {

/// What the operator set, and the defaults for the rest.
struct Config {
    std::string file;           // Where it was read from; empty: defaults only.
    std::string hypervisor;     // This machine's name; default: the host name.
    std::string bridge = "br0"; // The bridge that VMs are plugged into.
    std::string fabric; // Which network the bridge's uplinks are in; one where it is the same.
    std::string vtep;   // Our tunnel end's IP address; empty: no tunnel.
    std::string fleet_address;                  // e.g. tcp:192.0.2.1:6650; empty: as stored.
    std::string libvirt_uri = "qemu:///system"; // Whose VMs we watch.
    std::string migration_uri = "qemu+ssh://{hypervisor}/system"; // A peer's libvirtd.
    std::string migration_network; // URI for the stream; empty: libvirt chooses.
    std::string store;             // The SQLite file.
    std::string ovs_db;            // Open vSwitch's database; empty: its default.
    // This hypervisor's files for the connections of services' moves, in PEM.
    std::string ca_certificate = HOLDFAST_SYSCONFDIR "/holdfast/pki/ca.pem"; // The fleet's CA.
    std::string certificate = HOLDFAST_SYSCONFDIR "/holdfast/pki/certificate.pem";
    std::string private_key = HOLDFAST_SYSCONFDIR "/holdfast/pki/key.pem";
    // Of quotas (holdfast-schedd).
    int capacity = 0;           // Units that this machine gives to users in all.
    int quota_base = 30;        // Units that one hypervisor gives one user.
    int quota_period_days = 30; // From one review of shares to the next.
    // Loads in hundredths of all that a hypervisor has: schedd/policy.h says what follows.
    int quota_candidate_load = 80;
    int quota_grow_at = 75;
    int quota_shrink_at = 30;
    int quota_use_at = 50;
    int quota_spare_at = 85;
    int quota_interval_s = 3600;   // From one accounting of what users use to the next.
    std::string quota_caps = "on"; // Whether users' services are capped: or "off".
    int schedd_lease_s = 30;       // Until another leads, if the leader is not heard of.
    // Of balance (holdfast-schedd).  Loads in hundredths: schedd/policy.h says what follows.
    int balance_interval_s = 60; // From one round to the next; 0: none.
    int balance_average_s = 300; // Over which loads are averaged.
    int balance_threshold = 80;
    int balance_maximum = 95;
    int balance_leader_threshold = 70;
    int balance_imbalance = 15;
    int balance_even = 5;
    int balance_hold = 3;   // Rounds.
    int balance_moves = 10; // At once.
    int balance_rest_s = 1800;
    int balance_give_up_after = 3; // Moves.
    int balance_aside_at = 10;
    int balance_merge_at = 25;
    int balance_join_from = 3;                // Hypervisors.
    std::string balance_at_maximum = "worst"; // Or "all".
    std::string balance_on_return = "back";   // Or "exchange".
    std::string balance_join_takes = "parts"; // Or "heaviest".
    int node_cpus = 0;              // Processors of this hypervisor; 0: all of the machine.
    std::string node_control_group; // What runs on it; empty: all that runs on the machine.
    // Of environments: the range of addresses that users' containers here have, and their gateway.
    std::string environment_addresses; // FIRST-LAST/PREFIX; empty: no containers.
    std::string environment_gateway;   // Empty: they have none.
    int recovery_lease_s = 30;         // After which others may replace VMs of one that is cut off.
    std::string rate_hour_a_day = "10";      // Units, or UNITS/QUANTITY, for an hour of each day,
    std::string rate_hour_a_week = "10/7";   // of each week,
    std::string rate_gib = "1/10";           // a GiB of storage,
    std::string rate_work_an_hour = "1/100"; // a piece of work an hour.
    std::string log_level = "info";          // trace, debug, info, warning or error.
    std::string log_file;                    // Empty: standard error.

    bool operator==(const Config&) const = default;
};

/// Where the file is unless a program was told otherwise: $HOLDFAST_CONF, or else
/// SYSCONFDIR/holdfast/holdfast.conf.
std::string default_config_file();

/// Reads the text of a configuration file; `file` is its name in messages.
/// Errors: invalid, naming file, line, what is wrong and the mend.
Result<Config> parse_config(std::string_view text, const std::string& file);

/// Reads `file`.  A file that is missing gives the defaults.
/// Errors: as parse_config; io if the file is there but cannot be read.
Result<Config> load_config(const std::string& file);

} // namespace holdfast
