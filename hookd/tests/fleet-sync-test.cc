// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/fleet-sync: who wins where store and fleet differ.
#include <config.h>

#include "hookd/fleet-sync.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

db::Vm vm(const std::string& id, const std::string& hypervisor, std::int64_t epoch)
{
    db::Vm row;
    row.id = row.name = id;
    row.hypervisor = hypervisor;
    row.epoch = epoch;
    return row;
}

db::Hypervisor hypervisor(const std::string& name, bool self)
{
    db::Hypervisor row;
    row.name = name;
    row.id = "id-" + name;
    row.self = self;
    return row;
}

db::Chain chain(const std::string& name)
{
    db::Chain row;
    row.name = name;
    return row;
}

db::Balancer balancer(const std::string& name)
{
    db::Balancer row;
    row.name = name;
    return row;
}

db::ServerHealth row_of(const std::string& hypervisor, const std::string& address,
                        const std::string& state)
{
    return {"web", address, hypervisor, state, 1, "", -1, -1, -1};
}

db::Service service(const std::string& id, const std::string& hypervisor, std::int64_t epoch)
{
    db::Service row;
    row.id = row.name = id;
    row.hypervisor = hypervisor;
    row.epoch = epoch;
    return row;
}

db::Move move(const std::string& hypervisor, const std::string& role, const std::string& state)
{
    db::Move row;
    row.id = "m1";
    row.role = role;
    row.vm = "v";
    row.hypervisor = hypervisor;
    row.state = state;
    row.times["staged"] = 1'000;
    return row;
}

constexpr db::TimeNs soon = 2'000;
constexpr db::TimeNs much_later = 3'600'000'000'000;

} // namespace

TEST_GROUP(FleetSync)
{
    db::FleetSnapshot fleet;
    std::vector<db::Hypervisor> hypervisors{hypervisor("hv1", true)};
    std::vector<db::Vm> vms;
    std::vector<db::Chain> chains;
    std::vector<db::Balancer> balancers;
    std::vector<db::ServerHealth> health;
    std::vector<db::Service> services;
    std::vector<db::Lease> leases;
    std::vector<db::Quota> quotas;
    std::vector<db::Move> moves;
    std::vector<db::Specification> specifications;
    std::vector<db::RecoveryPolicy> policies;
    std::vector<db::Recovery> recoveries;

    void setup() override
    {
        fleet.hypervisors = {hypervisor("hv1", false)};
    }
    Shared store()
    {
        return {"hv1",   &hypervisors, &vms,   &chains,         &balancers, &health,    &services,
                &leases, &quotas,      &moves, &specifications, &policies,  &recoveries};
    }
    StoreChange pull(bool adopt = false)
    {
        return pull_changes(fleet, store(), adopt);
    }
    db::FleetChange push(db::TimeNs now = soon)
    {
        return push_changes(fleet, store(), now);
    }
};

TEST(FleetSync, NothingToDoWhereAllAgree)
{
    CHECK_TRUE(pull().empty());
    CHECK_TRUE(push().empty());
}

TEST(FleetSync, OthersRowsComeAndGoWithTheFleet)
{
    fleet.hypervisors.push_back(hypervisor("hv2", false));
    fleet.vms.push_back(vm("v", "hv2", 3));
    auto change = pull();
    CHECK_EQUAL(1u, change.put_hypervisors.size());
    CHECK_EQUAL(1u, change.put_vms.size());
    hypervisors.push_back(hypervisor("hv3", false));
    vms.push_back(vm("w", "hv3", 1));
    change = pull();
    CHECK_EQUAL(std::string("hv3"), change.remove_hypervisors.at(0));
    CHECK_EQUAL(std::string("w"), change.remove_vms.at(0));
}

TEST(FleetSync, LeasesAndQuotasAreTheFleets)
{
    leases = {{"schedd", "hv1", 1, 2, 3, "", 4, 5, ""}};
    quotas.resize(1);
    quotas[0].name = "ann";
    fleet.leases = {{"schedd", "hv2", 2, 3, 3, "", 4, 5, ""}};
    fleet.quotas.resize(1);
    fleet.quotas[0].name = "bob";
    const auto change = pull();
    CHECK_TRUE(change.put_leases == fleet.leases);
    CHECK_TRUE(change.put_quotas == fleet.quotas);
    CHECK_TRUE((change.remove_quotas == std::vector<std::string>{"ann"}));
    CHECK_FALSE(change.concerns_flows());
    CHECK_TRUE(push().empty());
}

