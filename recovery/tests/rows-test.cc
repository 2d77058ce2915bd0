// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/rows: spec R1, R6, R10.
#include <config.h>

#include "recovery/rows.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::recovery;

TEST_GROUP(R10Rows){
    static db::Vm vm(const std::string& name, const std::string& hypervisor){db::Vm row;
row.id = "id-" + name;
row.name = name;
row.hypervisor = hypervisor;
row.state = "running";
return row;
}
static Result<std::string> find(const std::string& name)
{
    if (name == "web2")
        return std::string{"id-web2"};
    return Error{Errc::not_found, "there is no VM " + name};
}
static std::string refused(const std::string& text)
{
    db::RecoveryPolicy row;
    row.name = "id-web2";
    const auto done = with_vm_setting(row, text, find);
    return done ? "taken" : done.error().message;
}
}
;

TEST(R10Rows, PoliciesComeBackFromTheirRows)
{
    CHECK_TRUE(Policy{} == policy_of(default_policy()));
    auto row = default_policy();
    for (const char* text : {"threshold=0.75", "measure=coverage", "versions=major",
                             "require=cpu,disk", "ways=clone,adopt"})
        row = *with_fleet_setting(row, text);
    row = *with_fleet_weights(row, {"cpu=0.5", "database=0"}, {"cpu", "database"});
    const Policy policy = policy_of(row);
    CHECK_EQUAL(750'000, policy.threshold);
    CHECK_TRUE(policy.measure == Measure::coverage && policy.versions == Versions::major);
    CHECK_TRUE(policy.required == (std::array{true, false, true}));
    CHECK_EQUAL(500'000, row.weights.at("cpu"));
    CHECK_EQUAL(0U, row.weights.count("database"));
    STRCMP_EQUAL("clone,adopt", row.ways.c_str());
    CHECK_FALSE(static_cast<bool>(with_fleet_setting(row, "ways=copy")));
    CHECK_FALSE(static_cast<bool>(with_fleet_setting(row, "threshold=2")));
}

TEST(R10Rows, AVmCanHaveWaysAPinAndBeForbidden)
{
    db::RecoveryPolicy row;
    row.name = "id-web1";
    CHECK_TRUE(says_nothing(row));
    row = *with_vm_setting(row, "ways=adopt", find);
    row = *with_vm_setting(row, "pin=web2", find);
    row = *with_vm_setting(row, "forbid=on", find);
    row = *with_vm_setting(row, "automatic=on", find);
    CHECK_FALSE(says_nothing(row));
    const Wish wish = wish_for("id-web1", {row});
    CHECK_TRUE(wish.ways == std::vector{Way::adopt});
    STRCMP_EQUAL("id-web2", wish.pinned.c_str());
    CHECK_TRUE(wish_for("id-web2", {row}).ways == all_ways);
    for (const char* text : {"ways=fleet", "pin=none", "forbid=off", "automatic=fleet"})
        row = *with_vm_setting(row, text, find);
    CHECK_TRUE(says_nothing(row));
}

TEST(R10Rows, BadSettingsOfAVmAreRefusedInOneLine)
{
    STRCMP_EQUAL("there is no VM web9", refused("pin=web9").c_str());
    STRCMP_EQUAL("pin: \"web2\": write another VM: none replaces itself",
                 refused("pin=web2").c_str());
    STRCMP_EQUAL("forbid: \"yes\": write on or off", refused("forbid=yes").c_str());
    STRCMP_EQUAL("policy: a VM has no setting \"threshold\": write ways, forbid, pin or "
                 "automatic",
                 refused("threshold=1").c_str());
    STRCMP_EQUAL("ways: \"\": write restart, adopt or clone, several with commas, the first to be "
                 "tried in front",
                 refused("ways").c_str());
}

TEST(R10Rows, NothingIsRecoveredWithoutBeingAskedUnlessThatIsSet)
{
    const auto find = [](const std::string& name) { return Result<std::string>{name}; };
    CHECK_FALSE(is_automatic("a", {}));
    CHECK_FALSE(is_automatic("a", {default_policy()}));
    const auto fleet = *with_fleet_setting(default_policy(), "automatic=on");
    CHECK_TRUE(is_automatic("a", {fleet}));
    db::RecoveryPolicy own;
    own.name = "a";
    CHECK_FALSE(is_automatic("a", {fleet, *with_vm_setting(own, "automatic=off", find)}));
    CHECK_TRUE(is_automatic("a", {default_policy(), *with_vm_setting(own, "automatic=on", find)}));
    CHECK_FALSE(is_automatic("b", {default_policy(), *with_vm_setting(own, "automatic=on", find)}));
    STRCMP_EQUAL("automatic: \"yes\": write on or off",
                 with_fleet_setting(fleet, "automatic=yes").error().message.c_str());
    STRCMP_EQUAL("automatic: \"yes\": write on, off or fleet",
                 with_vm_setting(own, "automatic=yes", find).error().message.c_str());
}

TEST(R10Rows, R1ThePoolIsWhatTheRowsSay)
{
    PoolRows rows;
    rows.hypervisors.resize(2);
    rows.hypervisors[0].name = "hv1";
    rows.hypervisors[1].name = "hv2";
    rows.hypervisors[1].lost = true;
    rows.vms = {vm("a", "hv1"), vm("b", "hv2"), vm("c", "hv1"), vm("d", "hv1"), vm("e", "hv1")};
    rows.vms[2].state = "stopped";
    rows.vms[3].kind = "service";
    rows.vms[4].health = "it lets no probe through";
    db::Specification made_of;
    made_of.id = "id-a";
    made_of.cpus = 2;
    made_of.memory = 1024;
    made_of.disk = 2048;
    made_of.shared_disks = true;
    made_of.elements = {{"language", "Go", "1.21"}};
    db::Specification other;
    other.id = "id-c";
    other.cpus = 3;
    rows.specifications = {other, made_of};
    const Pool pool = pool_of(rows);
    CHECK_EQUAL(4U, pool.vms().size());
    const auto& a = pool.vms()[0];
    CHECK_TRUE(a.specification == (Specification{{{"language", "Go", "1.21"}}, {2, 1024, 2048}}));
    CHECK_TRUE(a.running && a.reachable && a.shared_disks);
    CHECK_FALSE(pool.vms()[1].reachable);
    CHECK_FALSE(pool.vms()[2].running);
    CHECK_EQUAL(3, pool.vms()[2].specification.quantities[0]);
    CHECK_FALSE(pool.vms()[3].running);
    CHECK_TRUE(pool.vms()[3].specification == Specification{});
}
