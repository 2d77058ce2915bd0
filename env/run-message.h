// SPDX-License-Identifier: Apache-2.0
//
// env/run-message: what `holdfast env run` and the node where the command runs say to each other,
// over service/link.
//
// Pure.  A message is a frame: its type, and bytes or JSON.  Types are beside those of a service's
// move (service/message), since one port takes both.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast::env {

/// A frame's type.  C is the caller's side, N the node's.
enum class RunMessage : std::uint8_t {
    begin = 32,   // C→N, first: RunOrder, as JSON.
    begun = 33,   // N→C: it runs: no payload.
    refused = 34, // N→C, instead: why, one line.
    input = 35,   // C→N: bytes for its standard input; none: that has ended.
    taken = 36,   // N→C: the command has those: the next may come.
    signal = 37,  // C→N: a signal for it, one byte: its number.
    output = 38,  // N→C: bytes of its standard output.
    error = 39,   // N→C: bytes of its standard error.
    ended = 40,   // N→C, last: its exit status, one byte; 128 and its number after a signal.
};

/// What is to be run, and for whom.
struct RunOrder {
    std::string user;
    std::vector<std::string> command; // A program, looked for as a shell does, and its arguments.

    bool operator==(const RunOrder&) const = default;
};

std::vector<std::uint8_t> payload_of(const RunOrder& order);
/// Errors: damaged, if it is no such order.
Result<RunOrder> run_order_of(std::span<const std::uint8_t> payload);

} // namespace holdfast::env
