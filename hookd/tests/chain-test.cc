// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/chain and hookd/path (spec C1, C8, "Bad input").
#include <config.h>

#include "hookd/chain.h"
#include "hookd/path.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

db::Vm vm(const std::string& name, int ofport, const std::string& hypervisor = "hv1")
{
    db::Vm row;
    row.id = "id-" + name;
    row.name = name;
    row.hypervisor = hypervisor;
    row.ports.push_back({"52:54:00:00:00:01", "if-" + name, "br0", "vnet0", ofport});
    return row;
}

} // namespace

TEST_GROUP(Chain)
{
    std::vector<db::Vm> vms{vm("fw", 1), vm("ids", 2, "hv2"), vm("web", 0)};
    std::vector<db::Chain> chains;
    ChainRequest request{"c1", "tcp,nw_dst=10.0.0.1", {"fw", "ids"}, false, 1000, "drop"};
    ParsedMatch match{"tcp,nw_dst=10.0.0.1", "tcp,nw_src=10.0.0.1"};

    Result<db::Chain> make()
    {
        return make_chain(request, match, chains, vms, 3);
    }
    std::string error()
    {
        auto chain = make();
        return chain ? std::string{} : chain.error().message;
    }
    void add()
    {
        chains.push_back(*make());
    }
};

TEST(Chain, GetsIdsAndAnSpiOfThisHypervisor)
{
    auto chain = make();
    CHECK_TRUE(bool(chain));
    CHECK_EQUAL(3u << 12 | 1, chain->spi);
    CHECK_EQUAL(0u, chain->rspi);
    CHECK_EQUAL(std::string("id-ids"), chain->hops.at(1).vms.at(0));
}

TEST(Chain, SymmetricHasASecondPathAndTheReversedMatch)
{
    request.symmetric = true;
    auto chain = make();
    CHECK_EQUAL(3u << 12 | 2, chain->rspi);
    CHECK_EQUAL(std::string("tcp,nw_src=10.0.0.1"), chain->match_reverse);
}

TEST(Chain, UnknownVmIsRefusedWithTheNearestName)
{
    request.via = {"fw", "idx"};
    CHECK_EQUAL(std::string("chain c1: there is no VM \"idx\": did you mean ids?"), error());
}

TEST(Chain, VmTwiceIsRefused)
{
    request.via = {"fw", "id-fw"};
    CHECK_EQUAL(std::string("chain c1: VM fw is in it twice: name each hop once"), error());
}

TEST(Chain, HopWithoutANameIsRefusedAsSuch)
{
    for (const std::string group : {"fw|", "|fw", "fw||ids", "tap:|"}) {
        request.via = {group};
        const auto named = group.substr(group.find(':') + 1);
        CHECK_EQUAL("chain c1: group " + named +
                        " has an empty member: name a VM on each side of |",
                    error());
    }
    for (const std::string none : {"", "wire:"}) {
        request.via = {none};
        CHECK_EQUAL(std::string("chain c1: a hop has no name: give each in --via a VM"), error());
    }
}

TEST(Chain, WireOfOnePortIsRefused)
{
    request.via = {"wire:fw"};
    CHECK_EQUAL(std::string("chain c1: VM fw has 1 port: a wire has two, in and out"), error());
    vms[0].ports.clear();
    CHECK_EQUAL(std::string("chain c1: VM fw has 0 ports: a wire has two, in and out"), error());
}

TEST(Chain, EmptyChainIsRefused)
{
    request.via.clear();
    CHECK_EQUAL(std::string("chain c1: it has no hops: name at least one VM with --via"), error());
}

TEST(Chain, NameTakenIsRefused)
{
    add();
    CHECK_EQUAL(std::string("chain c1: this name is taken: choose another, or first "
                            "\"holdfast chain del c1\""),
                error());
}

TEST(Chain, SameClassifierAtSamePriorityIsRefused)
{
    add();
    request.name = "c2";
    CHECK_EQUAL(std::string("chain c2: chain c1 has this classifier (tcp,nw_dst=10.0.0.1) at "
                            "priority 1000 already: give another --priority"),
                error());
    request.priority = 1001;
    CHECK_TRUE(bool(make()));
}

TEST(Chain, ClassifierThatIsAnothersWayBackIsRefused)
{
    request.symmetric = true;
    add();
    request.name = "c2";
    request.symmetric = false;
    match = {"tcp,nw_src=10.0.0.1", "tcp,nw_dst=10.0.0.1"};
    CHECK_TRUE(error().find("already") != std::string::npos);
}

TEST(Chain, OneThatCameMeanwhileIsInTheWayAndItsOwnRowIsNot)
{
    auto wanted = *make();
    CHECK_TRUE(bool(check_free(wanted, {wanted})));
    auto meanwhile = wanted;
    meanwhile.name = "c2";
    meanwhile.match = "tcp,nw_src=10.0.0.1";
    meanwhile.match_reverse = wanted.match;
    CHECK_EQUAL(std::string("chain c1: chain c2 has this classifier (tcp,nw_dst=10.0.0.1) at "
                            "priority 1000 already: give another --priority"),
                check_free(wanted, {meanwhile}).error().message);
    meanwhile.priority = 999;
    CHECK_TRUE(bool(check_free(wanted, {meanwhile})));
}

