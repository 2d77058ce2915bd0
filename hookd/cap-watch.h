// SPDX-License-Identifier: Apache-2.0
//
// hookd/cap-watch: holds users' services to their share of this hypervisor, by control groups of
// version 1 or 2, and their VMs likewise, in the groups that libvirt has made (spec Q6).
//
// Each user with a share has one group, GROUP/holdfast/USER, and all his services' processes are in
// it; GROUP is node_control_group.  Looks every moment, so that it does not matter how a process
// came, or who was restarted.  What a user may take is hookd/caps'.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <optional>
#include <string>

#include "hookd/caps.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// Users' work here, and how each is held; users without any are not in it.  `containers`: users
/// who have one, or are to get one.
std::vector<CappedUser> capped_users(const World& world, std::set<std::string> containers);

/// Whether a VM that is about to run here has room in its owner's part of the memory.
/// Errors:  invalid, with the figures.
Result<void> may_hold_here(const World& world, const DomainXml& domain);

/// Of this hypervisor.
/// Thread: that of the io_context.
class CapWatch {
public:
    CapWatch(boost::asio::io_context& io, World& world);

private:
    void look_later();
    void look();
    std::string hold(const CappedUser& user);
    void let_go(const std::string& user);
    std::string hold_vms(const std::vector<CappedUser>& users);

    World& world_;
    boost::asio::steady_timer next_;
    std::map<std::string, std::optional<Cap>> held_; // By user, as written last.
};

} // namespace holdfast::hookd
