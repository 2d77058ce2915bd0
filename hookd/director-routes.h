// SPDX-License-Identifier: Apache-2.0
//
// hookd/director-routes: whether a director of the operator's own has the routes that it needs
// (spec balancer.md, B8), from what the switches have seen of it.
//
// Pure.  A route cannot be seen, but who has one asks for the server and sends to it, and who has
// none sends to a gateway what is for a VIP.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// What is known of one director's routes.
struct DirectorRoutes {
    enum class State {
        used,    // It has asked for each server lately, or sent to it.
        unused,  // Some it has neither asked for nor sent to.
        missing, // What is for the VIP goes in a circle.
        unknown, // It, or its switch, is not there.
    };
    std::string director;   // The VM's name.
    std::string hypervisor; // Where it is; empty if that is not known.
    State state = State::unknown;
    std::string text;              // One line, with the mend.
    std::vector<std::string> used; // The servers whose routes it has used lately, by address.
};

/// Each director's, in the balancer's order.
/// Shape:   `answers` is by hypervisor, what holdfast/directors answers there.
std::vector<DirectorRoutes>
judge_directors(const db::Balancer& balancer, const std::vector<db::Vm>& vms,
                const std::map<std::string, Result<nlohmann::json>>& answers);

} // namespace holdfast::hookd
