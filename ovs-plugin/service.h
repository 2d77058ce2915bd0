// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/service: what the built-in director of this switch directs (spec B9 to B11), made from
// what the store says.  Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "db/store.h"
#include "ovs-plugin/address.h"
#include "ovs-plugin/answers.h"
#include "ovs-plugin/schedule.h"
#include "ovs-plugin/weights.h"

namespace holdfast::plugin {

/// A real server of a service.
struct Backend {
    Ip address{};
    Mac synthetic{}; // Leads to it.
    std::uint32_t weight = 0;
    std::uint32_t limit = 0;      // Connections; 0: any number.
    bool works = true;            // As far as probes tell.
    bool takes = true;            // New connections: it works, and is not draining.
    std::int64_t up_since_ns = 0; // CLOCK_REALTIME; 0: it was always up.
    Load load;                    // Of the policy `dynamic`.

    bool operator==(const Backend&) const = default;
};

/// A balanced address whose connections the switch places.
struct Service {
    std::string name;
    Ip vip{};
    std::uint16_t port = 0;
    std::uint8_t protocol = 0; // 6 or 17.
    Mac mac{};                 // That of the VIP.
    std::string policy;
    std::int64_t persistence_ms = 0;
    std::int64_t slow_start_ms = 0;
    std::vector<Backend> backends;       // The newest first, as IPVS has them.
    std::vector<Backend> leaving;        // Were taken out and hold connections: never chosen.
    std::optional<Backend> sorry;        // Gets what no other can.
    std::shared_ptr<const Maglev> table; // Of the policy `mh`; follows from `backends`.

    bool operator==(const Service& other) const;
};

/// All of them.
struct Directed {
    std::vector<Service> services;
    std::vector<Mac> vip_macs;              // Sorted.
    std::vector<Mac> server_macs;           // Sorted: who sends there passes the director by.
    std::shared_ptr<const Answers> answers; // To who asks for VIPs, and is here.
    // The same of those VIPs that this hypervisor holds: at ports that lead to a network which
    // hypervisors share, one of them answers.
    std::vector<Mac> held_macs;
    std::shared_ptr<const Answers> held_answers;

    bool operator==(const Directed& other) const;
};

/// What the store says is to be directed; null if there is nothing.
/// Shape:   `before` is the result before this one: what has not changed is not computed again,
///          which takes some ms for each service with the policy `mh`.
std::shared_ptr<const Directed> directed_of(const db::Snapshot& snapshot,
                                            const std::shared_ptr<const Directed>& before);

/// Whether this hypervisor holds the VIP: of those that are not lost it is the first by a hash.
bool holds(const std::vector<db::Hypervisor>& hypervisors, const Ip& vip);

} // namespace holdfast::plugin
