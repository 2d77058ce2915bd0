// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/announce: who holds a VIP from now on says so (spec B14).
//
// The VIP keeps its MAC address, but that is at another port of the network then: which would lead
// frames to the former holder, that is dead, until its switches forget.  Pure.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "ovs-plugin/answers.h"

namespace holdfast::plugin {

/// An ARP announcement (RFC 5227, 1.1), or an unsolicited Neighbour Advertisement (RFC 4861,
/// 7.2.6), in this VLAN (0: without a tag).
Frame announcement_of(const Ip& vip, const Mac& mac, int vlan);

/// VLANs (0: no tag).  Written by the datapath's threads, read by the main one.
class Vlans {
public:
    void add(int vlan);
    std::vector<int> all() const;

private:
    std::array<std::atomic<std::uint64_t>, 64> bits_{};
};

/// Of a frame; 0 without a tag.
int vlan_of(Bytes frame);

/// Which of the VIPs that this hypervisor holds are still to be announced, and where.
class Announcer {
public:
    using Held = std::pair<Ip, Mac>;
    struct Place {
        int ofport = 0;
        int vlan = 0;

        auto operator<=>(const Place&) const = default;
    };
    using Due = std::pair<Held, Place>;

    /// It holds these from now on, and no others.
    void use(const std::vector<Held>& held);
    /// All that are held are new again.
    void again();
    /// Another second has begun, and these are the places that are known.  In three of them, as it
    /// may get lost, each new VIP is announced at all places, and at each new place all VIPs.
    /// Shape:   nothing happens before the last second's are done; else O(places * log), with
    ///          something new O(VIPs * places).
    void tick(const std::vector<Place>& places);
    /// The next ones, so many at most.
    std::vector<Due> next(std::size_t most);
    bool has_more() const { return !queue_.empty(); }

private:
    // How often what is held, and a place, is still new.
    std::map<Held, int> held_;
    std::map<Place, int> places_;
    std::deque<Due> queue_;
};

} // namespace holdfast::plugin
