// SPDX-License-Identifier: Apache-2.0
//
// hookd/drain: decides which VM of a hypervisor that is drained goes where, and when.
//
// Pure: rows in, orders out.  commands-node.cc carries the orders out and feeds their ends
// back.  Considered are who is drained, who lives, whose shares VMs' owners have, and how many VMs
// run where; memory, processors and networks are not, since the store knows nothing of them:
// libvirt refuses a VM that does not fit, and the next hypervisor is tried.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// What a decision is made from: the store's rows, at one instant.
struct FleetView {
    const std::vector<db::Hypervisor>& hypervisors;
    const std::vector<db::Vm>& vms;
    const std::vector<db::Move>& moves;
    db::TimeNs now;
    /// Hypervisors outside of the share of its owner, by the VM's id (spec Q6).
    std::map<std::string, std::set<std::string>> closed = {};
};

/// Why VMs cannot go to `hypervisor` now, e.g. "hv3 is drained"; none if they can.
/// One that was never heard of has just joined, and can take VMs.
std::optional<std::string> refuses_vms(const db::Hypervisor& hypervisor, db::TimeNs now);

/// Whether `node` can be drained.
/// Errors: those of find_hypervisor; exists if it is drained and nothing runs there;
///         invalid if no other hypervisor could take its VMs, or if it is not heard of.
Result<void> check_drain(const FleetView& view, const std::string& node);

/// What runs on `node`, ports that others plugged among it, by name.
std::vector<db::Vm> running_on(const FleetView& view, const std::string& node);

/// Where to move a VM of `node`: to the one with the fewest running VMs, counting `coming`,
/// those on their way to each; of several the first by name.  Not to one of `tried`.
/// Errors: not_found, with why each of them cannot take it.
Result<std::string> choose_target(const FleetView& view, const std::string& node,
                                  const std::map<std::string, int>& coming,
                                  const std::set<std::string>& tried);

/// One drain, as it goes on.
///
///     (waits) ──next()──▶ moving ──moved()──▶ landed ──▶ gone
///        ▲                  │ failed()          its row names another hypervisor, or late
///        └── another target ┴──no target left, or tried thrice──▶ stays
///
/// A VM that somebody else is moving is `leaving` until that move has ended.
class Drain {
public:
    /// `parallel`: as many VMs are on their way at once, one at least.
    Drain(std::string node, std::size_t parallel) : node_{std::move(node)}, parallel_{parallel} {}

    /// As many at once from now on; those under way go on.
    void allow(std::size_t parallel) { parallel_ = parallel; }

    struct Order {
        db::Vm vm;
        std::string to;
    };
    /// Migrations to begin now.  To be asked again whenever something ended, and each second.
    std::vector<Order> next(const FleetView& view);

    /// libvirt has moved the VM.
    void moved(const std::string& vm, db::TimeNs now);
    /// libvirt has not; the VM goes on here.
    void failed(const std::string& vm, const std::string& why);

    /// Whether nothing is left to do, as of the last next().
    bool over() const;

    struct Outcome {
        std::string vm;  // Name.
        std::string to;  // Where it went; empty if it stays.
        std::string why; // Why it stays.
    };
    /// What became of each VM, by name.
    std::vector<Outcome> outcomes() const;

private:
    enum class State {
        waits,   // For its turn.
        moving,  // libvirt is at it, on our order.
        landed,  // libvirt is done; its row still names this node.
        leaving, // Somebody else moves it.
        gone,    // It runs elsewhere.
        stays,   // It cannot be moved.
    };
    struct Entry {
        State state = State::waits;
        std::string name;
        std::string to;
        std::string why;
        std::set<std::string> tried;
        db::TimeNs landed_at = 0;
    };
    void look(const FleetView& view);
    std::size_t on_their_way() const;
    std::map<std::string, int> coming(const FleetView& view) const;
    bool start(const FleetView& view, const std::string& vm, Entry& entry);

    std::string node_;
    std::size_t parallel_;
    std::map<std::string, Entry> entries_; // By the VM's id.
};

/// Services elsewhere that this node stands in for (spec S8), which no drain changes.
std::vector<Drain::Outcome> entered_by(const FleetView& view, const std::string& node);

} // namespace holdfast::hookd
