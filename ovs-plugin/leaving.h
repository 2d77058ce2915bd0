// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/leaving: balancers that were deleted, and servers that were taken out of one, whose
// connections go on (spec B9: a connection once placed stays).
//
// For all that is made of a snapshot such a balancer is one whose servers are drained, and such a
// server is one of its balancer's that is never chosen: what the switches hold finds its way, there
// and back, and nobody gets a new connection.  A deleted one with external directors has none any
// more: the servers' answers are the VIP's still.  Servers of external directors do not leave so:
// those have put an end to their connections themselves.  Each is known to the switch that saw it
// go, and ends with that process. Pure; used by the reader's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "db/store.h"
#include "ovs-plugin/address.h"

namespace holdfast::plugin {

/// The state of a server that was taken out, in the snapshot that has them: it is in no table and
/// no round, so that its end, too, changes no choice among the others.
inline constexpr const char* leaving_state = "leaving";

/// Which of them.
struct LeavingKey {
    std::uint64_t number = 0; // That no other ever has.
    VipPort at;               // Its public address, or that of its server's balancer.
    std::optional<Ip> server; // Nothing: all of the balancer.
};

/// Of one switch.
class Leaving {
public:
    /// The store's rows were `before`, null if they were not known, and are `now`.
    /// Shape:   O(n log n) in balancers and servers.
    void look(const db::Snapshot* before, const db::Snapshot& now);
    /// Nobody holds connections by these any more.
    /// Returns: whether there were any of them.
    bool end(const std::set<std::uint64_t>& numbers);

    /// The snapshot with them; the same object if there are none.
    /// Shape:   likewise, with the addresses of VMs.
    std::shared_ptr<const db::Snapshot>
    with(const std::shared_ptr<const db::Snapshot>& snapshot) const;
    std::vector<LeavingKey> keys() const;

private:
    struct One {
        LeavingKey key;
        db::Balancer row; // With all that leaves, and no more.
        // Of a server whose balancer has a check: what it was found to be last.  Its row goes with
        // it.
        std::optional<db::ServerHealth> health = {};
    };
    /// Addresses of those that balancers have.
    using Servers = std::set<std::pair<const db::Balancer*, std::string_view>>;
    void leave(const VipPort& at, const db::Snapshot& was, const db::Balancer& before,
               const db::Balancer* now, const Servers& servers);
    std::vector<One> all_;
    std::uint64_t last_ = 0;
};

} // namespace holdfast::plugin
