// SPDX-License-Identifier: Apache-2.0
//
// db/election: see election.h.
#include <config.h>

#include "db/election.h"

#include <algorithm>
#include <utility>

namespace holdfast::db {
namespace {

bool same_beat(const Lease& a, const Lease& b)
{
    return a.holder == b.holder && a.term == b.term && a.beat == b.beat;
}

} // namespace

Election::Election(std::string name, std::string self, Clock::duration lease)
    : name_{std::move(name)}, self_{std::move(self)}, lease_{lease}
{
    seen_.name = name_;
}

Election::Step Election::look(const Lease* row, Clock::time_point now)
{
    Lease shown;
    shown.name = name_;
    if (row)
        shown = *row;
    if (since_ == Clock::time_point{} || !same_beat(shown, seen_))
        since_ = now;
    seen_ = shown;
    if (ours_.term != 0 && (shown.term > ours_.term || now >= until_))
        ours_ = {};
    if (ours_.term != 0) {
        // A beat of ours whose answer was lost; an older row is a store that is behind.
        if (shown.term == ours_.term && shown.holder == self_)
            ours_.beat = std::max(ours_.beat, shown.beat);
        return now - asked_ >= lease_ / 3 ? Step::renew : Step::nothing;
    }
    // One of this machine's is a former run of ours: there is one at a time.
    const bool free = shown.holder.empty() || shown.holder == self_;
    return free || now - since_ >= lease_ ? Step::take : Step::nothing;
}

LeaseStep Election::asked_for(Step step, TimeNs now_ns) const
{
    LeaseStep asked{step == Step::renew ? ours_ : seen_, {}};
    asked.to = asked.was;
    asked.to.holder = self_;
    ++asked.to.beat;
    if (step == Step::renew)
        return asked;
    ++asked.to.term;
    if (asked.to.reviewed == 0)
        asked.to.reviewed = now_ns;
    if (asked.to.accounted == 0)
        asked.to.accounted = now_ns;
    return asked;
}

void Election::won(const Lease& row, Clock::time_point asked)
{
    ours_ = row;
    asked_ = asked;
    until_ = asked + lease_ * 3 / 4;
}

LeaseStep Election::given_back() const
{
    LeaseStep back{ours_, ours_};
    back.to.holder.clear();
    ++back.to.beat;
    return back;
}

} // namespace holdfast::db
