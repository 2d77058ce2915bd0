// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/director-seen: what is seen of a director of the operator's own, where the switch
// receives its frames (spec B8): whether it asks for its servers and sends to them, as one with
// on-link routes does, and whether it sends what is for a VIP to somebody else, who sends it back.
//
// It may ask for anybody, but not for any number of addresses that are nobody's: NORMAL has a flow
// of the datapath for each.
//
// Called by the datapath's threads for directors' frames: a lock for those that are questions or
// go astray; for what goes to a server a look at one number, and a lock now and then.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "db/rows.h"
#include "ovs-plugin/origin.h"

namespace holdfast::plugin {

/// What was for a VIP and went to none of its servers.  A server's that is none any more goes there
/// still while its connections last, and is dropped (ovs-plugin/balance.h): that is no stray.
struct Stray {
    Ip vip{};
    Mac to{};                 // Where the last one went.
    std::uint64_t frames = 0; // Since the switch started.
    std::int64_t last_ms = 0;
};

/// Of one director's port, since it was plugged in.
class DirectorSeen {
public:
    /// As many addresses that are no server's and no VM's a director may ask for in a minute:
    /// as many neighbours as Linux keeps, unless told otherwise (gc_thresh3).
    static constexpr std::size_t strangers_max = 1024;

    /// It was answered with this address of a server.
    void answered(const Mac& synthetic, std::int64_t now_ms);
    /// Whether a frame of it goes on, which is noted.  `origin` is that of its port.
    bool goes_on(const Origin& origin, Bytes frame, std::int64_t now_ms);

    /// When it last asked for each server, or sent to it, that it has asked for or sent to; by
    /// synthetic address.
    /// Units:   some 16 seconds older at most where it sends.
    std::map<Mac, std::int64_t> used() const;
    std::vector<Stray> strays() const;
    /// Questions that were dropped.
    std::uint64_t dropped() const;

private:
    struct IpHash {
        std::size_t operator()(const Ip& ip) const;
    };

    bool sent_lately(const Mac& synthetic, std::int64_t now_ms) const;
    void note_sent(const Mac& synthetic, std::int64_t now_ms);
    bool may_ask(const Ip& stranger, std::int64_t now_ms);
    void note_stray(const Answers& answers, const Ip& vip, const Mac& to, std::int64_t now_ms);

    /// What need not be noted again: a server's address, and until when.  Of servers that share a
    /// place each is noted again when the other was.
    std::array<std::atomic<std::uint64_t>, 4096> sent_{};

    mutable std::mutex mutex_; // For what follows.
    std::map<Mac, std::int64_t> used_;
    std::unordered_map<Ip, std::int64_t, IpHash> strangers_; // When it last asked for each.
    std::int64_t swept_ms_ = 0;
    std::uint64_t dropped_ = 0;
    std::map<Ip, Stray> strays_;
};

/// What is wrong with a director that sends astray, and the mend; one line.
/// Shape:   `used` as of DirectorSeen; a server that it has not used lately has no route.
std::string stray_problem(const db::Balancer& balancer, const std::string& director,
                          const Stray& stray, const std::map<Mac, std::int64_t>& used,
                          std::int64_t now_ms);

} // namespace holdfast::plugin
