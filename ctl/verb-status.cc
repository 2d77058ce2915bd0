// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-status: gathers the facts for `holdfast status`.
#include <config.h>

#include <chrono>

#include "ctl/status.h"
#include "ctl/verbs.h"

namespace holdfast::ctl {

namespace {

/// A page must come soon, also when a daemon hangs.
constexpr std::chrono::milliseconds patience{2000};

Result<Json> ask_switch(const Session& session)
{
    auto answer = session.ask_switch("holdfast/status", patience);
    if (!answer && answer.error().code == Errc::invalid)
        return Error{Errc::unavailable,
                     "ovs-vswitchd runs without the Holdfast module (" + answer.error().message +
                         "): choose it with 'update-alternatives --config ovs-vswitchd' and "
                         "restart the switch"};
    return answer;
}

} // namespace

Result<void> status(const Session& session)
{
    Facts facts;
    facts.program_version = PACKAGE_VERSION;
    auto path = session.store_path();
    if (path) {
        facts.store_path = *path;
        facts.world = read_world(session);
    } else {
        facts.world = path.error();
    }
    facts.hookd = session.ask_hookd("status", nullptr, patience);
    facts.switch_module = ask_switch(session);
    facts.now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                    std::chrono::system_clock::now().time_since_epoch())
                    .count();
    if (session.json)
        session.print_json(status_json(facts));
    else
        session.print(status_page(facts, session.style));
    return {};
}

} // namespace holdfast::ctl
