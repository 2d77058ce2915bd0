// SPDX-License-Identifier: Apache-2.0
//
// hookd/load-watch: see load-watch.h.
#include <config.h>

#include "hookd/load-watch.h"

#include <chrono>

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
        look();
        ask_later();
    });
}

void LoadWatch::look()
{
    write(); // What was not answered for long, as by a libvirtd that hangs, is not known any more.
    auto wanted = vms();
    if (wanted.empty() || asked_)
        return;
    asked_ = true;
    world_.read_loads(std::move(wanted));
}

void LoadWatch::take(const LoadSamples& samples)
{
    asked_ = false;
    loads_.take(samples);
    write();
}

std::vector<std::string> LoadWatch::vms() const
{
    return vms_to_measure(world_.ledger.balancers(), world_.ledger.vms(), world_.self());
}

void LoadWatch::write()
{
    const auto now_ns = std::chrono::steady_clock::now().time_since_epoch().count();
    StoreChange change;
    change.put_health = rows_with(loads_.of(vms(), now_ns), world_.ledger.balancers(),
                                  world_.ledger.vms(), world_.ledger.health(), world_.self());
    if (!change.put_health.empty())
        world_.commit(change);
}

} // namespace holdfast::hookd
