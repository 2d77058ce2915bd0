// SPDX-License-Identifier: Apache-2.0
//
// hookd/resource-watch: measures what this hypervisor has and how busy it is, and writes it into
// its row, as often as it says that it lives (spec Q8).
//
// What follows from the files of /proc is env/figures'.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <string>

#include "hookd/world.h"

namespace holdfast::hookd {

/// Of this hypervisor.
/// Thread: that of the io_context.
class ResourceWatch {
public:
    /// Measures now, and from now on.
    ResourceWatch(boost::asio::io_context& io, World& world);

    /// Measures, and writes it.
    void look();

private:
    World& world_;
    boost::asio::steady_timer next_;
    std::string stat_; // As it was when it was measured last.
};

} // namespace holdfast::hookd
