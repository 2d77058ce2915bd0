// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/similarity: spec R3, R5, R6.
#include <config.h>

#include "recovery/similarity.h"
#include "recovery/tests/values.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::recovery;

TEST_GROUP(R3Similarity){static std::string similarity(const Specification& needed,
                                                       const Specification& there,
                                                       const Policy& policy = {}){
    return text_of(compare(needed, there, policy).similarity);
}
static Policy weighing(const std::string& feature, Weight weight)
{
    Policy policy;
    policy.weights[feature] = weight;
    return policy;
}
}
;

TEST(R3Similarity, R5ThePublishedCaseComesOutAsPublished)
{
    const auto vms = published_case();
    STRCMP_EQUAL("0.333", similarity(vms[0], vms[1]).c_str());
    STRCMP_EQUAL("0.000", similarity(vms[0], vms[2]).c_str());
    STRCMP_EQUAL("0.167", similarity(vms[0], vms[3]).c_str());
    STRCMP_EQUAL("0.667", similarity(vms[0], vms[4]).c_str());
    for (std::size_t i = 1; i < vms.size(); ++i)
        CHECK_EQUAL(i == 4, compare(vms[0], vms[i], {}).similarity.reaches(Policy{}.threshold));
    STRCMP_EQUAL("1.000", similarity(vms[0], vms[0]).c_str());
}

TEST(R3Similarity, CoverageCountsWhatTheOneToBeRecoveredHas)
{
    const auto vms = published_case();
    Policy policy;
    policy.measure = Measure::coverage;
    STRCMP_EQUAL("1.000", similarity(vms[0], vms[4], policy).c_str());
    STRCMP_EQUAL("0.500", similarity(vms[0], vms[1], policy).c_str());
    STRCMP_EQUAL("0.667", similarity(vms[4], vms[0], policy).c_str());
}

TEST(R3Similarity, QuantitiesCountBySmallerByLarger)
{
    const Policy policy = weighing("cpu", 300'000);
    STRCMP_EQUAL("0.750", similarity(made_of({language("Go")}, {2, 0, 0}),
                                     made_of({language("Go")}, {4, 0, 0}), policy)
                              .c_str());
    STRCMP_EQUAL("0.750", similarity(made_of({language("Go")}, {4, 0, 0}),
                                     made_of({language("Go")}, {2, 0, 0}), policy)
                              .c_str());
    // One side alone has it: nothing is shared, and it counts.
    STRCMP_EQUAL("0.500",
                 similarity(made_of({language("Go")}, {4, 0, 0}), made_of({language("Go")}), policy)
                     .c_str());
    STRCMP_EQUAL("0.500",
                 similarity(made_of({language("Go")}), made_of({language("Go")}, {4, 0, 0}), policy)
                     .c_str());
    // Neither: it does not count.
    STRCMP_EQUAL("1.000",
                 similarity(made_of({language("Go")}), made_of({language("Go")}), policy).c_str());
}

TEST(R3Similarity, MoreThanIsNeededCoversIt)
{
    Policy policy = weighing("memory", 300'000);
    policy.measure = Measure::coverage;
    STRCMP_EQUAL("1.000", similarity(made_of({language("Go")}, {0, 1024, 0}),
                                     made_of({language("Go")}, {0, 4096, 0}), policy)
                              .c_str());
    STRCMP_EQUAL("0.625", similarity(made_of({language("Go")}, {0, 4096, 0}),
                                     made_of({language("Go")}, {0, 1024, 0}), policy)
                              .c_str());
}

TEST(R3Similarity, WhatNeitherHasDoesNotCountAndNothingIsNoSimilarity)
{
    STRCMP_EQUAL("1.000",
                 similarity(made_of({database("MySQL")}), made_of({database("MySQL")})).c_str());
    STRCMP_EQUAL("0.000", similarity({}, {}).c_str());
    CHECK_FALSE(compare({}, {}, {}).similarity.reaches(1));
    CHECK_TRUE(compare({}, {}, {}).similarity.reaches(0));
}

TEST(R3Similarity, VersionsCountAsThePolicySays)
{
    const auto old = made_of({database("MySQL", "8.0.33"), language("PHP")});
    const auto other = made_of({database("mysql", "8.4"), language("PHP")});
    Policy policy;
    STRCMP_EQUAL("1.000", similarity(old, other, policy).c_str());
    policy.versions = Versions::major;
    STRCMP_EQUAL("1.000", similarity(old, other, policy).c_str());
    policy.versions = Versions::exact;
    STRCMP_EQUAL("0.429", similarity(old, other, policy).c_str());
    policy.versions = Versions::major;
    STRCMP_EQUAL(
        "0.429",
        similarity(old, made_of({database("MySQL", "80"), language("PHP")}), policy).c_str());
    STRCMP_EQUAL("0.429",
                 similarity(old, made_of({database("MySQL"), language("PHP")}), policy).c_str());
}

TEST(R3Similarity, AConditionIsNoWeight)
{
    Policy policy = weighing("cpu", 300'000);
    policy.required[static_cast<std::size_t>(Quantity::cpu)] = true;
    const auto needed = made_of({language("Go")}, {4, 0, 0});
    const auto small = made_of({language("Go")}, {2, 0, 0});
    STRCMP_EQUAL("1.000", similarity(needed, small, policy).c_str());
    CHECK_TRUE(lacks(needed.quantities, small.quantities, policy) == Quantity::cpu);
    CHECK_FALSE(lacks(small.quantities, needed.quantities, policy).has_value());
    CHECK_FALSE(lacks({}, {}, policy).has_value());
}

TEST(R3Similarity, EqualFractionsAreEqual)
{
    CHECK_TRUE(Similarity(1, 3) == Similarity(200'000, 600'000));
    CHECK_TRUE(Similarity(1, 3) < Similarity(333'334, 1'000'000));
    CHECK_TRUE(Similarity(0, 0) == Similarity(0, 5));
    CHECK_TRUE(Similarity(largest_weight * 4096 - 1, largest_weight * 4096) <
               Similarity(largest_weight, largest_weight));
    CHECK_TRUE(Similarity(1, 2).reaches(500'000));
    CHECK_FALSE(Similarity(499'999, 1'000'000).reaches(500'000));
}

TEST(R3Similarity, R6TheDifferenceSaysWhatIsToBeInstalled)
{
    const auto vms = published_case();
    const Match match = compare(vms[1], vms[0], {});
    CHECK_TRUE(match.missing ==
               (std::vector<Element>{database("PostgreSQL"), web_server("Apache")}));
    CHECK_TRUE(match.surplus == (std::vector<Element>{database("MySQL"), web_server("nginx")}));
    CHECK_TRUE(match.shared == (std::vector<Shared>{{language("Node.js"), ""},
                                                    {{"os", "Ubuntu", "20.04"}, "20.04"}}));
}

TEST(R3Similarity, R6TheDifferenceSaysWhereVersionsDiffer)
{
    const Match match =
        compare(made_of({database("MySQL", "8.0")}), made_of({database("MySQL", "5.7")}), {});
    CHECK_TRUE(match.shared == (std::vector<Shared>{{database("MySQL", "8.0"), "5.7"}}));
}
