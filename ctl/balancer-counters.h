// SPDX-License-Identifier: Apache-2.0
//
// ctl/balancer-counters: what a switch that is the director has counted, as people and scripts
// see it.
//
// Pure: the switch's answer in, text or JSON out.  doc/architecture.md has its shape.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/table.h"
#include "ctl/view.h"

namespace holdfast::ctl {

/// The balancer's part of the switch's answer to `holdfast/balancers`.
/// Errors: the answer's own; not_found if the switch does not know the balancer.
Result<Json> counters_of(const db::Balancer& balancer, const Result<Json>& answer);

/// A line for the whole and one for each server; or one that says why there is nothing.
std::string counters_page(const db::Balancer& balancer, const Result<Json>& counters,
                          const Style& style);

/// Puts them into what balancer_json() made: `counters` of the whole and of each server, null where
/// there is nothing, and `counters_error`, why.
void add_counters(Json& page, const Result<Json>& counters);

/// Whether each external director has its routes, by what hookd answers to balancer/routes; or why
/// that is not known.
std::string director_routes_page(const Result<Json>& answer, const Style& style);

/// The same as `directors_seen` of `balancer show --json`: null, and `directors_seen_error`, if it
/// is not known.
void add_director_routes(Json& page, const Result<Json>& answer);

} // namespace holdfast::ctl