TEST(FleetSync, LoadsOfOthersAreNoChangeOfFlows)
{
    hypervisors.push_back(hypervisor("hv2", false));
    fleet.hypervisors.push_back(hypervisor("hv2", false));
    fleet.hypervisors[1].load = 300;
    auto change = pull();
    CHECK_EQUAL(1u, change.seen.size());
    CHECK_FALSE(change.concerns_flows());
    fleet.hypervisors[1].resources = "{}";
    CHECK_EQUAL(1u, pull().seen.size());
    fleet.hypervisors[1].capacity = 300;
    change = pull();
    CHECK_EQUAL(1u, change.put_hypervisors.size());
    hypervisors[0].load = 100;
    CHECK_EQUAL(1u, push().put_hypervisors.size());
}

TEST(FleetSync, AFormerNameIsKnownWhileVmsHaveIt)
{
    hypervisors.push_back(hypervisor("hv2", false));
    vms.push_back(vm("v", "hv2", 1));
    fleet.vms = vms;
    CHECK_TRUE(pull().remove_hypervisors.empty());
    fleet.vms[0].hypervisor = "node2";
    CHECK_EQUAL(std::string("hv2"), pull().remove_hypervisors.at(0));
}

TEST(FleetSync, HigherEpochWinsBothWays)
{
    vms.push_back(vm("v", "hv1", 4));
    fleet.vms.push_back(vm("v", "hv2", 5));
    CHECK_EQUAL(std::string("hv2"), pull().put_vms.at(0).hypervisor);
    CHECK_TRUE(push().empty());
    vms[0].epoch = 6;
    CHECK_TRUE(pull().put_vms.empty());
    CHECK_EQUAL(6, push().put_vms.at(0).epoch);
}

TEST(FleetSync, AtOneEpochTheDatabasesRowWins)
{
    vms.push_back(vm("v", "hv1", 5));
    fleet.vms.push_back(vm("v", "hv2", 5));
    CHECK_EQUAL(std::string("hv2"), pull().put_vms.at(0).hypervisor);
    CHECK_TRUE(push().empty());
}

TEST(FleetSync, OwnRowsAreSentAndOwnRowsThatAreGoneAreRemoved)
{
    vms.push_back(vm("v", "hv1", 1));
    fleet.vms.push_back(vm("old", "hv1", 1));
    auto change = push();
    CHECK_EQUAL(std::string("v"), change.put_vms.at(0).id);
    CHECK_EQUAL(std::string("old"), change.remove_vms.at(0));
    CHECK_TRUE(pull().put_vms.empty());
}

TEST(FleetSync, StoreMadeAnewAdoptsItsOwnRows)
{
    fleet.vms.push_back(vm("v", "hv1", 7));
    CHECK_EQUAL(7, pull(true).put_vms.at(0).epoch);
}

TEST(FleetSync, DatabaseDecidesChains)
{
    chains.push_back(chain("mine"));
    fleet.chains.push_back(chain("theirs"));
    auto change = pull();
    CHECK_EQUAL(std::string("mine"), change.remove_chains.at(0));
    CHECK_EQUAL(std::string("theirs"), change.put_chains.at(0).name);
    CHECK_TRUE(push().put_chains.empty());
}

TEST(FleetSync, DatabaseDecidesBalancers)
{
    balancers.push_back(balancer("mine"));
    balancers.push_back(balancer("both"));
    fleet.balancers.push_back(balancer("both"));
    fleet.balancers.push_back(balancer("theirs"));
    auto change = pull();
    CHECK_TRUE(change.concerns_flows());
    CHECK_TRUE(change.remove_balancers == std::vector<std::string>{"mine"});
    CHECK_EQUAL(1u, change.put_balancers.size());
    CHECK_EQUAL(std::string("theirs"), change.put_balancers[0].name);
    fleet.balancers[0].servers.resize(1);
    CHECK_EQUAL(std::string("both"), pull().put_balancers.at(0).name);
    CHECK_TRUE(push().empty());
}

TEST(FleetSync, WhereTheDatabasesRowIsDamagedTheStoresGoesOn)
{
    balancers = {balancer("api"), balancer("web")};
    fleet.balancers = {balancer("api")};
    fleet.damaged = {{"Balancer", "web", "interval_ms is 0"}};
    fleet = mended(fleet, store());
    CHECK_TRUE(fleet.balancers == balancers);
    CHECK_TRUE(pull().empty());
    fleet = mended(fleet, store()); // Looked at again, it is the same.
    CHECK_TRUE(fleet.balancers == balancers);
    // One that is not known here is not made up.
    balancers = {balancer("api")};
    fleet.balancers = balancers;
    CHECK_TRUE(mended(fleet, store()).balancers == balancers);
}

