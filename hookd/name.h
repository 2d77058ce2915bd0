// SPDX-License-Identifier: Apache-2.0
//
// hookd/name: what operators may call things.
#pragma once

#include <string>

#include "common/result.h"

namespace holdfast::hookd {

/// Whether a `kind` ("chain", "balancer") may have this name: letters, digits, - _ . and at most
/// 64 of them.
/// Errors: invalid.
Result<void> check_name(const std::string& kind, const std::string& name);

} // namespace holdfast::hookd
