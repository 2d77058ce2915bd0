// SPDX-License-Identifier: Apache-2.0
//
// hookd/life-watch: asks hypervisors for an echo, and tells who is dead (spec C10).
//
// Who is asked, and what follows, is hookd/silence's.  What it costs: an echo a minute for each
// hypervisor, and one every few seconds for each that is late; never more than some dozens at once,
// so that no answer is lost in the socket's buffer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "hookd/echo.h"
#include "hookd/silence.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// Of the fleet's other hypervisors.
/// Thread: that of the io_context.
class LifeWatch {
public:
    /// What it needs of others.
    struct Hooks {
        std::function<void()> changed;  // Another has died, is heard of again, or answers or not.
        std::function<bool()> readable; // Whether the fleet's rows can be read.
        std::function<void()> read;     // Reads them, for Silence::look().
    };

    LifeWatch(boost::asio::io_context& io, World& world, Hooks hooks);

    /// Begins, with what the store knows of the time before.
    void start();
    /// What was heard, to be told of rows of the fleet.
    Silence& silence() { return silence_; }
    const Silence& silence() const { return silence_; }
    /// Those that are dead, by name.
    std::set<std::string> dead() const;

private:
    using Address = Echo::Address;

    void look();
    void collect();
    void ask_some();
    void ask(const std::string& id, const Address& address);
    void answered(const Address& address);
    std::set<std::string> known() const;
    void tell();
    void after(std::chrono::milliseconds time, void (LifeWatch::*next)());

    World& world_;
    Hooks hooks_;
    Silence silence_;
    std::map<std::string, Address> addresses_;        // By id, as they were last.
    std::map<Address, std::set<std::string>> owners_; // Ids by address: two may have one.
    std::vector<std::string> due_; // Ids of those that are still to be asked now.
    std::string trouble_;
    std::set<std::string> told_; // What `changed` was last called for.
    Echo echo_;
    boost::asio::steady_timer timer_;
};

} // namespace holdfast::hookd
