// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-quota: `holdfast quota …`.
#include <config.h>

#include "common/text.h"
#include "ctl/answers.h"
#include "ctl/quota.h"
#include "ctl/verbs.h"
#include "db/find.h"

namespace holdfast::ctl {
namespace {

constexpr auto leader_limit = std::chrono::seconds{30}; // It may be on another hypervisor.

Result<db::ShareRows> read_rows(const Session& session)
{
    auto store = session.open_store();
    if (!store)
        return store.error();
    return store->share_rows();
}

/// All users, or the one that is named.
/// Errors:  not_found, with the nearest name.
Result<std::vector<db::Quota>> named(const std::vector<db::Quota>& all,
                                     const std::optional<std::string>& user)
{
    if (!user)
        return all;
    auto one = db::find_quota(all, *user);
    return one ? Result<std::vector<db::Quota>>{std::vector{*one}} : one.error();
}

Result<Json> request_from(const QuotaOrder& order)
{
    Json request{{"user", order.user}};
    if (order.administrator)
        request["administrator"] = true;
    if (!order.nodes.empty())
        request["nodes"] = order.nodes;
    for (const auto& [option, key, text] :
         {std::tuple{"--amount", "amount", &order.amount},
          std::tuple{"--hours-per-day", "hours_a_day", &order.hours_per_day},
          std::tuple{"--hours-per-week", "hours_a_week", &order.hours_per_week},
          std::tuple{"--storage", "storage", &order.storage},
          std::tuple{"--work-per-hour", "work_per_hour", &order.work_per_hour}}) {
        if (!*text)
            continue;
        auto value = units_from(option, **text);
        if (!value)
            return value.error();
        request[key] = *value;
    }
    return request;
}

Result<void> told(const Session& session, const Result<Json>& answer, const std::string& text)
{
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print(text);
    return {};
}

/// Prints the quota of one user, or of all: each as `view` has it, or together as the text that
/// `page` makes of the rows and these quotas.
template <class View, class Page>
Result<void> show(const Session& session, const std::optional<std::string>& user, View view,
                  Page page)
{
    auto rows = read_rows(session);
    if (!rows)
        return rows.error();
    auto quotas = named(rows->quotas, user);
    if (!quotas)
        return quotas.error();
    if (session.json) {
        Json all = Json::array();
        for (const auto& quota : *quotas)
            all.push_back(view(quota));
        session.print_json(user ? all[0] : all);
    } else {
        session.print(page(*rows, *quotas));
    }
    return {};
}

} // namespace

Result<void> quota_request(const Session& session, const QuotaOrder& order)
{
    auto request = request_from(order);
    if (!request)
        return request.error();
    auto answer = session.ask_hookd("quota/request", *request, leader_limit);
    return told(session, answer, answer ? one_line(text_of(*answer, "reason")) + "\n" : "");
}

Result<void> quota_show(const Session& session, const std::optional<std::string>& user)
{
    return show(session, user, quota_view, [&](const auto& rows, const auto& quotas) {
        return user ? quota_page(quotas.front(), rows, session.style)
                    : quota_table(rows, session.style);
    });
}

Result<void> quota_usage(const Session& session, const std::optional<std::string>& user)
{
    return show(session, user, usage_view, [&](const auto&, const auto& quotas) {
        return usage_table(quotas, session.style);
    });
}

Result<void> quota_select(const Session& session, const std::string& user,
                          const std::vector<std::string>& nodes)
{
    auto answer =
        session.ask_hookd("quota/select", {{"user", user}, {"nodes", nodes}}, leader_limit);
    std::string all;
    for (const auto& node : nodes)
        all += (all.empty() ? "" : ", ") + one_line(node);
    return told(session, answer, one_line(user) + " uses " + all + " from now on\n");
}

Result<void> quota_del(const Session& session, const std::string& user)
{
    return told(session, session.ask_hookd("quota/del", {{"user", user}}, leader_limit),
                one_line(user) + " has no share any more\n");
}

Result<void> quota_review(const Session& session, bool dry_run)
{
    auto answer = session.ask_hookd("quota/review", {{"dry_run", dry_run}}, leader_limit);
    return told(session, answer, answer ? review_page(*answer, dry_run, session.style) : "");
}

} // namespace holdfast::ctl
