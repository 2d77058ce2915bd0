// SPDX-License-Identifier: Apache-2.0
//
// ctl/answers: see answers.h.
#include <config.h>

#include "ctl/answers.h"

#include <algorithm>

#include "common/text.h"

namespace holdfast::ctl {

namespace {

const Json* find(const Json& object, const char* key)
{
    if (!object.is_object())
        return nullptr;
    auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

} // namespace

Result<Json> parse_answer(const std::string& text, const std::string& daemon)
{
    Json answer = Json::parse(text, nullptr, false);
    if (!answer.is_object())
        return Error{Errc::damaged, daemon + " answered \"" + one_line(text, 80) +
                                        "\", which is no JSON object: are daemon and command of "
                                        "one version?"};
    return answer;
}

std::string text_of(const Json& object, const char* key, const std::string& otherwise)
{
    const Json* value = find(object, key);
    if (value && value->is_string())
        return value->get<std::string>();
    return value && value->is_number() ? value->dump() : otherwise;
}

std::int64_t number_of(const Json& object, const char* key)
{
    const Json* value = find(object, key);
    return value && value->is_number_integer() ? value->get<std::int64_t>() : 0;
}

bool truth_of(const Json& object, const char* key)
{
    const Json* value = find(object, key);
    return value && value->is_boolean() && value->get<bool>();
}

std::vector<Json> objects_of(const Json& object, const char* key)
{
    std::vector<Json> all;
    if (const Json* list = find(object, key); list && list->is_array())
        for (const Json& item : *list)
            if (item.is_object())
                all.push_back(item);
    return all;
}

std::vector<std::string> texts_of(const Json& object, const char* key)
{
    std::vector<std::string> all;
    if (const Json* list = find(object, key); list && list->is_array())
        for (const Json& item : *list)
            if (item.is_string())
                all.push_back(item.get<std::string>());
    return all;
}

std::string trace_page(const Json& answer, const Style& style)
{
    std::string page = style.paint(one_line(text_of(answer, "chain")), Tone::head) + "  " +
                       one_line(text_of(answer, "packet", "any packet of the chain")) + "\n";
    Table table{{">", "HYPERVISOR", "HOP", "WHAT"}};
    int n = 0;
    for (const Json& step : objects_of(answer, "steps")) {
        std::string hop = text_of(step, "vm");
        table.add({{std::to_string(++n), Tone::dim},
                   text_of(step, "hypervisor"),
                   {hop.empty() ? "-" : hop, Tone::head},
                   text_of(step, "text")});
    }
    if (!table.empty())
        page += table.text(style, 2);
    return page + "result: " + one_line(text_of(answer, "result", "-")) + "\n";
}

std::string balancer_trace_page(const Json& answer, const Style& style)
{
    std::string page = style.paint(one_line(text_of(answer, "balancer")), Tone::head) + "  " +
                       one_line(text_of(answer, "vip")) + " port " + text_of(answer, "port") + "/" +
                       one_line(text_of(answer, "protocol")) + " from " +
                       one_line(text_of(answer, "client")) + " port " +
                       text_of(answer, "client_port") + "\n";
    Table table{{">", "WAY", "HYPERVISOR", "VM", "WHAT"}};
    int n = 0;
    for (const Json& step : objects_of(answer, "steps")) {
        const auto word = [&](const char* key) {
            std::string text = text_of(step, key);
            return text.empty() ? "-" : text;
        };
        bool problem = truth_of(step, "problem");
        table.add({{std::to_string(++n), Tone::dim},
                   text_of(step, "way"),
                   word("hypervisor"),
                   {word("vm"), Tone::head},
                   {(problem ? "problem: " : "") + text_of(step, "text"),
                    problem ? Tone::bad : Tone::plain}});
    }
    if (!table.empty())
        page += table.text(style, 2);
    return page + "result: " + one_line(text_of(answer, "result", "-")) + "\n";
}

std::string check_page(const Json& answer, const Style& style)
{
    Table table{{"HYPERVISOR", ">FLOWS", "STATE"}};
    auto all = objects_of(answer, "hypervisors");
    std::stable_sort(all.begin(), all.end(), [](const Json& a, const Json& b) {
        return text_of(a, "hypervisor") < text_of(b, "hypervisor");
    });
    for (const Json& one : all) {
        bool ok = truth_of(one, "ok");
        table.add({text_of(one, "hypervisor"),
                   text_of(one, "flows", "-"),
                   {ok ? "as intended" : "differs", ok ? Tone::good : Tone::bad}});
        for (const auto& problem : texts_of(one, "problems"))
            table.add({"", "", problem});
    }
    if (table.empty())
        return "No hypervisor answered.\n";
    return table.text(style);
}

std::optional<std::string> check_failure(const Json& answer)
{
    if (truth_of(answer, "ok"))
        return std::nullopt;
    std::string where;
    for (const Json& one : objects_of(answer, "hypervisors"))
        if (!truth_of(one, "ok"))
            where += (where.empty() ? "" : ", ") + one_line(text_of(one, "hypervisor"));
    return "not every switch has the flows it should have" +
           (where.empty() ? "" : " (" + where + ")") +
           ": 'ovs-appctl holdfast/sync' there puts them in place anew";
}

std::string fleet_page(const Json& answer, db::TimeNs now, const Style& style)
{
    std::string state = text_of(answer, "state", "unknown");
    if (state == "none")
        return "No fleet. Make one with 'holdfast fleet init', or enter one with 'holdfast fleet "
               "join ADDRESS'.\n";
    std::string page = "fleet " + style.paint(state, state == "connected" ? Tone::good : Tone::bad);
    if (auto address = text_of(answer, "address"); !address.empty())
        page += (state == "connected" ? " to " : " from ") + one_line(address);
    page += "\n";
    Table table{{"NAME", ">NUMBER", "VTEP", "SEEN"}};
    for (const Json& one : objects_of(answer, "members")) {
        bool self = truth_of(one, "self");
        table.add({{text_of(one, "hypervisor") + (self ? " (here)" : ""), Tone::head},
                   text_of(one, "number", "-"),
                   text_of(one, "vtep", "-"),
                   self ? "now" : ago(number_of(one, "seen_ns"), now)});
    }
    return table.empty() ? page : page + table.text(style, 2);
}

std::string ago(db::TimeNs time, db::TimeNs now)
{
    if (time <= 0)
        return "-";
    std::int64_t seconds = (now - time) / 1000000000;
    if (seconds < 1)
        return "now";
    if (seconds < 120)
        return std::to_string(seconds) + " s ago";
    if (seconds < 7200)
        return std::to_string(seconds / 60) + " min ago";
    return std::to_string(seconds / 3600) + " h ago";
}

} // namespace holdfast::ctl