TEST(Chain, SymmetricNeedsADirection)
{
    request.symmetric = true;
    request.match = "tcp";
    match = {"tcp", std::nullopt};
    CHECK_TRUE(error().find("leave --symmetric out") != std::string::npos);
}

TEST(Chain, NameOptionsAndPriorityAreChecked)
{
    request.name = "a b";
    CHECK_TRUE(error().find("letters, digits") != std::string::npos);
    request.name = "c1";
    request.priority = 70000;
    CHECK_TRUE(error().find("0 to 65535") != std::string::npos);
    request.priority = 1;
    request.dead = "skip";
    CHECK_EQUAL(std::string("chain c1: --dead skip is unknown: give drop or bypass"), error());
}

TEST(Chain, VmNotPluggedMakesThePathPending)
{
    request.via = {"fw", "web"};
    auto chain = make();
    CHECK_TRUE(bool(chain));
    auto pending = pending_hops(*chain, vms);
    CHECK_EQUAL(1u, pending.size());
    CHECK_EQUAL(std::string("web"), pending[0].name);
}

TEST(Chain, AmbiguousNameIsRefusedWithTheIds)
{
    vms.push_back(vm("fw", 9));
    vms.back().id = "other";
    CHECK_TRUE(error().find("two VMs have the name fw: give the id, id-fw or other") !=
               std::string::npos);
}

TEST(Chain, NumbersRiseAndComeBackLate)
{
    vms[0].label = 3u << 12 | 7;
    CHECK_EQUAL(3u << 12 | 8, *next_label(vms, 3));
    vms[1].label = 3u << 12 | 4095;
    CHECK_EQUAL(3u << 12 | 1, *next_label(vms, 3));
    CHECK_EQUAL(4u << 12 | 1, *next_label(vms, 4));
}

TEST(Chain, AllNumbersInUseIsSaid)
{
    vms.clear();
    for (std::uint32_t i = 1; i < 4096; ++i) {
        vms.push_back(vm("v" + std::to_string(i), 0));
        vms.back().label = 1u << 12 | i;
    }
    auto label = next_label(vms, 1);
    CHECK_TRUE(!label && label.error().code == Errc::unavailable);
}

TEST(Chain, PathHasFallingIndexAndTheWayBackIsReversed)
{
    request.symmetric = true;
    add();
    auto paths = compute_paths(chains, vms);
    CHECK_EQUAL(4u, paths.size());
    CHECK_EQUAL(255, paths[0].si);
    CHECK_EQUAL(std::string("id-fw"), paths[0].vm);
    CHECK_EQUAL(254, paths[1].si);
    CHECK_EQUAL(std::string("hv2"), paths[1].hypervisor);
    CHECK_EQUAL(std::string("id-ids"), paths[2].vm);
    CHECK_EQUAL(std::string("id-fw"), paths[3].vm);
    CHECK_EQUAL(2, paths[2].in_port);
}

TEST(Chain, MoveConcernsThePathsThroughTheVmAndTheirSwitches)
{
    add();
    auto paths = compute_paths(chains, vms);
    auto spis = paths_through(paths, "id-fw");
    CHECK_EQUAL(1u, spis.size());
    CHECK_TRUE(switches_concerned(paths, spis) == (std::vector<std::string>{"hv1", "hv2"}));
    CHECK_TRUE(paths_through(paths, "id-web").empty());
}

TEST(Chain, OnlyRowsThatChangedAreWritten)
{
    add();
    auto before = compute_paths(chains, vms);
    CHECK_TRUE(path_change(before, before).put.empty());
    vms[1].hypervisor = "hv3";
    request.name = "c2";
    request.priority = 5;
    add();
    auto change = path_change(before, compute_paths(chains, vms));
    CHECK_EQUAL(3u, change.put.size());
    CHECK_EQUAL(std::string("hv3"), change.put[0].hypervisor);
    CHECK_TRUE(change.gone.empty());
    chains.erase(chains.begin());
    change = path_change(before, compute_paths(chains, vms));
    CHECK_EQUAL(2u, change.gone.size());
    CHECK_EQUAL(2u, change.put.size());
}

TEST(Chain, StoredPathsThatDifferFromComputedOnesAreListed)
{
    add();
    auto stored = compute_paths(chains, vms);
    CHECK_TRUE(path_differences(stored, stored).empty());
    auto computed = stored;
    computed[0].in_port = 9;
    computed.pop_back();
    auto lines = path_differences(stored, computed);
    CHECK_EQUAL(2u, lines.size());
    CHECK_EQUAL(std::string("chain c1 path 12289 index 255 (VM id-fw) is stored as hv1/br0 port 1 "
                            "but is hv1/br0 port 9"),
                lines[0]);
}
