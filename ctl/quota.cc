// SPDX-License-Identifier: Apache-2.0
//
// ctl/quota: see quota.h.
#include <config.h>

#include "ctl/quota.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "common/text.h"
#include "ctl/answers.h"

namespace holdfast::ctl {
namespace {

constexpr std::int64_t hour = 3600;

std::string joined(const std::vector<std::string>& words)
{
    std::string all;
    for (const auto& word : words)
        all += (all.empty() ? "" : ", ") + one_line(word);
    return all.empty() ? "-" : all;
}

std::vector<std::string> share_of(const db::Quota& quota)
{
    std::vector<std::string> nodes;
    for (const auto& [node, amount] : quota.share)
        nodes.push_back(node);
    return nodes;
}

std::string share_text(const db::Quota& quota)
{
    return quota.administrator ? "all" : joined(share_of(quota));
}

std::string load_text(int load)
{
    return load < 0 ? "-" : units_text(load * 100) + " %";
}

const db::Hypervisor* find(const db::ShareRows& rows, const std::string& name)
{
    const auto found = std::ranges::find(rows.hypervisors, name, &db::Hypervisor::name);
    return found == rows.hypervisors.end() ? nullptr : &*found;
}

bool uses(const db::Quota& quota, const std::string& node)
{
    return std::ranges::find(quota.in_use, node) != quota.in_use.end();
}

std::string unit_hours(std::int64_t unit_seconds)
{
    return units_text(unit_seconds / hour);
}

} // namespace

std::string units_text(std::int64_t thousandths)
{
    std::string text = std::to_string(thousandths / 1000);
    if (const auto rest = thousandths % 1000; rest != 0) {
        const std::string digits = std::to_string(1000 + std::abs(rest)).substr(1);
        text = (thousandths < 0 && thousandths > -1000 ? "-" : "") + text + "." +
               digits.substr(0, digits.find_last_not_of('0') + 1);
    }
    return text;
}

Result<std::int64_t> units_from(const std::string& option, const std::string& text)
{
    constexpr double most = 1e9;
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(std::abs(value) <= most))
        return Error{Errc::invalid, option + " is \"" + one_line(text, 60) +
                                        "\": give a number, 1000000000 at most"};
    return std::llround(value * 1000);
}

std::string quota_table(const db::ShareRows& rows, const Style& style)
{
    if (rows.quotas.empty())
        return "No user has a share. 'holdfast quota request USER --amount N' gives one.\n";
    Table table{{"USER", ">AMOUNT", "SHARE", "IN USE", "LENT"}};
    for (const auto& quota : rows.quotas)
        table.add({{quota.name, Tone::head},
                   quota.administrator ? "-" : units_text(quota.amount),
                   share_text(quota),
                   joined(quota.in_use),
                   joined(quota.borrowed)});
    return table.text(style);
}

std::string quota_page(const db::Quota& quota, const db::ShareRows& rows, const Style& style)
{
    std::string page = style.paint(one_line(quota.name), Tone::head) + "  " +
                       (quota.administrator ? "administrator: all hypervisors"
                                            : units_text(quota.amount) + " units") +
                       "\n";
    Table table{{"NODE", ">UNITS", ">LOAD", "IN USE", ">UNIT HOURS"}};
    auto nodes = share_of(quota);
    nodes.insert(nodes.end(), quota.borrowed.begin(), quota.borrowed.end());
    for (const auto& node : nodes) {
        const auto* row = find(rows, node);
        const auto reserved = quota.share.find(node);
        const auto used = quota.used.find(node);
        table.add({{node, Tone::head},
                   reserved == quota.share.end() ? "lent" : units_text(reserved->second),
                   load_text(row ? row->load : -1),
                   uses(quota, node) ? "yes" : "no",
                   used == quota.used.end() ? "0" : unit_hours(used->second)});
    }
    return table.empty() ? page : page + "\n" + table.text(style);
}

Json quota_view(const db::Quota& quota)
{
    return {{"user", quota.name},
            {"amount", static_cast<double>(quota.amount) / 1000},
            {"administrator", quota.administrator},
            {"share", share_of(quota)},
            {"borrowed", quota.borrowed},
            {"in_use", quota.in_use}};
}

std::string usage_table(const std::vector<db::Quota>& quotas, const Style& style)
{
    Table table{{"USER", "NODE", ">UNIT HOURS"}};
    for (const auto& quota : quotas)
        for (const auto& [node, unit_seconds] : quota.used)
            table.add({{quota.name, Tone::head}, node, unit_hours(unit_seconds)});
    return table.empty() ? "Nothing was used in this period yet.\n" : table.text(style);
}

Json usage_view(const db::Quota& quota)
{
    Json used = Json::object();
    for (const auto& [node, unit_seconds] : quota.used)
        used[node] = static_cast<double>(unit_seconds) / 1000;
    return {{"user", quota.name}, {"unit_seconds", used}};
}

namespace {

/// What a round of balance would do, and why not what it would not; empty if none was asked for.
std::string balance_page(const Json& answer, const Style& style)
{
    const auto found = answer.find("balance");
    if (found == answer.end())
        return {};
    if (!found->is_object())
        return style.paint("Nothing is balanced: balance_interval_s is 0.", Tone::dim) + "\n";
    std::string page = "A round of balance now would decide:\n";
    for (const Json& one : objects_of(*found, "moves"))
        page += one_line(text_of(one, "reason")) + "\n";
    for (const char* key : {"roles", "leader"})
        for (const std::string& reason : texts_of(*found, key))
            page += one_line(reason) + "\n";
    for (const std::string& reason : texts_of(*found, "stays"))
        page += style.paint(one_line(reason), Tone::dim) + "\n";
    return page;
}

} // namespace

std::string review_page(const Json& answer, bool dry_run, const Style& style)
{
    std::string page = dry_run ? "A review now would decide:\n" : "";
    for (const Json& one : objects_of(answer, "users"))
        page += one_line(text_of(one, "reason")) + "\n";
    page += style.paint(one_line(text_of(answer, "spare_reason")), Tone::dim) + "\n";
    return page + balance_page(answer, style);
}

} // namespace holdfast::ctl