TEST(FleetSync, OnesOwnDamagedRowIsSentAnew)
{
    services = {service("s", "hv1", 1), service("t", "hv2", 1)};
    fleet.damaged = {{"Service", "s", "mac is x"}, {"Service", "t", "mac is x"}};
    fleet = mended(fleet, store());
    CHECK_EQUAL(1u, fleet.services.size());
    CHECK_EQUAL(1u, push().put_services.size());
    CHECK_TRUE(push().put_services[0] == services[0]);
    CHECK_TRUE(pull().empty());
}

TEST(FleetSync, DamagedRowOfAHypervisorIsAsItWasAndItsOwnerSendsItAnew)
{
    hypervisors = {hypervisor("hv1", true), hypervisor("hv2", false)};
    fleet.hypervisors.clear();
    fleet.damaged = {{"Hypervisor", "hv1", "vtep is x"}, {"Hypervisor", "hv2", "vtep is x"}};
    fleet = mended(fleet, store());
    CHECK_EQUAL(2u, fleet.hypervisors.size()); // We are a member still.
    CHECK_TRUE(pull().empty());
    CHECK_EQUAL(1u, push().put_hypervisors.size());
    STRCMP_EQUAL("hv1", push().put_hypervisors[0].name.c_str());
    fleet.damaged.clear();
    CHECK_TRUE(push().empty());
}

TEST(FleetSync, DamagedRowOfAMoveIsAsItWasAndItsOwnerSendsItAnew)
{
    moves = {move("hv1", "source", "armed"), move("hv2", "destination", "staged")};
    fleet.damaged = {{"Move", "m1 source", "state is x"}, {"Move", "m1 destination", "state is x"}};
    fleet = mended(fleet, store());
    CHECK_TRUE(fleet.moves == std::vector{moves[1]}); // Its peer has not gone.
    CHECK_TRUE(pull().empty());
    CHECK_TRUE(push().put_moves == std::vector{moves[0]});
    // What is history goes, as if it were right.
    moves[0].state = "cleaned";
    CHECK_TRUE(push(much_later).put_moves.empty());
    CHECK_EQUAL(1u, push(much_later).remove_moves.size());
}

TEST(FleetSync, SpecificationsFollowTheirVmsAndPoliciesAreTheFleets)
{
    const auto made_of = [](const std::string& id, const std::string& owner, std::int64_t epoch) {
        db::Specification row;
        row.id = id;
        row.hypervisor = owner;
        row.epoch = epoch;
        return row;
    };
    const auto policy = [](const std::string& name, std::int64_t threshold) {
        db::RecoveryPolicy row;
        row.name = name;
        row.threshold = threshold;
        return row;
    };
    specifications = {made_of("mine", "hv1", 1), made_of("gone", "hv2", 1), made_of("v", "hv1", 1)};
    fleet.specifications = {made_of("new", "hv2", 1), made_of("v", "hv2", 2),
                            made_of("left", "hv1", 1)};
    policies = {policy("fleet", 1), policy("old", 1)};
    fleet.recovery_policies = {policy("fleet", 2)};
    const auto pulled = pull();
    CHECK_TRUE(pulled.put_specifications ==
               (std::vector{made_of("new", "hv2", 1), made_of("v", "hv2", 2)}));
    CHECK_TRUE(pulled.remove_specifications == std::vector<std::string>{"gone"});
    CHECK_TRUE(pulled.put_recovery_policies == std::vector{policy("fleet", 2)});
    CHECK_TRUE(pulled.remove_recovery_policies == std::vector<std::string>{"old"});
    CHECK_FALSE(pulled.concerns_flows());
    const auto pushed = push();
    CHECK_TRUE(pushed.put_specifications == std::vector{made_of("mine", "hv1", 1)});
    CHECK_TRUE(pushed.remove_specifications == std::vector<std::string>{"left"});
    CHECK_TRUE(pushed.put_recovery_policies.empty() && pushed.remove_recovery_policies.empty());
}

TEST(FleetSync, MovesAreSharedWhileTheyMatter)
{
    moves.push_back(move("hv1", "source", "cleaned"));
    CHECK_EQUAL(1u, push().put_moves.size());
    CHECK_TRUE(push(much_later).put_moves.empty());
    fleet.moves = moves;
    CHECK_EQUAL(1u, push(much_later).remove_moves.size());
    moves[0].state = "turned";
    CHECK_EQUAL(1u, push(much_later).put_moves.size());
}

