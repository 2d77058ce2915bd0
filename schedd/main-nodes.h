// SPDX-License-Identifier: Apache-2.0
//
// schedd/main-nodes: on which nodes of an environment each of its applications runs (spec Q9).
//
// Pure.  Any thread.
#pragma once

#include "common/result.h"
#include "schedd/units.h"

#include <vector>

namespace holdfast::schedd {

/// An application of an environment.
struct Application {
    std::string name;
    std::vector<NodeId> main_nodes; // A node may be main for several.
    int users = 0;                  // That use it now.
};

/// What decides, and between what.
struct ApplicationPolicy {
    enum class By { users, load } by = By::users;
    enum class Else { all, grouped } otherwise = Else::all; // Where not on main nodes only.
    int users = 10;                                         // As many or more: main nodes only.
    Load load = 700; // Over it: all nodes; else main nodes only.
};

/// Where one application runs.
struct ApplicationNodes {
    std::vector<NodeId> nodes; // In the environment's order, none twice.
    std::string reason;
};

/// Where each of `applications` runs, in their order.
/// Shape:   `load` is the average of the environment's nodes.  Grouped: each application has its
///          main nodes, and of the nodes that are nobody's main nodes each goes to the group
///          that has fewest.
/// Errors:  invalid: an application without main nodes, or with one outside of the environment.
/// Source:  spec Q9.
Result<std::vector<ApplicationNodes>>
place_applications(const std::vector<Application>& applications,
                   const std::vector<NodeId>& environment, Load load,
                   const ApplicationPolicy& policy);

} // namespace holdfast::schedd
