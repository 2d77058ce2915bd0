// SPDX-License-Identifier: Apache-2.0
//
// ctl/env: users' environments, as text and JSON (spec Q8).
//
// Pure.
#pragma once

#include <string>

#include "ctl/table.h"
#include "ctl/view.h"
#include "db/store.h"

namespace holdfast::ctl {

std::string env_table(const db::ShareRows& rows, const Style& style);
std::string env_page(const db::Quota& quota, const db::ShareRows& rows, const Style& style);
Json env_view(const db::Quota& quota, const db::ShareRows& rows);

} // namespace holdfast::ctl
