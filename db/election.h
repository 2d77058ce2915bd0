// SPDX-License-Identifier: Apache-2.0
//
// db/election: which of the fleet's daemons of one kind may decide (DESIGN: the lease row).
//
// Pure state: no socket, no store; the time is the caller's, of a clock that only goes forward.  No
// two machines' clocks are compared: who follows counts from when it saw the leader's last beat,
// the leader from before it sent it, and gives up sooner.  Used on the daemon's loop only.
#pragma once

#include <chrono>

#include "db/fleet.h"

namespace holdfast::db {

/// One daemon's part in it.
///
///     follows ──(the row stands still for a lease, or is nobody's)──▶ asks for it
///        ▲                                                               │ won
///        └──(another term is seen, or no beat was taken in time)── leads ◀┘
class Election {
public:
    using Clock = std::chrono::steady_clock;

    /// What the daemon is to do now.
    enum class Step {
        nothing,
        take,  // Ask for a term of its own.
        renew, // Say that it lives.
    };

    /// `name`: the lease's; `self`: this hypervisor; `lease`: until another leads, if the leader is
    /// not heard of.
    Election(std::string name, std::string self, Clock::duration lease);

    /// By the row as this machine's store has it now; null: there is none yet.
    Step look(const Lease* row, Clock::time_point now);

    /// What to ask for with `step`: of the row as it was looked at last.
    /// `now_ns`: the wall clock's, from which the first period runs.
    LeaseStep asked_for(Step step, TimeNs now_ns) const;
    /// It was granted; `asked`: when it was asked for.
    void won(const Lease& row, Clock::time_point asked);
    /// What is asked for when it ends: the next leader need not wait.
    LeaseStep given_back() const;

    /// Whether it may decide: nobody else can by now.
    bool leads(Clock::time_point now) const { return ours_.term != 0 && now < until_; }
    /// Of the term in which it leads, or led last; 0: never.
    std::int64_t term() const { return ours_.term; }

private:
    std::string name_;
    std::string self_;
    Clock::duration lease_;
    Lease seen_; // As looked at last.
    Clock::time_point since_{};
    Lease ours_; // As granted last; a term of 0 while it follows.
    Clock::time_point asked_{};
    Clock::time_point until_{};
};

} // namespace holdfast::db
