// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/plan: spec R4, R5, R6, R10.
#include <config.h>

#include "recovery/plan.h"
#include "recovery/tests/values.h"

#include <algorithm>
#include <random>

#include <CppUTest/TestHarness.h>

using namespace holdfast::recovery;

TEST_GROUP(R4Plan){/// The published case on two hypervisors: VM-001 alone on the first.
                   static std::vector<PoolVm> published(){std::vector<PoolVm> vms;
for (const auto& specification : published_case())
    vms.push_back(vm("VM-00" + std::to_string(vms.size() + 1), vms.empty() ? "hv1" : "hv2",
                     specification));
return vms;
}
static PoolVm vm(const std::string& name, const std::string& hypervisor,
                 Specification specification)
{
    return {"id-" + name, name, hypervisor, true, true, false, std::move(specification)};
}
/// The candidates' names, "NAME SIMILARITY" each, with a "*" for who passes.
static std::string names(const Pool& pool, const Plan& plan)
{
    std::string text;
    for (const auto& one : plan.candidates)
        text += pool.vms()[one.vm].name + " " + text_of(one.match.similarity) +
                (one.passes ? "* " : " ");
    return text;
}
static Wish wish(std::vector<Way> ways)
{
    Wish one;
    one.ways = std::move(ways);
    return one;
}
static std::string chosen(const Pool& pool, const Plan& plan)
{
    return plan.chosen ? pool.vms()[plan.candidates[*plan.chosen].vm].name : "none";
}
}
;

TEST(R4Plan, R5OnlyVm005PassesForVm001)
{
    const Pool pool{published(), {}};
    const Plan plan = pool.plan(0, {});
    STRCMP_EQUAL("VM-005 0.667* VM-002 0.333 VM-004 0.167 ", names(pool, plan).c_str());
    STRCMP_EQUAL("VM-005", chosen(pool, plan).c_str());
    CHECK_TRUE(plan.way == Way::adopt);
}

TEST(R4Plan, WhoIsNotSimilarEnoughIsOutAndTheBestIsNamed)
{
    Policy policy;
    policy.threshold = 700'000;
    const Pool pool{published(), policy};
    const Plan plan = pool.plan(0, {});
    CHECK_FALSE(plan.way.has_value());
    STRCMP_EQUAL(
        "no VM is similar enough to VM-001: the best, VM-005, has 0.667, and the threshold "
        "is 0.7: pin one, or set another threshold",
        plan.why.c_str());
}

TEST(R4Plan, TiesGoToTheLessLoadedHypervisorThenAwayFromTheFailedOneThenByName)
{
    const auto like = made_of({language("Go")}, {2, 0, 0});
    const auto other = made_of({database("MySQL")}, {4, 0, 0});
    std::vector<PoolVm> vms{vm("lost", "hv1", like), vm("d", "hv1", like), vm("c", "hv2", like),
                            vm("b", "hv3", like),    vm("a", "hv3", like), vm("x", "hv2", other)};
    vms[0].running = false;
    // hv1 has 2 CPUs in use, hv3 4, hv2 6.
    const Pool pool{vms, {}};
    STRCMP_EQUAL("d 1.000* a 1.000* b 1.000* c 1.000* ", names(pool, pool.plan(0, {})).c_str());
    vms.push_back(vm("y", "hv1", made_of({}, {2, 0, 0}))); // Now hv1 has as many as hv3.
    const Pool more{vms, {}};
    STRCMP_EQUAL("a 1.000* b 1.000* d 1.000* c 1.000* ", names(more, more.plan(0, {})).c_str());
}

TEST(R4Plan, WhoCannotReplaceIsNoCandidate)
{
    auto vms = published();
    vms[4].reachable = false; // Its hypervisor is silent.
    const Pool pool{vms, {}, {"id-VM-002"}};
    STRCMP_EQUAL("VM-004 0.167 ", names(pool, pool.plan(0, {})).c_str());
}

TEST(R4Plan, AStoppedVmCanBeClonedAndNotAdopt)
{
    auto vms = published();
    vms[4].running = false;
    const Pool pool{vms, {}};
    const Plan plan = pool.plan(0, {});
    CHECK_TRUE(plan.way == Way::clone);
    STRCMP_EQUAL("VM-005", chosen(pool, plan).c_str());
    STRCMP_EQUAL("VM-002 0.333 VM-004 0.167 ",
                 names(pool, pool.plan(0, wish({Way::adopt}))).c_str());
}

