// SPDX-License-Identifier: Apache-2.0
//
// ctl/answers: what hookd and the switch answer, as people see it.
//
// Pure: JSON in, text out.  The shapes are in doc/architecture.md, "Contracts".  A key that
// is missing or of another type counts as empty: a newer or older daemon is no reason to fail.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/table.h"
#include "ctl/view.h"

namespace holdfast::ctl {

/// Reads an answer of `daemon`.
/// Errors: damaged, naming the daemon, if it is not a JSON object.
Result<Json> parse_answer(const std::string& text, const std::string& daemon);

/// The text, number or truth under `key`; else the value given, or empty.
std::string text_of(const Json& object, const char* key, const std::string& otherwise = {});
std::int64_t number_of(const Json& object, const char* key);
bool truth_of(const Json& object, const char* key);
/// The objects, or the texts, of the list under `key`; what is neither is left out.
std::vector<Json> objects_of(const Json& object, const char* key);
std::vector<std::string> texts_of(const Json& object, const char* key);

/// chain/trace: the packet's way, a line for each step.
std::string trace_page(const Json& answer, const Style& style);

/// balancer/trace: the way out and back, a line for each step.
std::string balancer_trace_page(const Json& answer, const Style& style);

/// chain/check: a line for each hypervisor, its differences below it.
std::string check_page(const Json& answer, const Style& style);
/// One line that names what is wrong; none if all is well.
std::optional<std::string> check_failure(const Json& answer);

/// fleet/status: state and members.  `now` tells how long ago each was seen.
std::string fleet_page(const Json& answer, db::TimeNs now, const Style& style);

/// How long ago, for people: "now", "12 s ago", "3 min ago", "5 h ago"; "-" for never.
std::string ago(db::TimeNs time, db::TimeNs now);

} // namespace holdfast::ctl
