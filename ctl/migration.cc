// SPDX-License-Identifier: Apache-2.0
//
// ctl/migration: see migration.h.
#include <config.h>

#include "ctl/migration.h"

namespace holdfast::ctl {

Migration::Migration(std::string task, std::string vm, std::string to,
                     const std::vector<MoveLine>& before)
    : task_{std::move(task)}, vm_{std::move(vm)}, to_{std::move(to)}
{
    for (const auto& line : before)
        before_.insert(line.id);
}

void Migration::see(const std::vector<db::Task>& tasks, const std::vector<MoveLine>& moves,
                    Clock::time_point now)
{
    for (const auto& task : tasks) {
        if (task.id == task_) {
            task_state_ = task.state;
            task_reply_ = task.reply;
        }
    }
    for (const auto& line : moves)
        if (line.vm == vm_ && !before_.contains(line.id))
            move_ = line;
    bool task_ended = task_state_ == "done" || task_state_ == "failed";
    bool move_ended = move_ && move_->outcome != Outcome::under_way;
    if ((task_ended || move_ended) && !one_ended_)
        one_ended_ = now;
}

std::optional<Result<void>> Migration::ended(Clock::time_point now) const
{
    if (!one_ended_)
        return std::nullopt;
    // The task knows why it failed; the move alone knows when the switches are done.
    bool arrived = move_ && move_->outcome == Outcome::done;
    bool back = move_ && move_->outcome == Outcome::back;
    bool failed = task_state_ == "failed";
    bool late = now - *one_ended_ >= patience;
    if (failed && (back || !move_ || late))
        return Error{Errc::invalid, task_reply_.empty() ? "the migration failed" : task_reply_};
    // A service's home has a copy to take away until its task is done, and refuses another move.
    if (arrived && !failed && (task_state_ == "done" || late))
        return Result<void>{};
    if (!late)
        return std::nullopt;
    if (back)
        return Error{Errc::invalid, "the migration failed; the VM goes on at " + move_->from +
                                        ", its chains too: see the log of libvirtd on " +
                                        move_->to};
    if (!move_ && task_state_ == "done")
        return Result<void>{};
    return Error{Errc::invalid, "libvirt has moved the VM to " + to_ +
                                    ", but the switches have not ended the move (" +
                                    (move_ ? move_->state : "unknown") +
                                    "): see 'holdfast status' on both"};
}

std::string Migration::progress() const
{
    if (move_)
        return progress_text(*move_);
    return task_state_.empty() ? "asked" : task_state_;
}

} // namespace holdfast::ctl
