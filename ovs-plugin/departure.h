// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/departure: one VM that is about to leave this switch, with all its ports.
//
// Each port has a cut-over of its own (turn.h): what lies in the tap of one says nothing of
// another's. The VM has turned when all have.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ovs-plugin/flows.h"
#include "ovs-plugin/translate.h"
#include "ovs-plugin/turn.h"

namespace holdfast::plugin {

class Departure {
public:
    /// Watches these ports of VM `label`, the VM's first one first; `wire`: it is one of some
    /// chain, so frames for its second port are told by the chain.  `qemu` is the process and
    /// `taps` are descriptors of its taps, ours from now on; a port without one loses what lies in
    /// its tap at the stop.
    Departure(const std::string& bridge, const std::vector<const Port*>& ports, std::uint32_t label,
              bool wire, const std::vector<int>& taps, int qemu);

    ~Departure();
    Departure(const Departure&) = delete;
    Departure& operator=(const Departure&) = delete;

    /// Whether all of them could be watched.
    bool watching() const;
    /// The state of the port that is least far.
    SourceTurn::State state() const;
    /// Of all ports together.
    TurnFigures figures() const;
    const std::string& vtep() const { return vtep_; }

    /// The guest here has ended: nothing can go back to it.
    void guest_gone();
    /// Whether flows may lead to the destination directly.
    bool may_leave() const;
    /// The guest's receive ring of the port with this MAC address is at `address` in QEMU's memory.
    void use_ring(const std::string& mac, std::uint64_t address);
    /// The VM is a balancer's server: what `translator` knows goes with it, ahead of all frames.
    void carry(std::shared_ptr<Translator> translator);
    /// The guest has stopped, at `stop_ns` (CLOCK_REALTIME; 0 if not known).
    void turn(const std::string& vtep, std::uint32_t tunnel_port, std::int64_t stop_ns,
              std::int64_t now_ms);
    /// Does what is due.  True once, when the way became clear at all ports.
    bool run(std::int64_t now_ms);
    /// In hf_module_wait(): until frames come that run() is to pass on.
    void wait() const;
    /// When run() wants to be called next; INT64_MAX if nothing is due.
    std::int64_t next_wake() const;
    /// The guest runs elsewhere, and is reached through `uplink` (see SourceTurn).
    void leave_by(const std::string& uplink, std::int64_t now_ms);
    bool left() const;
    /// The guest goes on here: everything it has not seen goes into its taps, in order.
    void back();

private:
    bool send_connections();

    std::vector<std::unique_ptr<SourceTurn>> turns_;
    std::string bridge_;
    std::uint32_t label_;
    std::string vtep_;
    std::uint32_t tunnel_port_ = 0;
    bool told_ = false;
    std::shared_ptr<Translator> translator_;
    std::vector<Connection> carried_; // Still to be sent, from next_ on.
    std::size_t next_ = 0;
};

} // namespace holdfast::plugin
