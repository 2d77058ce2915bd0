// SPDX-License-Identifier: Apache-2.0
//
// recovery/plan: who replaces a VM, and how (spec recovery.md, R4, R6, R10).
//
// A value without I/O or clock: made of the VMs that there are and a policy.  Used by `holdfast
// recovery plan`.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/result.h"
#include "recovery/index.h"
#include "recovery/policy.h"
#include "recovery/similarity.h"

namespace holdfast::recovery {

/// How a VM is recovered.
enum class Way {
    restart, // Its own disks can be reached from elsewhere: it is started there.
    adopt,   // A similar VM that runs takes its place.
    clone,   // A new VM on a copy of a similar one's disk, and what is missing installed.
};
inline const std::vector<Way> all_ways{Way::restart, Way::adopt, Way::clone};

std::string_view name_of(Way way);
/// "restart,adopt" as ways in this order.
/// Errors:  invalid: no way, one twice, or none at all.
Result<std::vector<Way>> parse_ways(std::string_view text);
std::string text_of(const std::vector<Way>& ways);

/// A VM of the fleet.
struct PoolVm {
    std::string id;
    std::string name;
    std::string hypervisor;
    bool running = false;
    bool reachable = true;     // Its hypervisor is heard of.
    bool shared_disks = false; // Other hypervisors reach its disks.
    Specification specification;
};

/// What an operator, or a policy, says of one VM's recovery.
struct Wish {
    std::vector<Way> ways = all_ways; // In the order in which they are tried.
    std::string pinned;    // The id of the VM that alone may replace it, or empty: who is like it.
    std::size_t most = 10; // Candidates that are looked at closely.
};

struct Candidate {
    std::size_t vm = 0; // Its place in the pool.
    Match match;
    bool passes = false; // It reaches the threshold, or is pinned.
    bool pinned = false;
    std::optional<Way> way; // The first of the wish's ways for which it can be used.
};

struct Plan {
    /// The best first; a pinned one in front.  One that is chosen is there, however many are
    /// wanted.
    std::vector<Candidate> candidates;
    std::optional<Way> way;            // None: it cannot be recovered; then `why`.
    std::optional<std::size_t> chosen; // Of the candidates; none when it is restarted.
    std::string hypervisor;            // Where it will be; empty where it is a candidate's.
    std::string why;                   // One line: why there is no way, and the mend.
};

class Pool {
public:
    /// `free`: hypervisors where a VM can be started, whether any is there or not.
    Pool(std::vector<PoolVm> vms, Policy policy, std::set<std::string> forbidden = {},
         std::set<std::string> free = {});

    /// Of the VM at this place of the pool.
    /// Errors:  none: see Plan::why.
    Plan plan(std::size_t vm, const Wish& wish) const;

    const std::vector<PoolVm>& vms() const { return vms_; }
    /// By id, or else by name.
    /// Errors:  not_found, with the nearest name; invalid if several have the name.
    Result<std::size_t> find(const std::string& id_or_name) const;

private:
    Query query_for(std::size_t vm, const Wish& wish) const;
    bool may_replace(std::size_t candidate, std::size_t vm, const std::vector<Way>& ways) const;
    bool before(std::size_t a, std::size_t b, const std::string& failed) const;
    Candidate candidate(std::size_t place, std::size_t vm, const Wish& wish) const;
    void choose(Plan& plan, std::size_t vm, const Wish& wish) const;
    std::optional<std::size_t> best_for(Plan& plan, std::size_t vm, const Wish& wish,
                                        Way way) const;
    std::string quietest(const std::string& failed) const;
    std::string why_none(const Plan& plan, std::size_t vm, const Wish& wish) const;
    std::string why_not_pinned(std::size_t vm, const Wish& wish) const;
    std::vector<ElementNumber> numbers_of(const Specification& specification, Weight* others) const;

    std::vector<PoolVm> vms_;
    Policy policy_;
    std::set<std::string> forbidden_; // Ids of VMs that replace none.
    std::set<std::string> free_;
    std::map<std::string, std::int64_t> loads_;              // CPUs of running VMs, by hypervisor.
    std::unordered_map<std::string, ElementNumber> numbers_; // By key_of().
    std::unique_ptr<const Index> index_;
};

} // namespace holdfast::recovery
