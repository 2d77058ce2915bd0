// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/leaving: balancers that were deleted, and whose connections go on (spec B9: a
// connection once placed stays).
//
// For all that is made of a snapshot such a balancer is one whose servers are drained: what the
// switches hold finds its way, there and back, and nobody gets a new connection.  One with external
// directors has none any more: the servers' answers are the VIP's still.  It is known to the switch
// that saw it go, and ends with that process.  Pure; used by the reader's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "db/store.h"
#include "ovs-plugin/address.h"

namespace holdfast::plugin {

/// Which of them, by a number that no other ever has, and its public address.
using LeavingKey = std::pair<std::uint64_t, VipPort>;

/// Of one switch.
class Leaving {
public:
    /// The store's rows were `before`, null if they were not known, and are `now`.
    /// Shape:   O(balancers * log).
    void look(const db::Snapshot* before, const db::Snapshot& now);
    /// Nobody holds connections by these any more.
    /// Returns: whether there were any of them.
    bool end(const std::set<std::uint64_t>& numbers);

    /// The snapshot with them; the same object if there are none.
    std::shared_ptr<const db::Snapshot>
    with(const std::shared_ptr<const db::Snapshot>& snapshot) const;
    std::vector<LeavingKey> keys() const;

private:
    struct One {
        LeavingKey key;
        db::Balancer row;
    };
    std::vector<One> all_;
    std::uint64_t last_ = 0;
};

} // namespace holdfast::plugin
