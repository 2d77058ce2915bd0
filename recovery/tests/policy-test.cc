// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/policy: spec R2, and what is refused.
#include <config.h>

#include "recovery/policy.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::recovery;

TEST_GROUP(R2Policy)
{
    const std::set<std::string> known{"cpu", "database", "language", "web-server"};
    std::string refused(const std::vector<std::string>& texts) const
    {
        const auto done = with_weights({}, texts, known);
        return done ? "taken" : done.error().message;
    }
    static std::string refused_setting(const std::string& text)
    {
        const auto done = with_setting({}, text);
        return done ? "taken" : done.error().message;
    }
};

TEST(R2Policy, DefaultWeights)
{
    const Policy policy;
    STRCMP_EQUAL("0.3", decimal_text(policy.weight("language")).c_str());
    STRCMP_EQUAL("0.2", decimal_text(policy.weight("database")).c_str());
    STRCMP_EQUAL("0.1", decimal_text(policy.weight("web-server")).c_str());
    for (const char* other : {"os", "cpu", "memory", "disk", "data", "software"})
        CHECK_EQUAL(0, policy.weight(other));
    STRCMP_EQUAL("0.5", decimal_text(policy.threshold).c_str());
}

TEST(R2Policy, DecimalsAreExact)
{
    CHECK_EQUAL(250'000, *parse_decimal("0.25"));
    CHECK_EQUAL(1, *parse_decimal("0.000001"));
    CHECK_EQUAL(1'000'000'000, *parse_decimal("1000"));
    CHECK_EQUAL(-500'000, *parse_decimal("-0.5"));
    for (const char* wrong : {"", ".5", "5.", "0,5", "1e3", "0.0000001", "1234567", "--1", "1.-2"})
        CHECK_FALSE(parse_decimal(wrong).has_value());
    STRCMP_EQUAL("0.000001", decimal_text(1).c_str());
    STRCMP_EQUAL("12", decimal_text(12'000'000).c_str());
}

TEST(R2Policy, WeightsArePutIn)
{
    const auto policy = with_weights({}, {"cpu=0.25", "database=0"}, known);
    CHECK_EQUAL(250'000, policy->weight("cpu"));
    CHECK_EQUAL(0, policy->weight("database"));
    CHECK_EQUAL(300'000, policy->weight("language"));
}

TEST(R2Policy, BadWeightsAreRefusedInOneLine)
{
    STRCMP_EQUAL(
        "weights: the weight of cpu is \"-1\": write a number from 0 to 1000, such as 0.25",
        refused({"cpu=-1"}).c_str());
    STRCMP_EQUAL(
        "weights: the weight of cpu is \"much\": write a number from 0 to 1000, such as 0.25",
        refused({"cpu=much"}).c_str());
    STRCMP_EQUAL("weights: all would be 0, and no VM like another: leave one above 0",
                 refused({"language=0", "database=0", "web-server=0"}).c_str());
    STRCMP_EQUAL("weights: there is no feature \"datebase\": did you mean database?",
                 refused({"datebase=1"}).c_str());
    STRCMP_EQUAL("weights: there is no feature \"x\": write cpu, database, language or web-server",
                 refused({"x=1"}).c_str());
    STRCMP_EQUAL("weights: \"cpu\": write FEATURE=WEIGHT", refused({"cpu"}).c_str());
}

TEST(R2Policy, SettingsArePutIn)
{
    CHECK_EQUAL(750'000, with_setting({}, "threshold=0.75")->threshold);
    CHECK_TRUE(Measure::coverage == with_setting({}, "measure=coverage")->measure);
    CHECK_TRUE(Versions::major == with_setting({}, "versions=major")->versions);
    const auto policy = with_setting({}, "require=cpu,disk");
    CHECK_TRUE(policy->required == (std::array{true, false, true}));
    CHECK_TRUE(with_setting(*policy, "require=none")->required == (std::array<bool, 3>{}));
}

TEST(R2Policy, SomethingThatIsNotRequiredHasAWeight)
{
    Policy policy;
    policy.weights = {{"cpu", 100'000}};
    STRCMP_EQUAL("require: nothing else has a weight, and no VM would be like another: give a "
                 "feature that is not required a weight first",
                 with_setting(policy, "require=memory,cpu").error().message.c_str());
    policy.weights["disk"] = 100'000;
    const auto required = with_setting(policy, "require=memory,cpu");
    CHECK_TRUE(bool(required));
    STRCMP_EQUAL("weights: all would be 0, and no VM like another: leave one above 0",
                 with_weights(*required, {"disk=0"}, {"disk"}).error().message.c_str());
}

TEST(R2Policy, BadSettingsAreRefusedInOneLine)
{
    STRCMP_EQUAL("threshold: \"1.5\": write a number from 0 to 1, such as 0.5",
                 refused_setting("threshold=1.5").c_str());
    STRCMP_EQUAL("threshold: \"-0.1\": write a number from 0 to 1, such as 0.5",
                 refused_setting("threshold=-0.1").c_str());
    STRCMP_EQUAL("measure: \"cosine\": write jaccard or coverage",
                 refused_setting("measure=cosine").c_str());
    STRCMP_EQUAL("versions: \"minor\": write ignore, major or exact",
                 refused_setting("versions=minor").c_str());
    STRCMP_EQUAL("require: \"os\" is no quantity: write cpu, memory or disk, several with commas, "
                 "or none",
                 refused_setting("require=cpu,os").c_str());
    for (const char* nothing : {"require=", "require=cpu,"})
        STRCMP_EQUAL("require: \"\" is no quantity: write cpu, memory or disk, several with "
                     "commas, or none",
                     refused_setting(nothing).c_str());
    STRCMP_EQUAL("policy: there is no setting \"treshold\": write threshold, measure, versions or "
                 "require",
                 refused_setting("treshold=1").c_str());
    STRCMP_EQUAL("policy: \"threshold\": write SETTING=VALUE",
                 refused_setting("threshold").c_str());
}
