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

} // namespace holdfast::hookd
