// SPDX-License-Identifier: Apache-2.0
//
// hookd/classifier: reads a chain's classifier by Open vSwitch's own parser.
#pragma once

#include <string>

#include "common/result.h"
#include "hookd/chain.h"

namespace holdfast::hookd {

/// Errors: invalid, with what is wrong and where.
Result<ParsedMatch> parse_match(const std::string& text);

/// How the frames of two classifiers lie to each other.
struct Relation {
    bool meet = false;   // One frame can be of both.
    bool within = false; // Each frame of the first is one of the second.
};

/// Shape:   both normalized; one that cannot be read has no frames.
Relation relate(const std::string& first, const std::string& second);

/// Whether the first takes frames of the second that are not its own where nothing is known of
/// in_port, as behind a hop.
/// Shape:   as for relate().
bool mistakes(const std::string& first, const std::string& second);

} // namespace holdfast::hookd
