// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/schedule: see the header.  Here are the policies that remember nothing.
#include "ovs-plugin/schedule.h"

#include <array>

#include "ovs-plugin/schedule-impl.h"

namespace holdfast::plugin {

namespace {

Choice lc(Servers servers)
{
    return least(servers, [](const Server& server) { return Share{overhead(server), 1}; });
}

Choice wlc(Servers servers)
{
    return least(servers, weighted);
}

/// Shortest expected delay: the connection that begins is counted too.
Choice sed(Servers servers)
{
    return least(servers, [](const Server& server) {
        return Share{std::uint64_t{server.active} + 1, server.weight};
    });
}

/// Never queue.
Choice nq(Servers servers)
{
    for (std::size_t i = 0; i < servers.size(); ++i)
        if (usable(servers[i]) && servers[i].active == 0)
            return i;
    return sed(servers);
}

/// The usable server of the highest weight that is `good`; the first of several.
template <class Good>
Choice heaviest(Servers servers, Good good)
{
    Choice best;
    for (std::size_t i = 0; i < servers.size(); ++i)
        if (usable(servers[i]) && good(servers[i]) &&
            (!best || servers[i].weight > servers[*best].weight))
            best = i;
    return best;
}

/// Fail over.
Choice fo(Servers servers)
{
    return heaviest(servers, [](const Server&) { return true; });
}

/// Overflow.  A server has one active connection more than its weight before the next gets any:
/// so it is in IPVS.
Choice ovf(Servers servers)
{
    return heaviest(servers, [](const Server& server) { return server.active <= server.weight; });
}

/// A policy that is a function of the servers as they are now.
class Stateless : public Scheduler {
public:
    using Function = Choice (*)(Servers);
    explicit Stateless(Function function) : function_{function} {}

private:
    void follow(Servers) override {}
    Choice pick(const Pool& pool, const NewConnection&) override { return function_(pool.servers); }

    Function function_;
};

template <Stateless::Function function>
std::unique_ptr<Scheduler> make_stateless()
{
    return std::make_unique<Stateless>(function);
}

struct Known {
    std::string_view policy;
    std::unique_ptr<Scheduler> (*make)();
};

/// dynamic is wlc: its weights are what the caller changes.
constexpr std::array known{
    Known{"mh", make_mh},
    Known{"rr", make_rr},
    Known{"wrr", make_wrr},
    Known{"lc", make_stateless<lc>},
    Known{"wlc", make_stateless<wlc>},
    Known{"lblc", make_lblc},
    Known{"lblcr", make_lblcr},
    Known{"dh", make_dh},
    Known{"sh", make_sh},
    Known{"sed", make_stateless<sed>},
    Known{"nq", make_stateless<nq>},
    Known{"fo", make_stateless<fo>},
    Known{"ovf", make_stateless<ovf>},
    Known{"dynamic", make_stateless<wlc>},
};

} // namespace

bool usable(const Server& server)
{
    return server.takes && server.weight > 0 && !is_full(server);
}

bool is_full(const Server& server)
{
    return server.takes && server.weight > 0 && server.limit > 0 &&
           std::uint64_t{server.active} + server.inactive >= server.limit;
}

Choice Scheduler::choose(const Pool& pool, const NewConnection& connection)
{
    if (version_ != pool.version) {
        follow(pool.servers);
        version_ = pool.version;
    }
    return pool.servers.empty() ? std::nullopt : pick(pool, connection);
}

std::unique_ptr<Scheduler> make_scheduler(std::string_view policy)
{
    for (const auto& one : known)
        if (one.policy == policy)
            return one.make();
    return nullptr;
}

} // namespace holdfast::plugin
