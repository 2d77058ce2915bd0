// SPDX-License-Identifier: Apache-2.0
//
// hookd/share-rules: see share-rules.h.
#include <config.h>

#include "hookd/share-rules.h"

#include <algorithm>

#include "common/text.h"

namespace holdfast::hookd {
namespace {

/// What the share is, for people.
std::string share_text(const db::Quota& quota)
{
    std::string text;
    for (const auto& [node, amount] : quota.share)
        text += (text.empty() ? "" : ", ") + node;
    for (const auto& node : quota.borrowed)
        text += (text.empty() ? "" : ", ") + node;
    return text.empty() ? "no hypervisor" : text;
}

} // namespace

Result<void> may_use(const std::vector<db::Quota>& quotas, const std::string& user, Owner owner,
                     const std::string& node)
{
    if (user.empty())
        return {};
    const auto quota = std::ranges::find(quotas, user, &db::Quota::name);
    if (quota == quotas.end()) {
        if (owner == Owner::account)
            return {};
        return Error{Errc::invalid, "user " + one_line(user, 60) +
                                        " has no share: give one by 'holdfast quota request'"};
    }
    if (quota->administrator || quota->share.contains(node) ||
        std::ranges::find(quota->borrowed, node) != quota->borrowed.end())
        return {};
    return Error{Errc::invalid, node + " is outside of the share of user " + user + " (" +
                                    share_text(*quota) +
                                    "): use one of these, or see 'holdfast "
                                    "quota request'"};
}

std::string undecided(const std::vector<db::Hypervisor>& hypervisors, const db::Lease* lease)
{
    const bool offered = std::ranges::any_of(
        hypervisors, [](const db::Hypervisor& row) { return row.capacity > 0; });
    if (!offered || (lease && !lease->holder.empty()))
        return {};
    return "hypervisors have a capacity for users, and no holdfast-schedd leads: start it on them";
}

Result<void> may_order(std::int64_t term, const db::Lease* lease)
{
    if (!lease || lease->term <= term)
        return {};
    return Error{Errc::outdated, "it was ordered in term " + std::to_string(term) +
                                     " of the schedd that leads, and it is term " +
                                     std::to_string(lease->term) + ": nothing is done"};
}

bool rests_on(const db::LeaseStep& step, const db::Lease* now)
{
    if (!now || step.was.term == 0)
        return !now && step.was.term == 0;
    return *now == stepped({step.to, step.was}, now) && now->holder == step.was.holder &&
           now->term == step.was.term;
}

db::Lease stepped(const db::LeaseStep& step, const db::Lease* now)
{
    if (!now)
        return step.to;
    db::Lease row = *now;
    auto change = [&](auto member) {
        if (step.was.*member != step.to.*member)
            row.*member = step.to.*member;
    };
    change(&db::Lease::holder);
    change(&db::Lease::term);
    change(&db::Lease::beat);
    change(&db::Lease::decided);
    change(&db::Lease::spare);
    change(&db::Lease::reviewed);
    change(&db::Lease::accounted);
    change(&db::Lease::balance);
    return row;
}

} // namespace holdfast::hookd
