// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-rollout: brings a chain's change to all switches, step by step (spec C7).
//
// What the steps are is decided in hookd/chain-change.  Each is published, then every
// hypervisor says that its switch has it, and only then the next follows.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "hookd/chain-change.h"
#include "hookd/chain-over.h"
#include "hookd/daemon.h"

namespace holdfast::hookd {

/// Changes chains, one change of a chain at a time.
/// Thread: that of the io_context.
class ChainRollout {
public:
    /// The hypervisors that did not take part, because they have been silent for long; they
    /// follow when they come back.
    using Left = std::vector<std::string>;
    using Done = std::function<void(const Result<Left>&)>;

    explicit ChainRollout(Daemon& daemon) : daemon_{daemon} {}

    /// Adds it: no frame enters before every switch knows where it goes on.
    /// Errors: those of the fleet, and by the chains as they are then those of check_free() and
    ///         check_in_port(), then there is no such chain; unavailable as quiet_way_under()
    ///         and may_change_beside(), or if a hypervisor does not answer: a chain that comes over
    ///         another may be left closed, or with all hops that frames are led to; the error says
    ///         which.
    void add(const db::Chain& chain, Done done);
    /// Changes it under traffic.
    /// Errors: as change_steps(), then nothing is changed; unavailable if a hypervisor does not
    ///         answer, then the chain is left with all hops that frames are led to.
    void set(const db::Chain& from, const db::Chain& to, Done done);
    /// Removes it: what is inside of its hops goes the whole way first.
    /// Errors: those of the fleet; unavailable as for add(), for a chain that goes over another.
    void remove(const db::Chain& chain, Done done);

    /// All chains, those that are being added too: their names and numbers are taken.
    std::vector<db::Chain> taken() const;
    /// Whether the chain may be changed now.
    /// Errors: unavailable while this or another living hypervisor changes it; or as
    ///         may_change_beside(), which what is begun is judged by once more.
    Result<void> may_change(const db::Chain& chain) const;
    /// Whether there are steps from one to the other.
    /// Errors: as change_steps().
    Result<void> may_set(const db::Chain& from, const db::Chain& to) const;
    /// Ends what an earlier run of this daemon began.
    void resume();

private:
    using Work = boost::asio::awaitable<Result<Left>>;
    using Chains = std::vector<db::Chain>;
    /// What is to be done.
    struct Plan {
        std::string_view verb;          // Of db::ChainChange.
        std::vector<ChainStep> steps;   // At least one.
        std::optional<std::string> was; // Who changes the chain until now; none: it is new.
    };
    /// Makes it, by all chains as they are now.
    using Planner = std::function<Result<Plan>(const Chains& chains)>;
    void run(const db::Chain& chain, std::string_view verb, Planner planner, Done done);
    boost::asio::awaitable<void> to_its_end(db::Chain chain, Planner planner, Done done);
    Work change(const db::Chain& chain, const Planner& planner);
    Work change_once(const db::Chain& chain, const Planner& planner);
    Result<Plan> plan_add(const db::Chain& chain, const Chains& chains) const;
    Result<Plan> plan_set(const db::Chain& from, const db::Chain& to) const;
    Result<Plan> plan_remove(const db::Chain& chain, const Chains& chains) const;
    Work take_steps(Plan plan, std::optional<std::string> seen);
    std::string changer(const db::Chain& chain) const;
    std::set<std::string> busy(const Chains& chains) const;
    void resume_later();
    Result<Under> under(const db::Chain& chain, const Chains& chains) const;
    boost::asio::awaitable<Result<db::Seen<db::Chain>>> read_chains();
    boost::asio::awaitable<Result<void>> publish(const db::Chain& chain,
                                                 const std::optional<std::string>& was,
                                                 const std::optional<std::string>& seen);
    boost::asio::awaitable<Result<void>> withdraw(const std::string& name, const std::string& was);
    boost::asio::awaitable<Result<void>> ask_all(const std::vector<std::string>& others);
    Work in_place_everywhere();
    boost::asio::awaitable<void> wait(std::chrono::milliseconds time);
    std::string mark(std::string_view verb) const;

    Daemon& daemon_;
    boost::asio::steady_timer retry_{daemon_.io()};
    bool retries_ = false;                        // retry_ runs.
    std::map<std::string, std::string> changing_; // The chains that are changed now, and the verb.
    std::map<std::string, db::Chain> adding_;     // Those of them that may not be stored yet.
};

} // namespace holdfast::hookd
