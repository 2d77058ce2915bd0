// SPDX-License-Identifier: Apache-2.0
//
// ctl/quota: what users have of the fleet, as text and JSON.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/table.h"
#include "ctl/view.h"
#include "db/store.h"

namespace holdfast::ctl {

/// Rates' and amounts' units, as people write them: "90", "2.5".
std::string units_text(std::int64_t thousandths);
/// What people wrote, in thousandths.
/// Errors:  invalid: no number, or one beyond 1,000,000,000; `option` is its name.
Result<std::int64_t> units_from(const std::string& option, const std::string& text);

std::string quota_table(const db::ShareRows& rows, const Style& style);
std::string quota_page(const db::Quota& quota, const db::ShareRows& rows, const Style& style);
Json quota_view(const db::Quota& quota);

/// What was used since the period began, of these users.
std::string usage_table(const std::vector<db::Quota>& quotas, const Style& style);
Json usage_view(const db::Quota& quota);

/// What a review decided, or would.
std::string review_page(const Json& answer, bool dry_run, const Style& style);

} // namespace holdfast::ctl