TEST(FleetSync, OthersMovesAreTakenAndKeptAsHistory)
{
    fleet.moves.push_back(move("hv2", "destination", "staged"));
    CHECK_EQUAL(1u, pull().put_moves.size());
    moves = fleet.moves;
    fleet.moves.clear();
    CHECK_TRUE(pull().empty());
}

TEST(FleetSync, AnotherNumberMeansNewLabels)
{
    std::vector<db::Vm> all{vm("v", "hv1", 1), vm("w", "hv1", 1)};
    all[0].label = 1 << 12 | 5;
    all[1].label = 3 << 12 | 1;
    auto changed = renumbered(all, 1, 3);
    CHECK_EQUAL(1u, changed->size());
    CHECK_EQUAL(3u << 12 | 2, changed->at(0).label);
}

TEST(FleetSync, HealthIsWrittenByTheHypervisorThatProbes)
{
    fleet.hypervisors.push_back(hypervisor("hv2", false));
    fleet.balancers = {balancer("web")};
    fleet.balancers[0].servers = {{"10.0.20.11", 80, 1, "active", ""},
                                  {"10.0.20.12", 80, 1, "active", ""}};
    // What we know goes out, and of ours what we do not know goes.
    health = {row_of("hv1", "10.0.20.11", "up")};
    fleet.health = {row_of("hv1", "10.0.20.11", "down"), row_of("hv1", "10.0.20.12", "up"),
                    row_of("hv2", "10.0.20.12", "down")};
    auto out = push();
    CHECK_TRUE(out.put_health == health);
    CHECK_TRUE((out.remove_health == std::vector<db::HealthKey>{{"web", "10.0.20.12", "hv1"}}));
    // What the others know comes in, and of theirs what is not there any more goes.
    health.push_back(row_of("hv3", "10.0.20.11", "up"));
    auto in = pull();
    CHECK_TRUE((in.put_health == std::vector{row_of("hv2", "10.0.20.12", "down")}));
    CHECK_TRUE((in.remove_health == std::vector<db::HealthKey>{{"web", "10.0.20.11", "hv3"}}));
    health = {row_of("hv2", "10.0.20.12", "up")};
    CHECK_EQUAL(std::string("down"), pull().put_health.at(0).state);
}

TEST(FleetSync, ServersOfASilentHypervisorAreDeadUnlessNoneIsLeft_B10)
{
    fleet.hypervisors.push_back(hypervisor("hv2", false));
    fleet.balancers = {balancer("web")};
    fleet.balancers[0].check = "tcp";
    fleet.balancers[0].servers = {{"10.0.20.11", 80, 1, "active", ""},
                                  {"10.0.20.12", 80, 1, "active", ""}};
    fleet.health = {row_of("hv1", "10.0.20.11", "up"), row_of("hv2", "10.0.20.12", "up")};
    health = fleet.health;
    const auto silent = [&] {
        return pull_changes(fleet, store(), false, {{"hv2"}, {}}).put_health;
    };
    CHECK_TRUE(pull().put_health.empty());
    LONGS_EQUAL(1, silent().size());
    CHECK_EQUAL(std::string("down"), silent()[0].state);
    CHECK_EQUAL(std::string("hv2, where it runs, is not heard of any more"), silent()[0].text);
    // It is taken once, and given back as it was.
    health[1] = silent()[0];
    CHECK_TRUE(silent().empty());
    CHECK_TRUE((pull().put_health == std::vector{fleet.health[1]}));
    // Where no other takes connections it may be the daemon alone that has ended there.
    fleet.balancers[0].servers[0].state = "draining";
    CHECK_EQUAL(std::string("up"), silent().at(0).state);
    fleet.balancers[0].servers[0].state = "active";
    fleet.health[0].state = "down";
    CHECK_EQUAL(std::string("up"), silent().at(0).state);
}

