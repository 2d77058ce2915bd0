// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-read: reads what an operator typed for a balancer.
//
// Pure: text in, values or one line that says what is wrong out; knows of no other balancer and
// of no VM.  Used by hookd/balancer only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// The public address of a balancer.
struct Vip {
    std::string address;
    int port = 0;
    std::string protocol; // "tcp" or "udp".
};

/// ADDR:PORT/PROTO.
/// Errors: invalid.
Result<Vip> read_vip(const std::string& text);

/// The router of servers outside of the fleet; empty for none.
/// Errors: invalid.
Result<std::string> read_gateway(const std::string& text, const std::string& vip);

/// ADDR[:PORT][,weight=N][,limit=N]; `port` unless it names one.
/// Errors: invalid.
Result<db::RealServer> read_server(const std::string& text, int port);

/// Errors: invalid outside of 0 to 65535.
Result<int> read_weight(std::string_view text);

/// Errors: invalid outside of 0 to 10^9.
Result<int> read_limit(std::string_view text);

/// The words between commas, without blanks around them.
std::vector<std::string> split_words(std::string_view text);

} // namespace holdfast::hookd
