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

    std::vector<Ip> ids_; // At the last change, to know who was before one that goes.
    Choice last_;
};

/// Weighted round robin: passes over the list, each of which chooses the servers of a weight of
/// `required_` at least.  That starts at `highest_`, falls by `step_` a pass, and ends at 1.
class WeightedRoundRobin : public Scheduler {
    struct Known {
        Ip id;
        std::uint32_t weight;
    };

    /// Each change starts a pass anew, but leaves the required weight where that still can be.
    /// IPVS learns of changes one by one.  It comes to the same if those that went are taken first,
    /// and then all that came, and all new weights, at once.
    void follow(Servers servers) override
    {
        const auto same = [](const Known& known, const Server& server) {
            return known.id == server.id && known.weight == server.weight;
        };
        if (std::ranges::equal(known_, servers, same))
            return;
        const Places places{servers};
        const auto gone = [&](const Known& known) { return !places.find(known.id); };
        if (std::erase_if(known_, gone) > 0)
            change();
        known_.clear();
        for (const auto& server : servers)
            known_.push_back({server.id, server.weight});
        change();
    }

    void change()
    {
        std::int64_t divisor = 0, heaviest = 0;
        for (const auto& known : known_) {
            divisor = std::gcd(divisor, std::int64_t{known.weight});
            heaviest = std::max(heaviest, std::int64_t{known.weight});
        }
        step_ = std::max<std::int64_t>(divisor, 1);
        highest_ = std::max<std::int64_t>(heaviest - (step_ - 1), 1);
        required_ = std::min(required_, highest_);
        if (step_ > 1)
            required_ = required_ / step_ * step_ + 1;
        last_ = std::nullopt;
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

    std::vector<Known> known_;
    std::int64_t step_ = 1;     // The weights' greatest common divisor.
    std::int64_t highest_ = 1;  // That which leads to 1 in whole steps.
    std::int64_t required_ = 1; // As after the first server, which is alone at first.
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