TEST(FleetSync, VmsOfADeadHypervisorAreDeadHopsUntilItIsHeardOf_C10)
{
    fleet.hypervisors.push_back(hypervisor("hv2", false));
    hypervisors = fleet.hypervisors;
    hypervisors[0].self = true;
    fleet.vms = {vm("v", "hv2", 3), vm("w", "hv1", 1)};
    vms = fleet.vms;
    const Unheard dead{{}, {"hv2"}};
    auto change = pull_changes(fleet, store(), false, dead);
    LONGS_EQUAL(1, change.put_vms.size());
    CHECK_EQUAL(std::string("its hypervisor hv2 is dead: it neither writes nor answers"),
                change.put_vms[0].health);
    // It is taken once, stays over a restart, is nothing that the fleet is told, and goes.
    vms[0] = change.put_vms[0];
    CHECK_TRUE(pull_changes(fleet, store(), false, dead).empty());
    CHECK_TRUE(push().empty());
    CHECK_TRUE((pull().put_vms == std::vector{fleet.vms[0]}));
    CHECK_TRUE((heard_vms(vms, {}) == fleet.vms));
    CHECK_TRUE((heard_vms(fleet.vms, {"hv2"}) == vms));
    // What its owner says of it is left as it is.
    fleet.vms[0].health = "port vnet1 is down";
    CHECK_TRUE((heard_vms(fleet.vms, {}) == fleet.vms));
}

TEST(FleetSync, HealthOfServersAndHypervisorsThatAreGoneIsNotTaken)
{
    fleet.balancers = {balancer("web")};
    fleet.balancers[0].servers = {{"10.0.20.11", 80, 1, "active", ""}};
    fleet.health = {row_of("hv2", "10.0.20.11", "up")}; // It left.
    CHECK_TRUE(pull().put_health.empty());
    fleet.hypervisors.push_back(hypervisor("hv2", false));
    CHECK_EQUAL(1u, pull().put_health.size());
    fleet.balancers[0].servers[0].address = "10.0.20.12";
    CHECK_TRUE(pull().put_health.empty());
    fleet.balancers.clear();
    CHECK_TRUE(pull().put_health.empty());
}

TEST(FleetSync, ServicesAreTheirHypervisorsAndTheHigherEpochWins)
{
    services = {service("mine", "hv1", 1), service("moved", "hv1", 1), service("gone", "hv2", 1)};
    fleet.services = {service("moved", "hv2", 2), service("old", "hv1", 1),
                      service("theirs", "hv2", 1)};
    auto in = pull();
    CHECK_FALSE(in.concerns_flows());
    CHECK_FALSE(in.empty());
    CHECK_TRUE(
        (in.put_services == std::vector{service("moved", "hv2", 2), service("theirs", "hv2", 1)}));
    CHECK_TRUE(in.remove_services == std::vector<std::string>{"gone"});
    auto out = push();
    CHECK_TRUE(out.put_services == std::vector{service("mine", "hv1", 1)});
    CHECK_TRUE(out.remove_services == std::vector<std::string>{"old"});
    CHECK_EQUAL(3u, pull(true).put_services.size());
}

TEST(FleetSync, APlaceIsTakenBackByNameAndAddressOnly)
{
    auto self = hypervisor("hv3", true);
    self.vtep = "10.0.0.3";
    self.id = "new";
    auto before = hypervisor("hv3", false);
    before.vtep = "10.0.0.3";
    std::vector<db::Hypervisor> rows;
    const auto found = [&] {
        rows = {hypervisor("hv1", false), before};
        return row_before(rows, self);
    };
    STRCMP_EQUAL("id-hv3", found()->id.c_str());
    before.vtep = "10.0.0.4";
    POINTERS_EQUAL(nullptr, found());
    before.vtep = self.vtep = "";
    POINTERS_EQUAL(nullptr, found());
    before.vtep = self.vtep = "10.0.0.3";
    before.name = "hv4";
    POINTERS_EQUAL(nullptr, found());
    before = self;
    POINTERS_EQUAL(nullptr, found());
}

TEST(FleetSync, VmsOfAPlaceTakenBackKeepTheirLabels)
{
    std::vector<db::Vm> fleet{vm("a", "hv3", 4), vm("b", "hv1", 1)};
    fleet[0].label = 3U << 12 | 1;
    fleet[1].label = 3U << 12 | 2; // Has moved away from here.
    std::vector<db::Vm> store{vm("new", "hv3", 1), vm("a", "hv3", 1)};
    store[0].label = 1U << 12 | 1;
    store[1].label = 1U << 12 | 2;
    const auto rows = labelled_as_before(fleet, store, 3);
    CHECK_TRUE(bool(rows));
    CHECK_EQUAL(2u, rows->size());
    CHECK_TRUE((*rows)[1] == fleet[0]);
    STRCMP_EQUAL("new", (*rows)[0].id.c_str());
    CHECK_EQUAL(3U << 12 | 3, (*rows)[0].label);
}
