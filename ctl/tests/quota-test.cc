// SPDX-License-Identifier: Apache-2.0
//
// Tests of ctl/quota: spec Q1, Q3, Q4.
#include <config.h>

#include "ctl/quota.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::ctl;

TEST_GROUP(QuotaText)
{
    db::ShareRows rows;
    Style style;

    void setup() override
    {
        db::Hypervisor hv1, hv2;
        hv1.name = "hv1";
        hv1.load = 754;
        hv2.name = "hv2";
        db::Quota ann, root;
        ann.name = "ann";
        ann.amount = 52'500;
        ann.share = {{"hv1", 30'000}, {"hv2", 30'000}};
        ann.borrowed = {"hv3"};
        ann.in_use = {"hv1"};
        ann.used = {{"hv1", 30'000 * 5400}};
        root.name = "root";
        root.administrator = true;
        rows = {{}, {ann, root}, {hv1, hv2}, {}};
    }
};

TEST(QuotaText, UnitsAreWrittenAsPeopleDo)
{
    CHECK_EQUAL(std::string("90"), units_text(90'000));
    CHECK_EQUAL(std::string("2.5"), units_text(2'500));
    CHECK_EQUAL(std::string("0.001"), units_text(1));
    CHECK_EQUAL(std::string("-0.5"), units_text(-500));
    CHECK_EQUAL(std::string("-1.5"), units_text(-1500));
    CHECK_EQUAL(90'000, *units_from("--amount", "90"));
    CHECK_EQUAL(2'500, *units_from("--amount", "2.5"));
    CHECK_EQUAL(-1'000, *units_from("--amount", "-1"));
}

TEST(QuotaText, WhatIsNoNumberIsRefused)
{
    for (const char* text : {"", "x", "9x", "nan", "inf", "1e10"})
        CHECK_EQUAL(std::string("--amount is \"") + text + "\": give a number, 1000000000 at most",
                    units_from("--amount", text).error().message);
}

TEST(QuotaText, TableHasAUserALine)
{
    CHECK_EQUAL(std::string("USER  AMOUNT  SHARE     IN USE  LENT\n"
                            "ann     52.5  hv1, hv2  hv1     hv3\n"
                            "root       -  all       -       -\n"),
                quota_table(rows, style));
    rows.quotas.clear();
    STRCMP_CONTAINS("No user has a share.", quota_table(rows, style).c_str());
}

TEST(QuotaText, PageHasANodeALine)
{
    CHECK_EQUAL(std::string("ann  52.5 units\n\n"
                            "NODE  UNITS    LOAD  IN USE  UNIT HOURS\n"
                            "hv1      30  75.4 %  yes             45\n"
                            "hv2      30       -  no               0\n"
                            "hv3    lent       -  no               0\n"),
                quota_page(rows.quotas[0], rows, style));
    CHECK_EQUAL(std::string("root  administrator: all hypervisors\n"),
                quota_page(rows.quotas[1], rows, style));
}

TEST(QuotaText, UsageIsOfThePeriod)
{
    CHECK_EQUAL(std::string("USER  NODE  UNIT HOURS\nann   hv1           45\n"),
                usage_table(rows.quotas, style));
    CHECK_EQUAL(std::string("Nothing was used in this period yet.\n"), usage_table({}, style));
}

TEST(QuotaText, ReviewTellsEachReason)
{
    const Json answer{{"users", Json::array({{{"reason", "ann: no change"}}})},
                      {"spare_reason", "spare is hv2"}};
    CHECK_EQUAL(std::string("A review now would decide:\nann: no change\nspare is hv2\n"),
                review_page(answer, true, style));
    CHECK_EQUAL(std::string("ann: no change\nspare is hv2\n"), review_page(answer, false, style));
}
