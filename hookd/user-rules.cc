// SPDX-License-Identifier: Apache-2.0
//
// hookd/user-rules: see user-rules.h.
#include <config.h>

#include "hookd/user-rules.h"

#include <algorithm>

#include "db/service-text.h"

namespace holdfast::hookd {
namespace {

// Of more than this those are forgotten who have not asked for long.
constexpr std::size_t many_users = 1024;

Error busy(const std::string& line)
{
    return {Errc::unavailable, line};
}

} // namespace

Result<void> may_ask(const std::string& method)
{
    for (const char* known : {"service/list", "service/migrate", "service/task"})
        if (method == known)
            return {};
    return Error{Errc::invalid, "users list, show and migrate their own services: ask the "
                                "administrator for all else"};
}

Result<void> may_begin_move(const Caller& caller, const std::vector<db::Service>& his)
{
    const auto moving = std::count_if(his.begin(), his.end(),
                                      [](const db::Service& row) { return row.state == "moving"; });
    if (!caller.is_administrator() && moving >= most_user_moves)
        return busy(std::to_string(moving) +
                    " of your services move already: wait until one of them has arrived");
    return {};
}

bool Bucket::take(Time now, double most, double a_second)
{
    left = std::min(most, left + std::chrono::duration<double>(now - since).count() * a_second);
    since = now;
    if (left < 1)
        return false;
    left -= 1;
    return true;
}

Result<void> UserMoves::begin(const Caller& caller, Bucket::Time now)
{
    constexpr double seconds_of_minute = 60;
    auto& bucket = users_.try_emplace(caller.uid, Bucket{burst, now}).first->second;
    if (caller.is_administrator() || bucket.take(now, burst, a_minute / seconds_of_minute))
        return {};
    return busy("you begin more than " + std::to_string(a_minute) +
                " moves a minute: wait a moment");
}

Result<void> UserLimits::open(uid_t user)
{
    if (connections_ >= most_of_all)
        return busy("too many users ask at once: try again");
    Use& use = users_[user];
    if (use.connections >= most_of_one)
        return busy("you have " + std::to_string(most_of_one) +
                    " connections already: close one of them");
    ++use.connections;
    ++connections_;
    return {};
}

void UserLimits::close(uid_t user)
{
    --users_[user].connections;
    --connections_;
}

Result<void> UserLimits::ask(uid_t user, Time now)
{
    forget_idle(now);
    if (users_[user].questions.take(now, burst, a_second))
        return {};
    return busy("you ask more than " + std::to_string(a_second) + " times a second" +
                db::wait_a_moment);
}

void UserLimits::forget_idle(Time now)
{
    if (users_.size() < many_users)
        return;
    const std::chrono::duration<double> full{static_cast<double>(burst) / a_second};
    std::erase_if(users_, [&](const auto& user) {
        return user.second.connections == 0 && now - user.second.questions.since > full;
    });
}

} // namespace holdfast::hookd