TEST(R4Plan, R6WaysAreTriedInTheirOrder)
{
    auto vms = published();
    vms[0].shared_disks = true;
    const Pool pool{vms, {}, {}, {"hv1", "hv2", "hv3"}};
    const Plan restart = pool.plan(0, {});
    CHECK_TRUE(restart.way == Way::restart);
    STRCMP_EQUAL("hv3", restart.hypervisor.c_str()); // Where no VM is yet.
    STRCMP_EQUAL("hv2", (Pool{vms, {}, {}, {"hv1", "hv2"}}.plan(0, {}).hypervisor.c_str()));
    CHECK_FALSE((Pool{vms, {}, {}, {"hv1"}}.plan(0, wish({Way::restart})).way.has_value()));
    CHECK_FALSE(restart.chosen.has_value());
    CHECK_TRUE(pool.plan(0, wish({Way::clone, Way::adopt, Way::restart})).way == Way::clone);
    CHECK_TRUE(pool.plan(0, wish({Way::adopt, Way::restart})).way == Way::adopt);
    vms[0].shared_disks = false;
    const Pool local{vms, {}, {}, {"hv1", "hv2"}};
    CHECK_FALSE(local.plan(0, wish({Way::restart})).way.has_value());
}

TEST(R4Plan, R6HowManyAreListedDoesNotDecideTheWay)
{
    const auto like = made_of({language("Go")});
    std::vector<PoolVm> vms{vm("lost", "hv1", like)};
    for (int i = 0; i < 11; ++i) {
        vms.push_back(vm("twin" + std::to_string(i), "hv2", like));
        vms.back().running = false;
    }
    vms.push_back(vm("worker", "hv3", made_of({language("Go"), web_server("nginx")})));
    vms.back().specification.quantities = {8, 0, 0};
    const Pool pool{vms, {}};
    for (const std::size_t most : {1U, 10U, 12U}) {
        const Plan plan = pool.plan(0, {{Way::adopt, Way::clone}, "", most});
        CHECK_TRUE(plan.way == Way::adopt);
        STRCMP_EQUAL("worker", chosen(pool, plan).c_str());
        CHECK_EQUAL(most + (most < 12 ? 1 : 0), plan.candidates.size());
        CHECK_TRUE(pool.plan(0, {{Way::clone, Way::adopt}, "", most}).way == Way::clone);
    }
}

TEST(R4Plan, R10APinnedOneIsTakenHoweverSimilarItIs)
{
    const Pool pool{published(), {}};
    Wish pinned;
    pinned.pinned = "id-VM-003";
    const Plan plan = pool.plan(0, pinned);
    STRCMP_EQUAL("VM-003 0.000* VM-005 0.667* VM-002 0.333 VM-004 0.167 ",
                 names(pool, plan).c_str());
    STRCMP_EQUAL("VM-003", chosen(pool, plan).c_str());
}

TEST(R4Plan, R10NobodyElseTakesThePlaceOfAPinnedOne)
{
    auto vms = published();
    vms[2].running = false;
    Wish pinned;
    pinned.pinned = "id-VM-003";
    const Pool pool{vms, {}};
    const Plan plan = pool.plan(0, pinned);
    CHECK_TRUE(plan.way == Way::clone);
    STRCMP_EQUAL("VM-003", chosen(pool, plan).c_str());
    pinned.ways = {Way::adopt};
    STRCMP_EQUAL("VM-003 is pinned to replace VM-001, and is not running: start it, allow clone, "
                 "or pin another one",
                 pool.plan(0, pinned).why.c_str());
    vms[0].shared_disks = true;
    const Pool shared{vms, {}, {}, {"hv1", "hv2"}};
    CHECK_TRUE(shared.plan(0, {all_ways, "id-VM-003"}).way == Way::restart);
}

TEST(R4Plan, R10WhyAPinnedOneCannotIsSaid)
{
    const auto why = [](const std::vector<PoolVm>& vms, const Policy& policy,
                        const std::set<std::string>& forbidden, const std::string& id) {
        const Plan plan = Pool{vms, policy, forbidden}.plan(0, {all_ways, id});
        CHECK_FALSE(plan.way.has_value() || plan.chosen.has_value());
        return plan.why;
    };
    auto vms = published();
    STRCMP_EQUAL("the VM that is pinned to replace VM-001, id-VM-009, is not there any more: pin "
                 "another one",
                 why(vms, {}, {}, "id-VM-009").c_str());
    STRCMP_EQUAL("VM-003 is pinned to replace VM-001, and may replace none: set forbid=off of it, "
                 "or pin another one",
                 why(vms, {}, {"id-VM-003"}, "id-VM-003").c_str());
    Policy policy;
    policy.required[static_cast<std::size_t>(Quantity::memory)] = true;
    vms[0].specification.quantities = {1, 1024, 0};
    STRCMP_EQUAL("VM-003 is pinned to replace VM-001, and has too little memory: give it more, or "
                 "pin another one",
                 why(vms, policy, {}, "id-VM-003").c_str());
    vms[2].reachable = false;
    STRCMP_EQUAL("VM-003 is pinned to replace VM-001, and its hypervisor hv2 is not heard of: pin "
                 "another one",
                 why(vms, {}, {}, "id-VM-003").c_str());
}

