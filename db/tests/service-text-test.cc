// SPDX-License-Identifier: Apache-2.0
//
// Services as their users hear of them (S11).
#include <config.h>

#include "db/service-text.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::db;

namespace {

UserView all_of_two()
{
    Service one;
    one.id = "1";
    one.name = "web";
    one.user = "ann";
    one.ips = {"10.0.0.5/24"};
    one.command = {"/bin/web", "-p", "80"};
    one.environment = {"A=b"};
    one.state = "moving";
    one.pid = 7;
    one.vlan = 12;
    one.epoch = 3;
    one.pinned = true;
    Service other = one;
    other.id = "2";
    other.name = "mail";
    other.user = "bob";
    Vm vm;
    vm.id = "1";
    vm.name = "web";
    vm.ports = {{"", "", "br0", "hfs1", 5}};
    Move move;
    move.id = "m";
    move.role = "source";
    move.vm = "1";
    move.hypervisor = "hv1";
    move.peer = "hv2";
    move.state = "armed";
    move.times = {{"armed", 5}};
    move.figures = {{"bytes", 6}};
    Move others = move;
    others.id = "n";
    others.vm = "2";
    Vm fw;
    fw.id = "3";
    return {{one, other}, {vm, fw}, {move, others}};
}

UserView seen_by(const std::string* user)
{
    const auto all = all_of_two();
    return view_of(user, all.services, all.vms, all.moves);
}

} // namespace

TEST_GROUP(ServiceText){};

TEST(ServiceText, AUserSeesHisOwnAlone)
{
    const std::string ann = "ann", nobody = "nobody";
    const auto hers = seen_by(&ann);
    CHECK_EQUAL(1u, hers.services.size());
    STRCMP_EQUAL("web", hers.services[0].name.c_str());
    CHECK_EQUAL(1u, hers.vms.size());
    CHECK_EQUAL(1u, hers.moves.size());
    STRCMP_EQUAL("m", hers.moves[0].id.c_str());
    CHECK_TRUE(seen_by(&nobody).services.empty());
    CHECK_EQUAL(2u, seen_by(nullptr).services.size());
}

TEST(ServiceText, WhatIsToldIsReadBackWhole)
{
    const auto all = seen_by(nullptr);
    const auto again = user_view_of(to_json(all));
    CHECK_TRUE(bool(again));
    CHECK_TRUE(all.services == again->services);
    CHECK_TRUE(all.vms == again->vms);
    CHECK_TRUE(all.moves == again->moves);
}

TEST(ServiceText, AnotherShapeIsRefused)
{
    for (const char* text : {"{}", "[]", "null", R"({"services":[{}],"vms":[],"moves":[]})",
                             R"({"services":7,"vms":[],"moves":[]})"})
        CHECK_TRUE(user_view_of(nlohmann::json::parse(text)).error().code == Errc::damaged);
}
