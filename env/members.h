// SPDX-License-Identifier: Apache-2.0
//
// env/members: of which nodes a user's environment is made, and which of them leads it (spec Q8).
//
// Pure.  Every hypervisor has the rows of all quotas and hypervisors in its store, so each decides
// the same without asking another.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/resources.h"
#include "db/rows.h"

namespace holdfast::env {

/// A node of an environment.
struct Member {
    std::string name;                       // The hypervisor's.
    bool heard = true;                      // False: it is lost.
    std::optional<db::Resources> resources; // None: not known, or it is lost.

    bool operator==(const Member&) const = default;
};

/// The nodes that a user uses now.
/// Shape:   the leader first, where the user enters: the first, by name, that is heard of.  The
///          others are in the order of their names.  A node that is no hypervisor any more is left
///          out.
std::vector<Member> members(const db::Quota& quota, const std::vector<db::Hypervisor>& hypervisors);

/// What a container on `node` shows: on the leader all nodes that are known; on another itself.
std::vector<Member> shown_on(const std::string& node, const std::vector<Member>& all);

/// How busy a node is: the part of its processors' time that was used, in thousandths, and what
/// waits for them besides.
int busy(const db::Resources& resources);

/// Where work is best started: the least busy of those that are known; the first of equals.
/// Errors: unavailable if of none is known how busy it is.
Result<std::string> least_loaded(const std::vector<Member>& all);

} // namespace holdfast::env
