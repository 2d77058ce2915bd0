// SPDX-License-Identifier: Apache-2.0
//
// hookd/drainer: leads the VMs of this hypervisor away, as hookd/drain decides.
//
// What is under way is libvirt's: when hookd ends in the middle, the migrations that were
// begun go on, and the drain goes on when it is asked for again.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "hookd/drain.h"
#include "hookd/tool.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// The store's rows now, for decisions.
FleetView fleet_view(const World& world);

/// The drain of this hypervisor, or none.
/// Thread: that of the io_context.
class Drainer {
public:
    using Json = nlohmann::json;
    using Done = std::function<void(Result<Json>)>;

    Drainer(boost::asio::io_context& io, World& world, Tools& migrations)
        : world_{world}, migrations_{migrations}, timer_{io}
    {
    }

    /// Begins, or joins the one under way; `done` gets {"node","moved":[{"vm","to"}..],
    /// "stayed":[{"vm","why"}..]} when nothing is left to do.
    void run(std::size_t parallel, Done done);

private:
    void step();
    void begin(const Drain::Order& order);
    void finish();

    World& world_;
    Tools& migrations_;
    boost::asio::steady_timer timer_;
    std::optional<Drain> drain_;
    std::vector<Done> waiting_; // Who asked for it.
};

} // namespace holdfast::hookd
