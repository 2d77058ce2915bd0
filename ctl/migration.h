// SPDX-License-Identifier: Apache-2.0
//
// ctl/migration: decides when `vm migrate --follow` is over, and how it ended.
//
// Pure: fed with what the store says, again whenever it changes.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/move-line.h"
#include "db/rows.h"

namespace holdfast::ctl {

/// One migration that was asked for, as it goes on.
class Migration {
public:
    using Clock = std::chrono::steady_clock;

    /// How long the end of the task and the end of the move may be apart.
    static constexpr std::chrono::seconds patience{15};

    /// `task` is what hookd answered; `before` are the moves that the store knew by then.
    Migration(std::string task, std::string vm, std::string to,
              const std::vector<MoveLine>& before);

    /// Takes what the store says now.
    void see(const std::vector<db::Task>& tasks, const std::vector<MoveLine>& moves,
             Clock::time_point now);

    /// The move, as soon as the switches know of it.
    const std::optional<MoveLine>& move() const { return move_; }

    /// How it ended, if it has: nothing if the guest runs at its destination, else one line
    /// that says why not.
    std::optional<Result<void>> ended(Clock::time_point now) const;

    /// What is going on, in a few words.
    std::string progress() const;

private:
    std::string task_;
    std::string vm_;
    std::string to_;
    std::set<std::string> before_; // Ids of earlier moves.
    std::optional<MoveLine> move_;
    std::string task_state_; // Empty while the store has no such task.
    std::string task_reply_;
    std::optional<Clock::time_point> one_ended_; // When the task or the move was first seen ended.
};

} // namespace holdfast::ctl
