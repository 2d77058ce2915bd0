// SPDX-License-Identifier: Apache-2.0
//
// ctl/node: the fleet's hypervisors as people and scripts see them, and what became of a drain.
//
// Pure: rows and answers in, text or JSON out.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/answers.h"
#include "ctl/table.h"
#include "ctl/view.h"

namespace holdfast::ctl {

/// "ready", "draining" (drained, but something runs there), "drained", "silent" (not heard
/// of for more than a minute), or "lost" (nor does it answer an echo).
std::string node_state(const db::Hypervisor& node, const World& world, db::TimeNs now);

std::string node_table(const World& world, db::TimeNs now, const Style& style);
/// The hypervisor, what runs there, and what is on its way there or away.
std::string node_page(const db::Hypervisor& node, const World& world, db::TimeNs now,
                      const Style& style);
Json node_json(const db::Hypervisor& node, const World& world, db::TimeNs now);

/// How far a drain of these VMs is: "1 of 3 gone, moving: ids → hv1".
std::string drain_progress(const std::string& node, const std::vector<std::string>& vms,
                           const World& world);
/// The end of a drain, as hookd tells it: a line for each VM.
std::string drain_page(const Json& end, const Style& style);
/// One line that names the VMs that stay; none if all have gone.
std::optional<std::string> drain_failure(const Json& end);

} // namespace holdfast::ctl
