// SPDX-License-Identifier: Apache-2.0
//
// common/control-client-detail: what the two clients of control-client.h share.
// Private to them.
#pragma once

#include <chrono>
#include <string>

#include "common/jsonrpc.h"
#include "common/result.h"

namespace holdfast::detail {

/// What to do when `daemon` is down.
std::string mend(const std::string& daemon);

/// The failures of a connection or a call, each one line that names the daemon.
Error nobody_listens(const std::string& daemon, const std::string& path);
Error ended(const std::string& daemon, const std::string& method);
Error too_slow(const std::string& daemon, const std::string& method,
               std::chrono::milliseconds deadline);
Error nonsense(const std::string& daemon, const std::string& what);

/// What the caller gets: the text less one newline, as a value or as the refusal.
Result<std::string> answer(const jsonrpc::Reply& reply);

} // namespace holdfast::detail
