// SPDX-License-Identifier: Apache-2.0
//
// hookd/environments: sees that each user who uses this hypervisor has a container here (spec Q8).
//
// Who that is the quotas say; `holdfast-env keep` makes and ends them, aside.  What runs stays when
// the daemon ends.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <string>

#include "hookd/tool.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// Of this hypervisor; on one without `environment_addresses` any more all are ended.
/// Thread: that of the io_context.
class Environments {
public:
    /// `changed` is called when World::environments has.
    Environments(boost::asio::io_context& io, World& world, Tools& tools, std::string rundir,
                 std::function<void()> changed);

    /// Quotas have changed.
    void look();

private:
    std::string order() const;
    void take(const Result<std::string>& answer);
    void look_later();
    bool is_needed() const;

    World& world_;
    Tools& tools_;
    std::string rundir_;
    std::function<void()> changed_;
    boost::asio::steady_timer next_;
    bool runs_ = false;   // It is being seen to.
    bool wanted_ = false; // Once more, after that.
};

} // namespace holdfast::hookd
