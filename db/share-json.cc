// SPDX-License-Identifier: Apache-2.0
//
// db/share-json: see share-json.h.
#include <config.h>

#include "db/share-json.h"

#include "db/row-check.h"

namespace holdfast::db {
namespace {

using nlohmann::json;

template <class Row>
Result<Row> checked(Row row, const char* kind)
{
    if (auto wrong = fault(row); !wrong.empty())
        return Error{Errc::damaged, std::string{kind} + " " + row.name + ": " + wrong};
    return row;
}

Error no_row(const char* kind, const json::exception& wrong)
{
    return {Errc::damaged, std::string{"no "} + kind + ": " + wrong.what()};
}

} // namespace

json lease_json(const Lease& row)
{
    return {{"name", row.name},         {"holder", row.holder},       {"term", row.term},
            {"beat", row.beat},         {"spare", row.spare},         {"decided", row.decided},
            {"reviewed", row.reviewed}, {"accounted", row.accounted}, {"balance", row.balance}};
}

json quota_json(const Quota& row)
{
    return {{"name", row.name},
            {"amount", row.amount},
            {"administrator", row.administrator},
            {"share", row.share},
            {"given", row.given},
            {"borrowed", row.borrowed},
            {"in_use", row.in_use},
            {"low_reviews", row.low_reviews},
            {"used", row.used},
            {"accounted", row.accounted}};
}

/// One of which there is none yet, with a term of 0, is right here.
Result<Lease> lease_from(const json& object)
try {
    Lease row;
    row.name = object.at("name");
    row.holder = object.at("holder");
    row.term = object.at("term");
    row.beat = object.at("beat");
    row.decided = object.at("decided");
    row.spare = object.at("spare");
    row.reviewed = object.at("reviewed");
    row.accounted = object.at("accounted");
    row.balance = object.value("balance", "");
    return row.term == 0 ? Result<Lease>{row} : checked(std::move(row), "lease");
} catch (const json::exception& wrong) {
    return no_row("lease", wrong);
}

Result<Quota> quota_from(const json& object)
try {
    Quota row;
    row.name = object.at("name");
    row.amount = object.at("amount");
    row.administrator = object.at("administrator");
    row.share = object.at("share").get<decltype(row.share)>();
    row.given = object.at("given").get<decltype(row.given)>();
    row.borrowed = object.at("borrowed").get<decltype(row.borrowed)>();
    row.in_use = object.at("in_use").get<decltype(row.in_use)>();
    row.low_reviews = object.at("low_reviews");
    row.used = object.at("used").get<decltype(row.used)>();
    row.accounted = object.value("accounted", TimeNs{0});
    return checked(std::move(row), "quota");
} catch (const json::exception& wrong) {
    return no_row("quota", wrong);
}

} // namespace holdfast::db
