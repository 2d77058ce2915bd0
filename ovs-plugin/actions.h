// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/actions: pieces of flows in ovs-ofctl's words, and the tables they lead to.
//
// The tables are explained in doc/architecture.md.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::plugin {

constexpr int table_entry = 0;
constexpr int table_elect = 247;
constexpr int table_arrive = 248;
constexpr int table_spread = 249;
constexpr int table_classify = 250;
constexpr int table_exit = 251;
constexpr int table_deliver = 252;
constexpr int table_release = 253;

/// reg13 of a frame that is the operator's flows' from now on.  One of OVN's registers for
/// connection tracking, of which it reads the lower half alone; reg15 it compares whole, with only
/// that half set.
constexpr std::uint32_t released_mark = 0x80000000;

/// Of a tunnel's VNI: the frame came from the VM's former place, which does not take it back.
constexpr std::uint32_t passed_on_bit = 0x800000;

std::string hex(std::uint32_t value);
std::string resubmit(int table);
/// The frame is for, or from, the VM with this label.
std::string load_vm(std::uint32_t label);

} // namespace holdfast::plugin
