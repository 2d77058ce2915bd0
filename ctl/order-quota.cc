// SPDX-License-Identifier: Apache-2.0
//
// ctl/order-quota: the verbs and options of `holdfast quota`.
#include <config.h>

#include "ctl/order.h"

namespace holdfast::ctl {
namespace {

void add_quota_request(CLI::App& noun, Order& order)
{
    auto& quota = order.quota;
    auto* request = add(noun, "request", "Ask for an amount of the fleet for a user", order,
                        [&quota](const Session& s) { return quota_request(s, quota); });
    request->add_option("USER", quota.user, "Whose it will be")->required();
    request->add_option("--amount", quota.amount, "So many units, in all");
    request->add_option("--hours-per-day", quota.hours_per_day, "Or by use: hours of each day");
    request->add_option("--hours-per-week", quota.hours_per_week, "Hours of each week");
    request->add_option("--storage", quota.storage, "GiB of storage");
    request->add_option("--work-per-hour", quota.work_per_hour, "Pieces of work an hour");
    request->add_option("--node", quota.nodes, "One of the nodes; several times for several")
        ->allow_extra_args(false);
    request->add_flag("--administrator", quota.administrator, "Or all hypervisors, without limit");
}

} // namespace

void add_quota(CLI::App& app, Order& order)
{
    auto& noun = add_noun(app, "quota", "What users have of the fleet");
    add_quota_request(noun, order);
    add(noun, "show", "Show what users have, or one of them", order, [&order](const Session& s) {
        return quota_show(s, order.user);
    })->add_option("USER", order.user, "The user");
    auto* select = add(noun, "select", "Say which nodes of his share a user uses, and pays for",
                       order, [&order](const Session& s) {
                           return quota_select(s, order.quota.user, order.quota.nodes);
                       });
    select->add_option("USER", order.quota.user, "The user")->required();
    select->add_option("NODE", order.quota.nodes, "Those in use from now on")->required();
    add(noun, "del", "Take all that a user has away", order,
        [&order](const Session& s) { return quota_del(s, order.quota.user); })
        ->add_option("USER", order.quota.user, "The user")
        ->required();
    add(noun, "review", "End the period now, and decide who gets more or fewer nodes", order,
        [&order](const Session& s) { return quota_review(s, order.dry_run); })
        ->add_flag("--dry-run", order.dry_run, "Only tell what would be decided, and why");
    add(noun, "usage", "Show what users used in this period", order, [&order](const Session& s) {
        return quota_usage(s, order.user);
    })->add_option("USER", order.user, "The user");
}

} // namespace holdfast::ctl
