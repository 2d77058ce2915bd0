// SPDX-License-Identifier: Apache-2.0
//
// ctl/status: the one page that says how things are, what is wrong and what to do.
//
// Pure: verb-status.cc gathers the facts, each of which may be missing; that is a fact too.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/answers.h"
#include "ctl/view.h"

namespace holdfast::ctl {

/// What could be found out.
struct Facts {
    std::string program_version;                               // Of this command.
    std::string store_path;                                    // Where the store was looked for.
    Result<World> world = Error{Errc::unavailable, ""};        // What the store holds.
    Result<Json> hookd = Error{Errc::unavailable, ""};         // Its `status`.
    Result<Json> switch_module = Error{Errc::unavailable, ""}; // `holdfast/status`.
    db::TimeNs now = 0;
};

/// One line for each thing that is wrong, each with what to do; most urgent first.
std::vector<std::string> problems(const Facts& facts);

/// The page.
std::string status_page(const Facts& facts, const Style& style);
Json status_json(const Facts& facts);

} // namespace holdfast::ctl
