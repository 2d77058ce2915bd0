// SPDX-License-Identifier: Apache-2.0
//
// ctl/balancer-counters: see balancer-counters.h.
#include <config.h>

#include "ctl/balancer-counters.h"

#include <array>

#include "common/text.h"
#include "ctl/answers.h"

namespace holdfast::ctl {

namespace {

constexpr std::array whole_keys{"connections", "held", "packets", "bytes", "refused"};
constexpr std::array server_keys{"active", "inactive", "connections", "packets",
                                 "bytes",  "refused",  "weight"};

/// The counters of the server with this address; null if the switch has none.
Json server_counters(const Json& counters, const std::string& address)
{
    for (const auto& one : objects_of(counters, "servers"))
        if (text_of(one, "address") == address)
            return one;
    return nullptr;
}

template <class Keys>
Json picked(const Json& from, const Keys& keys)
{
    Json numbers = Json::object();
    for (const char* key : keys)
        numbers[key] = number_of(from, key);
    return numbers;
}

} // namespace

Result<Json> counters_of(const db::Balancer& balancer, const Result<Json>& answer)
{
    if (!answer)
        return answer;
    for (const auto& one : objects_of(*answer, "balancers"))
        if (text_of(one, "name") == balancer.name)
            return one;
    return Error{Errc::not_found, "it does not know the balancer: see 'holdfast status'"};
}

std::string counters_page(const db::Balancer& balancer, const Result<Json>& counters,
                          const Style& style)
{
    if (!counters)
        return "The switch here gives no counters: " + one_line(counters.error().message) + "\n";
    std::string whole;
    for (const char* key : whole_keys)
        whole += (whole.empty() ? "" : ", ") + std::string{key} + " " +
                 std::to_string(number_of(*counters, key));
    Table table{{"SERVER", ">ACTIVE", ">INACTIVE", ">CONNECTIONS", ">PACKETS", ">BYTES", ">REFUSED",
                 ">WEIGHT"}};
    for (const auto& server : balancer.servers) {
        const auto one = server_counters(*counters, server.address);
        std::vector<Cell> row{{server.address + ":" + std::to_string(server.port), Tone::head}};
        for (const char* key : server_keys)
            row.push_back(text_of(one, key, "-"));
        table.add(std::move(row));
    }
    return "Counted by the switch here: " + whole + "\n" + table.text(style);
}

void add_counters(Json& page, const Result<Json>& counters)
{
    page["counters"] = counters ? picked(*counters, whole_keys) : Json{};
    page["counters_error"] = counters ? "" : counters.error().message;
    for (auto& server : page["servers"]) {
        const auto one = counters ? server_counters(*counters, text_of(server, "address")) : Json{};
        server["counters"] = one.is_null() ? one : picked(one, server_keys);
    }
}

std::string director_routes_page(const Result<Json>& answer, const Style& style)
{
    if (!answer)
        return "What the directors do is not known: " + one_line(answer.error().message) + "\n";
    Table table{{"DIRECTOR", "HYPERVISOR", "ROUTES", "WHAT IS SEEN"}};
    for (const auto& one : objects_of(*answer, "directors")) {
        const auto routes = text_of(one, "routes");
        const auto where = text_of(one, "hypervisor");
        table.add({{text_of(one, "vm"), Tone::head},
                   where.empty() ? "-" : where,
                   {routes, routes == "used"      ? Tone::good
                            : routes == "missing" ? Tone::bad
                                                  : Tone::warn},
                   text_of(one, "text")});
    }
    return table.empty() ? "It has no director.\n" : table.text(style);
}

void add_director_routes(Json& page, const Result<Json>& answer)
{
    page["directors_seen"] = answer ? answer->value("directors", Json::array()) : Json{};
    page["directors_seen_error"] = answer ? "" : answer.error().message;
}

} // namespace holdfast::ctl
