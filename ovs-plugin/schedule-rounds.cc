// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/schedule-rounds: rr and wrr, the policies that go around the servers (schedule.h).
//
// The order is IPVS's to the last connection, so what IPVS keeps is kept: the server that was
// last chosen, or none: then the next is the first of the list.
#include "ovs-plugin/schedule-impl.h"

#include <numeric>

namespace holdfast::plugin {

namespace {

/// Round robin.
class RoundRobin : public Scheduler {
    /// A server that goes hands the place to the one before it, so that the next keeps its turn.
    void follow(Servers servers) override
    {
        const Places places{servers};
        auto now = Choice{};
        for (auto i = last_; i && !now; i = *i > 0 ? Choice{*i - 1} : std::nullopt)
            now = places.find(ids_[*i]);
        last_ = now;
        ids_.clear();
        for (const auto& server : servers)
            ids_.push_back(server.id);
    }

    Choice pick(const Pool& pool, const NewConnection&) override
    {
        const auto n = pool.servers.size();
        const auto first = last_ ? *last_ + 1 : 0;
        for (std::size_t i = first; i < first + n; ++i) {
            if (usable(pool.servers[i % n])) {
                last_ = i % n;
                return last_;
            }
        }
        return std::nullopt;
    }

    std::vector<ServerId> ids_; // At the last change, to know who was before one that goes.
    Choice last_;
};

/// Weighted round robin: passes over the list, each of which chooses the servers of a weight of
/// `required_` at least.  That starts at `highest_`, falls by `step_` a pass, and ends at 1.
class WeightedRoundRobin : public Scheduler {
    struct Known {
        ServerId id;
        std::uint32_t weight;
    };

    /// Each change starts a pass anew, but leaves the required weight, where that still can be.
    /// So it counts how the servers came: as if one after the other, those that went before.
    void follow(Servers servers) override
    {
        const auto same = [](const Known& a, const Server& b) { return a.id == b.id; };
        if (!std::ranges::equal(known_, servers, same))
            replay(servers);
        const auto same_weight = [](const Known& a, const Server& b) {
            return a.weight == b.weight;
        };
        if (!std::ranges::equal(known_, servers, same_weight)) {
            known_.clear();
            for (const auto& server : servers)
                known_.push_back({server.id, server.weight});
            count(known_);
            changed();
        }
    }

    /// Servers that went, and then those that came, the oldest first: the new ones are in front.
    void replay(Servers servers)
    {
        const Places places{servers};
        const auto gone = [&](const Known& known) { return !places.find(known.id); };
        if (std::erase_if(known_, gone) > 0) {
            count(known_);
            changed();
        }
        std::ranges::sort(known_, {}, &Known::id);
        std::vector<Known> now;
        for (const auto& server : servers | std::views::reverse) {
            const auto at = std::ranges::lower_bound(known_, server.id, {}, &Known::id);
            if (at != known_.end() && at->id == server.id) {
                now.push_back(*at);
                continue;
            }
            now.push_back({server.id, server.weight});
            count_in(server.weight);
            changed();
        }
        std::ranges::reverse(now);
        known_ = std::move(now);
        last_ = std::nullopt;
    }

    void count(const std::vector<Known>& all)
    {
        divisor_ = heaviest_ = 0;
        for (const auto& known : all)
            count_in(known.weight);
    }

    void count_in(std::int64_t weight)
    {
        divisor_ = std::gcd(divisor_, weight);
        heaviest_ = std::max(heaviest_, weight);
    }

    void changed()
    {
        last_ = std::nullopt;
        step_ = std::max<std::int64_t>(divisor_, 1);
        highest_ = heaviest_ - (step_ - 1);
        if (required_ > highest_ || required_ == 0)
            required_ = highest_;
        else if (step_ > 1)
            required_ = required_ / step_ * step_ + 1;
    }

    Choice pick(const Pool& pool, const NewConnection&) override
    {
        if (const auto rest = first_from(pool.servers, last_ ? *last_ + 1 : 0))
            return last_ = rest;
        std::int64_t reachable = 0;
        for (const auto& server : pool.servers)
            if (usable(server))
                reachable = std::max<std::int64_t>(reachable, server.weight);
        if (reachable == 0) {
            give_up();
            return std::nullopt;
        }
        required_ -= step_;
        if (required_ <= 0)
            required_ = highest_;
        // Passes that would find nobody are left out: there can be 65,535 of them.
        if (required_ > reachable)
            required_ -= (required_ - reachable + step_ - 1) / step_ * step_;
        return last_ = first_from(pool.servers, 0);
    }

    Choice first_from(Servers servers, std::size_t from) const
    {
        for (auto i = from; i < servers.size(); ++i)
            if (usable(servers[i]) && servers[i].weight >= required_)
                return i;
        return std::nullopt;
    }

    /// Where IPVS is left when it found nobody: at the start, but in the last pass where it was.
    void give_up()
    {
        if (last_ && required_ <= step_)
            return;
        last_ = std::nullopt;
        required_ = highest_;
    }

    std::vector<Known> known_; // In the list's order.
    std::int64_t divisor_ = 0; // The weights' greatest common divisor; 0 if all are 0.
    std::int64_t heaviest_ = 0;
    std::int64_t step_ = 1;
    std::int64_t highest_ = 0; // That which leads to 1 in whole steps.
    std::int64_t required_ = 0;
    Choice last_;
};

} // namespace

std::unique_ptr<Scheduler> make_rr()
{
    return std::make_unique<RoundRobin>();
}

std::unique_ptr<Scheduler> make_wrr()
{
    return std::make_unique<WeightedRoundRobin>();
}

} // namespace holdfast::plugin
