// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/director-routes (spec balancer.md, B8).
#include <config.h>

#include "hookd/director-routes.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;
using Json = nlohmann::json;
using State = DirectorRoutes::State;

TEST_GROUP(DirectorRoutes)
{
    db::Balancer balancer;
    std::vector<db::Vm> vms;
    std::map<std::string, Result<Json>> answers;

    void setup() override
    {
        balancer.name = "web";
        balancer.vip = "10.0.10.100";
        balancer.directors = {"id-lb"};
        for (const char* last : {"11", "12"}) {
            auto& server = balancer.servers.emplace_back();
            server.address = std::string{"10.0.20."} + last;
            server.mac = std::string{"ae:48:0a:00:14:"} + last;
        }
        auto& vm = vms.emplace_back();
        vm.id = "id-lb";
        vm.name = "lb";
        vm.hypervisor = "hv1";
    }

    void seen(const Json& servers, const Json& strays = Json::array())
    {
        answers = {{"hv1", Json{{"directors",
                                 {{{"vm", "id-lb"}, {"servers", servers}, {"strays", strays}}}}}}};
    }

    static Json used(const char* last, int ms_ago = 1000)
    {
        return {{"mac", std::string{"ae:48:0a:00:14:"} + last}, {"used_ms_ago", ms_ago}};
    }

    DirectorRoutes judged()
    {
        const auto all = judge_directors(balancer, vms, answers);
        LONGS_EQUAL(1, all.size());
        return all[0];
    }
};

TEST(DirectorRoutes, WhoUsesEachServersRouteHasIt)
{
    seen({used("11"), used("12")});
    const auto routes = judged();
    CHECK_TRUE(State::used == routes.state);
    CHECK_EQUAL(std::string{"lb"}, routes.director);
    CHECK_EQUAL(std::string{"hv1"}, routes.hypervisor);
    LONGS_EQUAL(2, routes.used.size());
}

TEST(DirectorRoutes, AServerThatWasNotUsedLatelyIsNamed)
{
    seen({used("11"), used("12", 120'000)});
    const auto routes = judged();
    CHECK_TRUE(State::unused == routes.state);
    CHECK_EQUAL(
        std::string{
            "it has neither asked for 10.0.20.12 nor sent there lately: it uses no route there"},
        routes.text);
}

TEST(DirectorRoutes, WhereTheSwitchDoesNotSeeWhatItSendsNothingIsSaidOfItsRoutes)
{
    seen(Json::array());
    answers.at("hv1")->emplace("seen", false);
    const auto routes = judged();
    CHECK_TRUE(State::unknown == routes.state);
    CHECK_EQUAL(
        std::string{"cannot be judged: with the kernel's datapath the switch of hv1 does not "
                    "see what it sends"},
        routes.text);
}

TEST(DirectorRoutes, WhatIsForTheVipAndGoesInACircleIsSaid)
{
    seen(Json::array({used("11")}),
         Json::array({Json{{"vip", "10.0.10.100"}, {"to", "52:54:00:00:00:01"}, {"ms_ago", 900}}}));
    const auto routes = judged();
    CHECK_TRUE(State::missing == routes.state);
    STRCMP_EQUAL("sends what is for 10.0.10.100 to 52:54:00:00:00:01, none of its servers, and a "
                 "gateway sends it back, in a circle; it has neither asked for 10.0.20.12 nor sent "
                 "there lately: give "
                 "it the routes that are named here",
                 routes.text.c_str());
}

TEST(DirectorRoutes, WhatWentAstrayAMinuteAgoOrForAnotherVipIsNothing)
{
    seen({used("11"), used("12")},
         {{{"vip", "10.0.10.100"}, {"to", "52:54:00:00:00:01"}, {"ms_ago", 60'000}},
          {{"vip", "10.0.10.101"}, {"to", "52:54:00:00:00:01"}, {"ms_ago", 1}}});
    CHECK_TRUE(State::used == judged().state);
}

TEST(DirectorRoutes, WhereNothingIsKnownThatIsSaid)
{
    CHECK_TRUE(State::unknown == judged().state);
    answers = {{"hv1", Error{Errc::unavailable, "hv1 does not answer"}}};
    STRCMP_EQUAL("cannot be judged: hv1 does not answer", judged().text.c_str());
    answers = {{"hv1", Json{{"directors", Json::array()}}}};
    STRCMP_EQUAL("has no port on the switch of hv1: start it", judged().text.c_str());
    vms.clear();
    STRCMP_EQUAL("is not known here: start it", judged().text.c_str());
    CHECK_EQUAL(std::string{"id-lb"}, judged().director);
}
