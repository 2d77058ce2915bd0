// SPDX-License-Identifier: Apache-2.0
//
// hookd/user-rules: what users, who are not root, may ask for, and how much of it (spec S11).
//
// Pure; any thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// Who asks: by the kernel's word, not by his own.
struct Caller {
    uid_t uid = 0;
    std::string name; // Of the password database here.

    bool is_administrator() const { return uid == 0; }
};

/// Errors: invalid for all but the three methods that users have.
Result<void> may_ask(const std::string& method);

/// Whether another move of one of his services may begin.  `his`: all of them.
/// Errors: unavailable while most_user_moves of them move.
constexpr std::ptrdiff_t most_user_moves = 4;
Result<void> may_begin_move(const Caller& caller, const std::vector<db::Service>& his);

/// What may be done some times at once, and then only so often.
struct Bucket {
    using Time = std::chrono::steady_clock::time_point;

    double left = 0;
    Time since{};

    /// Once more: whether that may be.  `most`: at once; `a_second`: from then on.
    bool take(Time now, double most, double a_second);
};

/// How often each user begins moves, which cost others more than questions do.
class UserMoves {
public:
    static constexpr int burst = 4;
    static constexpr int a_minute = 6;

    /// Errors: unavailable, one line, if he begins them too often.
    Result<void> begin(const Caller& caller, Bucket::Time now);

private:
    std::map<uid_t, Bucket> users_; // Those who have services.
};

/// Whose share what `user` asks counts for: numbers without a name, which many may have (those of a
/// user namespace, for example), have one share.
constexpr uid_t share_of(uid_t user, bool has_name)
{
    return has_name ? user : static_cast<uid_t>(-1); // Nobody's number.
}

/// How many connections each user has, and how often each asks.
class UserLimits {
public:
    using Time = Bucket::Time;

    static constexpr std::size_t most_of_one = 8;
    static constexpr std::size_t most_of_all = 256;
    static constexpr int burst = 20;    // So many questions at once,
    static constexpr int a_second = 10; // and then so many a second.

    /// Another connection of his.
    /// Errors: unavailable, one line, if that is one too many; it does not count then.
    Result<void> open(uid_t user);
    /// One that counted has ended.
    void close(uid_t user);
    /// Another question of his.
    /// Errors: unavailable, one line, if he asks too often.
    Result<void> ask(uid_t user, Time now);

private:
    struct Use {
        std::size_t connections = 0;
        Bucket questions{burst, {}};
    };

    void forget_idle(Time now);

    std::map<uid_t, Use> users_;
    std::size_t connections_ = 0;
};

} // namespace holdfast::hookd