TEST(R4Plan, AConditionPutsOutWhoHasTooLittle)
{
    auto vms = published();
    vms[0].specification.quantities = {2, 1024, 0};
    vms[4].specification.quantities = {1, 4096, 0};
    Policy policy;
    policy.required[static_cast<std::size_t>(Quantity::memory)] = true;
    const Pool enough{vms, policy};
    STRCMP_EQUAL("VM-005 0.667* ", names(enough, enough.plan(0, {})).c_str());
    policy.required[static_cast<std::size_t>(Quantity::cpu)] = true;
    const Pool little{vms, policy};
    STRCMP_EQUAL("", names(little, little.plan(0, {})).c_str());
    STRCMP_EQUAL("no VM can replace VM-001 by restart,adopt,clone: none that may has anything in "
                 "common with it",
                 little.plan(0, {}).why.c_str());
}

TEST(R4Plan, TheBestOfManyAreThoseOfAPlainComparison)
{
    std::mt19937 random{7};
    for (int round = 0; round < 60; ++round) {
        std::vector<PoolVm> vms;
        for (int i = 0; i < 60; ++i) {
            std::vector<Element> elements;
            for (const auto& one :
                 {language("Go", "1"), language("Go", "2.1"), database("MySQL", "8.0"),
                  database("MySQL", "8.4"), web_server("nginx"), Element{"os", "Debian", "12"}})
                if (random() % 2)
                    elements.push_back(one);
            vms.push_back(vm("vm" + std::to_string(i), "hv" + std::to_string(random() % 3),
                             made_of(elements, {static_cast<int>(random() % 4), 0, 0})));
        }
        Policy policy;
        policy.weights["cpu"] = 100'000;
        policy.measure = round % 2 ? Measure::jaccard : Measure::coverage;
        policy.versions = static_cast<Versions>(round % 3);
        const Pool pool{vms, policy};
        std::vector<Similarity> all;
        for (std::size_t i = 1; i < vms.size(); ++i)
            all.push_back(compare(vms[0].specification, vms[i].specification, policy).similarity);
        std::ranges::sort(all, std::greater<>{});
        const Plan plan = pool.plan(0, {});
        for (std::size_t i = 0; i < 10; ++i)
            if (i < plan.candidates.size())
                CHECK_TRUE(plan.candidates[i].match.similarity == all[i]);
            else
                CHECK_TRUE(all[i] == Similarity{});
    }
}

TEST(R4Plan, AnUnknownVmIsAnErrorThatNamesTheNearest)
{
    const Pool pool{published(), {}};
    CHECK_EQUAL(1U, *pool.find("VM-002"));
    CHECK_EQUAL(1U, *pool.find("id-VM-002"));
    STRCMP_EQUAL("there is no VM \"VM-009\": did you mean VM-001?",
                 pool.find("VM-009").error().message.c_str());
    STRCMP_EQUAL("there is no VM \"web\": holdfast recovery pool lists them",
                 pool.find("web").error().message.c_str());
}

TEST(R4Plan, ANameThatTwoVmsHaveIsRefused)
{
    auto vms = published();
    vms[2].name = vms[1].name;
    const Pool pool{vms, {}};
    STRCMP_EQUAL("two VMs have the name VM-002: give the id, id-VM-002 or id-VM-003",
                 pool.find("VM-002").error().message.c_str());
    CHECK_EQUAL(2U, *pool.find("id-VM-003"));
}

TEST(R4Plan, R6WaysAreReadInTheirOrder)
{
    CHECK_TRUE(*parse_ways("clone, adopt") == (std::vector{Way::clone, Way::adopt}));
    STRCMP_EQUAL("clone,adopt", text_of(*parse_ways("clone,adopt")).c_str());
    STRCMP_EQUAL("ways: \"copy\": write restart, adopt or clone, several with commas, the first to "
                 "be tried in front",
                 parse_ways("adopt,copy").error().message.c_str());
    STRCMP_EQUAL("ways: adopt is there twice: write it once",
                 parse_ways("adopt,adopt").error().message.c_str());
    CHECK_FALSE(static_cast<bool>(parse_ways("")));
}
