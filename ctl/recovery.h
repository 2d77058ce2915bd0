// SPDX-License-Identifier: Apache-2.0
//
// ctl/recovery: the pool of VMs, plans of recovery and policies, as people and scripts see them.
//
// Pure: rows and plans in, text or JSON out.
#pragma once

#include <string>
#include <vector>

#include "ctl/table.h"
#include "ctl/view.h"
#include "recovery/rows.h"

namespace holdfast::ctl {

std::string pool_table(const recovery::Pool& pool, const Style& style);
Json pool_json(const recovery::Pool& pool, const std::vector<db::RecoveryPolicy>& policies);

/// What would be done for the VM at this place of the pool, and who could replace it.
std::string plan_page(const recovery::Pool& pool, std::size_t vm, const recovery::Plan& plan,
                      const Style& style);
Json plan_json(const recovery::Pool& pool, std::size_t vm, const recovery::Plan& plan);

/// Who has taken whose places, as hookd tells it.
std::string recovered_text(const Json& answer);

/// Failures, and what became of them, the last one last; `pool` gives VMs' names.
std::string history_table(const std::vector<db::Recovery>& rows, const recovery::Pool& pool,
                          const Style& style);
Json history_json(const std::vector<db::Recovery>& rows, const recovery::Pool& pool);

/// All features that have a weight.
std::string weights_table(const db::RecoveryPolicy& row, const Style& style);
Json weights_json(const db::RecoveryPolicy& row);

/// What is set of the fleet, and of VMs; `pool` gives their names.
std::string policy_page(const std::vector<db::RecoveryPolicy>& policies, const recovery::Pool& pool,
                        const Style& style);
Json policy_json(const std::vector<db::RecoveryPolicy>& policies, const recovery::Pool& pool);

} // namespace holdfast::ctl
