// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/place: spec R9.
#include <config.h>

#include "recovery/place.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::recovery;

namespace {

db::Recovery recovered(const std::string& replacement, const std::string& target, db::TimeNs when)
{
    db::Recovery row;
    row.id = "r" + std::to_string(when);
    row.vm = "v";
    row.hypervisor = "hv1";
    row.state = "recovered";
    row.replacement = replacement;
    row.target = target;
    row.changed = when;
    return row;
}

} // namespace

TEST_GROUP(R9Place){};

TEST(R9Place, AVmHasItWhereItWasStartedLast)
{
    CHECK_TRUE(has_place({}, "v", "hv1"));
    std::vector rows{recovered("v", "hv2", 1)};
    CHECK_TRUE(has_place(rows, "v", "hv2"));
    CHECK_FALSE(has_place(rows, "v", "hv1"));
    rows.insert(rows.begin(), recovered("v", "hv3", 2));
    CHECK_TRUE(has_place(rows, "v", "hv3"));
    CHECK_FALSE(has_place(rows, "v", "hv2"));
    rows.push_back(recovered("w", "hv3", 3));
    CHECK_FALSE(has_place(rows, "v", "hv3"));
    rows.back().state = "allowed";
    CHECK_TRUE(has_place(rows, "v", "hv3"));
    rows.front().state = "running"; // It is lost there, too.
    CHECK_FALSE(has_place(rows, "v", "hv3"));
}

TEST(R9Place, WhereAnAttemptMayHaveStartedItStandsInItsRow)
{
    STRCMP_EQUAL("hv2", started_on(recovered("v", "hv2", 1)).c_str());
    STRCMP_EQUAL("", started_on(recovered("w", "hv2", 1)).c_str());
}
