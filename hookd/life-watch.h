// SPDX-License-Identifier: Apache-2.0
//
// hookd/life-watch: asks hypervisors that are late for an echo, and tells who is dead (spec C10).
//
// Who is asked, and what follows, is hookd/silence's.  What it costs: an echo every two seconds for
// each hypervisor that is late, none for the others.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "hookd/echo.h"
#include "hookd/silence.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// Of the fleet's other hypervisors.
/// Thread: that of the io_context.
class LifeWatch {
public:
    /// `changed` is called when another has died, or is heard of again.
    LifeWatch(boost::asio::io_context& io, World& world, std::function<void()> changed);

    /// Begins, with those dead that the store's VM records say to be.
    void start();
    /// What was heard, to be told of rows of the fleet.
    Silence& silence() { return silence_; }
    /// Those that are dead, by name.
    std::set<std::string> dead() const;

private:
    void look();
    void ask_late(Silence::Time now);
    void answered(const Echo::Address& address);
    void tell();

    World& world_;
    std::function<void()> changed_;
    Silence silence_;
    std::map<Echo::Address, std::string> asked_; // Ids by the address that was asked.
    std::set<std::string> told_; // Those that were dead when `changed` was last called.
    Echo echo_;
    boost::asio::steady_timer timer_;
};

} // namespace holdfast::hookd
