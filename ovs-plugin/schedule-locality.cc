// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/schedule-locality: lblc and lblcr, the policies that keep a VIP's connections
// together, for servers that are caches (schedule.h).
#include "ovs-plugin/schedule-impl.h"

#include <map>

namespace holdfast::plugin {

namespace {

/// IPVS's lblc_expiration and lblcr_expiration, as they are by default.
constexpr std::int64_t day_ms = 24 * 60 * 60 * 1000;

/// Whether a server has more active connections than its weight, while another has less than half.
bool overloaded(Servers servers, std::size_t i)
{
    const auto has_time = [](const Server& server) {
        return server.takes && std::uint64_t{server.active} * 2 < server.weight;
    };
    return servers[i].active > servers[i].weight && std::ranges::any_of(servers, has_time);
}

/// A server of a VIP.
struct Member {
    Ip id{};
    std::size_t place = 0;
};

/// Finds the members' places again; those that are no servers any more are forgotten.
void find_again(std::vector<Member>& members, const Places& places)
{
    std::erase_if(members, [&](const Member& member) { return !places.find(member.id); });
    for (auto& member : members)
        member.place = *places.find(member.id);
}

/// What is remembered of a VIP.
struct Vip {
    std::vector<Member> members; // The newest first.
    std::int64_t used_ms = 0;
    std::int64_t changed_ms = 0; // When a member came or was taken out.
};

/// What both policies do: they remember servers by VIP, for a day after the last connection.
class Locality : public Scheduler {
protected:
    virtual Choice pick_known(Servers servers, Vip& vip, std::int64_t now_ms) = 0;

private:
    void follow(Servers servers) override
    {
        const Places places{servers};
        for (auto& [address, vip] : vips_)
            find_again(vip.members, places);
    }

    Choice pick(const Pool& pool, const NewConnection& connection) override
    {
        std::erase_if(vips_, [&](const auto& entry) {
            return connection.now_ms - entry.second.used_ms >= day_ms;
        });
        auto& vip = vips_[connection.vip];
        vip.used_ms = connection.now_ms;
        return pick_known(pool.servers, vip, connection.now_ms);
    }

    std::map<Ip, Vip> vips_; // Of one balancer: mostly one.
};

class LocalityLeast : public Locality {
    Choice pick_known(Servers servers, Vip& vip, std::int64_t) override
    {
        if (!vip.members.empty()) {
            const auto i = vip.members.front().place;
            if (usable(servers[i]) && !overloaded(servers, i))
                return i;
        }
        const auto i = least(servers, weighted);
        if (i)
            vip.members.assign(1, {servers[*i].id, *i});
        return i;
    }
};

/// With replication: an overloaded VIP gets one more server, and one less after a day.
class LocalityReplicated : public Locality {
    Choice pick_known(Servers servers, Vip& vip, std::int64_t now_ms) override
    {
        const auto places = std::views::transform(vip.members, &Member::place);
        const auto known = least(servers, places, weighted);
        if (vip.members.size() > 1 && now_ms - vip.changed_ms > day_ms)
            drop_busiest(servers, vip, now_ms);
        if (known && !overloaded(servers, *known))
            return known;
        const auto i = least(servers, weighted);
        if (i && std::ranges::find(vip.members, *i, &Member::place) == vip.members.end()) {
            vip.members.insert(vip.members.begin(), {servers[*i].id, *i});
            vip.changed_ms = now_ms;
        }
        return i;
    }

    static void drop_busiest(Servers servers, Vip& vip, std::int64_t now_ms)
    {
        auto busiest = vip.members.end();
        for (auto member = vip.members.begin(); member != vip.members.end(); ++member) {
            const auto& server = servers[member->place];
            if (server.weight > 0 && (busiest == vip.members.end() ||
                                      weighted(servers[busiest->place]) < weighted(server)))
                busiest = member;
        }
        if (busiest == vip.members.end())
            return;
        vip.members.erase(busiest);
        vip.changed_ms = now_ms;
    }
};

} // namespace

std::unique_ptr<Scheduler> make_lblc()
{
    return std::make_unique<LocalityLeast>();
}

std::unique_ptr<Scheduler> make_lblcr()
{
    return std::make_unique<LocalityReplicated>();
}

} // namespace holdfast::plugin
