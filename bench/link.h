// SPDX-License-Identifier: Apache-2.0
//
// bench/link: frames in and out of interfaces, also of other processes' networks.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::bench {

using Frame = std::vector<std::uint8_t>;
using Mac = std::array<std::uint8_t, 6>;

/// Frames a system call.
constexpr std::size_t batch_max = 32;

/// Says `what` and errno, and ends the program.
[[noreturn]] void die(const std::string& what);

/// A socket for frames of `protocol` on an interface of this network; 0: it only sends.
int open_packets(const std::string& interface, int protocol);

/// The same on an interface of another process's network, which this thread is in from then on.
int open_there(const std::string& pid, const std::string& interface, int protocol);

/// Sends up to batch_max frames; one that finds no room is lost.
void send_all(int fd, Frame* const* frames, std::size_t count);

/// "52:54:00:00:00:01".
Mac mac_of(const std::string& text);

/// An IPv4 address, in network order.
std::uint32_t ip_of(const std::string& text);

} // namespace holdfast::bench
