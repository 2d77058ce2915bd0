// SPDX-License-Identifier: Apache-2.0
//
// hookd/load-watch: asks libvirt every few seconds how busy the VMs of real servers are, and writes
// it (spec balancer.md, B9: dynamic).
//
// What follows from libvirt's counts is hookd/load's.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "hookd/load.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// Of this hypervisor.
/// Thread: that of the io_context.
class LoadWatch {
public:
    /// Measures from now on, while a balancer's weights follow a load here.
    LoadWatch(boost::asio::io_context& io, World& world);

    /// What libvirt has counted, asked by World::read_loads.
    void take(const LoadSamples& samples);

private:
    void ask_later();
    void look();
    std::vector<std::string> vms() const;
    void write();

    World& world_;
    boost::asio::steady_timer next_;
    Loads loads_;
    bool asked_ = false; // And not answered yet: libvirt can take long.
};

} // namespace holdfast::hookd
