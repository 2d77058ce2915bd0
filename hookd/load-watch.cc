// SPDX-License-Identifier: Apache-2.0
//
// hookd/load-watch: see load-watch.h.
#include <config.h>

#include "hookd/load-watch.h"

namespace holdfast::hookd {
namespace {

/// As often as the switch looks at it (ovs-plugin/director.cc).
constexpr std::chrono::seconds every{5};

} // namespace

LoadWatch::LoadWatch(boost::asio::io_context& io, World& world) : world_{world}, next_{io}
{
    ask_later();
}

void LoadWatch::ask_later()
{
    next_.expires_after(every);
    next_.async_wait([this](const boost::system::error_code& ended) {
        if (ended)
            return;
        auto vms = vms_to_measure(world_.ledger.balancers(), world_.ledger.vms(), world_.self());
        if (!vms.empty() && !asked_) {
            asked_ = true;
            world_.read_loads(std::move(vms));
        }
        ask_later();
    });
}

void LoadWatch::take(const LoadSamples& samples)
{
    asked_ = false;
    std::map<std::string, VmLoad> loads;
    for (const auto& [vm, sample] : samples)
        if (const auto before = before_.find(vm); before != before_.end())
            loads.emplace(vm, load_between(before->second, sample));
    before_ = samples;
    for (auto& [vm, sample] : before_)
        if (const auto load = loads.find(vm); load != loads.end())
            sample.memory = load->second.memory;
    StoreChange change;
    change.put_health = rows_with(loads, world_.ledger.balancers(), world_.ledger.vms(),
                                  world_.ledger.health(), world_.self());
    if (!change.put_health.empty())
        world_.commit(change);
}

} // namespace holdfast::hookd
