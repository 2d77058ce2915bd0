// SPDX-License-Identifier: Apache-2.0
//
// db/tests/share-rows: rows of users' shares, as tests of the store and of the fleet have them.
#pragma once

#include <string>

#include "db/rows.h"

namespace holdfast::tests {

inline db::Lease lease(const std::string& holder, std::int64_t term)
{
    return {"schedd", holder, term, 5, 9, "hv3", 1'700'000'000'000'000'001, 3, R"({"moved":{}})"};
}

inline db::Quota quota(const std::string& name)
{
    db::Quota row;
    row.name = name;
    row.amount = 75'000;
    row.administrator = name == "z";
    row.share = {{"hv1", 30'000}, {"hv2", 30'000}};
    row.given = {{"hv1", 1'700'000'000'000'000'001}, {"hv2", 2}};
    row.borrowed = {"hv3"};
    row.in_use = {"hv1", "hv3"};
    row.low_reviews = 1;
    row.used = {{"hv1", 123'456}};
    row.accounted = 1'700'000'000'000'000'002;
    return row;
}

} // namespace holdfast::tests
