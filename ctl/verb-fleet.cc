// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-fleet: `holdfast fleet …`.  Only hookd talks to the fleet database.
#include <config.h>

#include <chrono>

#include "common/text.h"
#include "ctl/answers.h"
#include "ctl/verbs.h"

namespace holdfast::ctl {

namespace {

Result<void> told(const Session& session, const Result<Json>& answer, const std::string& line)
{
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print(line);
    return {};
}

std::string member(const Result<Json>& answer)
{
    if (!answer)
        return {};
    return one_line(text_of(*answer, "hypervisor", "this hypervisor")) + " (number " +
           text_of(*answer, "number", "?") + ")";
}

} // namespace

Result<void> fleet_init(const Session& session, const std::string& listen)
{
    auto answer = session.ask_hookd("fleet/init", {{"listen", listen}}, std::chrono::seconds{30});
    std::string address = answer ? one_line(text_of(*answer, "address")) : "";
    return told(session, answer,
                "fleet made by " + member(answer) + "; on the others: holdfast fleet join " +
                    address + "\n");
}

Result<void> fleet_join(const Session& session, const std::string& address)
{
    auto answer = session.ask_hookd("fleet/join", {{"address", address}}, std::chrono::seconds{30});
    return told(session, answer, "fleet joined as " + member(answer) + "\n");
}

Result<void> fleet_status(const Session& session)
{
    auto answer = session.ask_hookd("fleet/status", nullptr);
    if (!answer)
        return answer.error();
    auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count();
    return told(session, answer, fleet_page(*answer, now, session.style));
}

Result<void> fleet_leave(const Session& session, const std::optional<std::string>& node)
{
    const Json arguments = node ? Json{{"node", *node}} : Json{};
    auto answer = session.ask_hookd("fleet/leave", arguments, std::chrono::seconds{30});
    return told(session, answer,
                !node ? "fleet left; the chains of this hypervisor go on by themselves\n"
                      : one_line(*node) + " is in the fleet no more; if it comes back, it "
                                          "joins again\n");
}

} // namespace holdfast::ctl
