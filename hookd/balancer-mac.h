// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-mac: gives the servers of a balancer, and the VIP of a built-in director, their
// synthetic MAC addresses (spec balancer.md, B2).
//
// Pure.  Used by hookd/balancer only.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// The synthetic MAC of `address`, a server's or the VIP, by the balancer's layout and prefix.
/// Shape:   `all` are the balancers that there are, the balancer itself among them as far as it is
///          made; with the layout "table" an address has the number that it has in any of them,
///          else one that no other address has, and is not soon to have.
/// Errors:  those of synthetic_mac(); exists if the address has another MAC already, or another
///          address or a VM has this MAC: an ARP request has one answer.
Result<std::string> give_mac(const db::Balancer& balancer, const std::string& address,
                             const std::vector<db::Balancer>& all, const std::vector<db::Vm>& vms);

/// What a director sends to an address with the prefix, and is no server's, is dropped: no VM may
/// have one.
/// Errors: exists.
Result<void> check_prefix(const db::Balancer& balancer, const std::vector<db::Vm>& vms);

} // namespace holdfast::hookd
