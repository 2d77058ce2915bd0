// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/service-read and service-rules: what an operator may ask for, and what comes of
// it.
#include <config.h>

#include "hookd/service-read.h"
#include "hookd/service-rules.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;
using Json = nlohmann::json;

namespace {

const std::string id = "0123abcd-4567-489a-bcde-f0123456789a";

Json order()
{
    return {{"name", "web"}, {"ips", {"10.0.10.5/24"}}, {"command", {"/usr/bin/env", "-i"}}};
}

db::Service row(const std::string& name, const std::string& hypervisor, const std::string& state,
                const std::string& ip = "10.0.10.9/24")
{
    db::Service service;
    service.id = "id-" + name;
    service.name = name;
    service.hypervisor = hypervisor;
    service.state = state;
    service.ips = {ip};
    service.epoch = 7;
    return service;
}

} // namespace

TEST_GROUP(ServiceRead)
{
    Json asked = order();

    void refused(const char* what, const char* mend)
    {
        auto read = read_service(asked);
        CHECK_FALSE(bool(read));
        STRCMP_CONTAINS(what, read.error().message.c_str());
        STRCMP_CONTAINS(mend, read.error().message.c_str());
        asked = order();
    }
};

TEST(ServiceRead, WhatIsLeftOutHasDefaults)
{
    auto read = read_service(asked);
    CHECK_TRUE(bool(read));
    CHECK_EQUAL(std::string("web"), read->name);
    CHECK_EQUAL(std::string("root"), read->user);
    CHECK_TRUE(read->ips == std::vector<std::string>{"10.0.10.5/24"});
    CHECK_EQUAL(0, read->vlan);
    CHECK_EQUAL(std::string(""), read->gateway);
    CHECK_EQUAL(std::string("checkpoint"), read->mode);
    CHECK_EQUAL(std::string("/"), read->directory);
    CHECK_TRUE((read->command == std::vector<std::string>{"/usr/bin/env", "-i"}));
}

TEST(ServiceRead, AllOfItIsRead)
{
    asked["user"] = "www-data";
    asked["ips"] = {"10.0.10.5/24", "fd00:0::5/64"};
    asked["vlan"] = 4094;
    asked["gateway"] = "fd00::0001";
    asked["mode"] = "handoff";
    asked["environment"] = {"A=1", "_b2=x=y"};
    asked["directory"] = "/srv";
    auto read = read_service(asked);
    CHECK_TRUE(bool(read));
    CHECK_EQUAL(std::string("www-data"), read->user);
    CHECK_TRUE((read->ips == std::vector<std::string>{"10.0.10.5/24", "fd00::5/64"}));
    CHECK_EQUAL(4094, read->vlan);
    CHECK_EQUAL(std::string("fd00::1"), read->gateway);
    CHECK_EQUAL(std::string("handoff"), read->mode);
    CHECK_TRUE((read->environment == std::vector<std::string>{"A=1", "_b2=x=y"}));
    CHECK_EQUAL(std::string("/srv"), read->directory);
}

TEST(ServiceRead, NamesAreFoldersToo)
{
    for (const char* name : {"", "..", ".x", "-x", "a/b", "a b"}) {
        asked["name"] = name;
        refused("name", "letter");
    }
}

TEST(ServiceRead, AddressesAreOfAMachineAndHaveAPrefix)
{
    for (const char* ip : {"10.0.10.5", "10.0.10.5/", "10.0.10.5/33", "10.0.10.5/0", "10.0.10/24",
                           "127.0.0.1/8", "224.0.0.1/4", "0.0.0.0/8", "fd00::5/129", "fe80::1/64",
                           "ff02::1/64", "::1/128", "::ffff:10.0.0.1/96", "web/24", ""}) {
        asked["ips"] = {ip};
        refused("is no address with its prefix", "10.0.10.5/24");
    }
    asked["ips"] = {"fd00::5/64", "fd00:0:0::5/64"};
    refused("fd00::5 is given twice", "once");
}

TEST(ServiceRead, GatewayIsReachedDirectly)
{
    for (const char* gateway : {"10.0.11.1", "fd00::1"}) {
        asked["gateway"] = gateway;
        refused("is in the subnet of no --ip", "directly");
    }
    asked["gateway"] = "10.0.10.1/24";
    refused("is no address", "10.0.10.1");
    asked["ips"] = Json::array();
    asked["gateway"] = "10.0.10.1";
    refused("is in the subnet of no --ip", "directly");
    asked["ips"] = {"10.0.10.129/25"};
    asked["gateway"] = "10.0.10.127";
    refused("is in the subnet of no --ip", "directly");
}

TEST(ServiceRead, WhatIsNoCommandVariableVlanOrModeIsRefused)
{
    asked.erase("command");
    refused("service web has no command", "after --");
    asked["command"] = {""};
    refused("has no command", "after --");
    asked["command"] = {"bin/server"};
    refused("bin/server is a relative path", "from /");
    asked["command"] = {"/bin/true", std::string{"\xff"}};
    refused("holds a byte", "UTF-8");
    asked["directory"] = "srv";
    refused("--directory srv is a relative path", "from /");
    for (const char* variable : {"", "A", "=x", "1A=x", "A-B=x"}) {
        asked["environment"] = {variable};
        refused("is no variable", "NAME=VALUE");
    }
    for (const int vlan : {-1, 4095}) {
        asked["vlan"] = vlan;
        refused("is no VLAN", "1 to 4094");
    }
    asked["mode"] = "teleport";
    refused("--mode teleport is none", "checkpoint or handoff");
}

TEST_GROUP(ServiceRules)
{
    std::vector<db::Service> services;
    std::vector<db::Vm> vms;
    std::vector<db::Balancer> balancers;
    db::Service wanted = *read_service(order());

    Result<db::Service> may()
    {
        return may_run(wanted, {"hv1", services, vms, balancers}, id);
    }
    void refused(const char* line)
    {
        auto row = may();
        CHECK_FALSE(bool(row));
        CHECK_TRUE(row.error().code == Errc::exists);
        STRCMP_CONTAINS(line, row.error().message.c_str());
    }
};

TEST(ServiceRules, NamesComeFromTheIdAndFitAnInterface)
{
    CHECK_EQUAL(std::string("hfs0123abcd4567"), service_port(id));
    CHECK_EQUAL(15u, service_port(id).size()); // IFNAMSIZ less the NUL.
    CHECK_EQUAL(std::string("02:12:34:56:78:9a"), service_mac(id));
}

TEST(ServiceRules, ANewOneBeginsHereAndStopped)
{
    services = {row("db", "hv2", "running")};
    auto made = may();
    CHECK_TRUE(bool(made));
    CHECK_EQUAL(id, made->id);
    CHECK_EQUAL(std::string("hv1"), made->hypervisor);
    CHECK_EQUAL(std::string("stopped"), made->state);
    CHECK_EQUAL(1, made->epoch);
    CHECK_EQUAL(service_mac(id), made->mac);
}

TEST(ServiceRules, ANameIsTheFleets)
{
    services = {row("web", "hv2", "running")};
    refused("there is a service web already, running on hv2: choose another name");
    services = {row("web", "hv2", "stopped")};
    refused("or 'holdfast service stop web' first");
    services = {row("web", "hv1", "moving")};
    refused("moving on hv1");
    services.clear();
    db::Vm vm;
    vm.id = "other";
    vm.name = "web";
    vms = {vm};
    refused("there is a VM web already");
}

TEST(ServiceRules, OneThatStoppedHereIsRunAgain)
{
    services = {row("web", "hv1", "stopped", "10.0.10.5/24")};
    services[0].pinned = true;
    services[0].exit = "ended with status 1";
    services[0].id = "fedcba98-7654-4321-8765-43210fedcba9";
    db::Vm own; // Its own record is no other VM.
    own.id = services[0].id;
    own.name = "web";
    own.ips = {"10.0.10.5"};
    vms = {own};
    auto made = may();
    CHECK_TRUE(bool(made));
    CHECK_EQUAL(services[0].id, made->id);
    CHECK_EQUAL(7, made->epoch);
    CHECK_TRUE(made->pinned);
    CHECK_TRUE(is_being_started(*made));
    CHECK_FALSE(is_being_started(services[0]));
}

TEST(ServiceRules, AnAddressIsOneMachines)
{
    services = {row("db", "hv2", "stopped", "10.0.10.5/16")};
    refused("address 10.0.10.5 is service db's: give another --ip");
    services.clear();
    db::Vm vm;
    vm.id = vm.name = "fw";
    vm.ips = {"10.0.10.5"};
    vms = {vm};
    refused("address 10.0.10.5 is VM fw's");
    vms.clear();
    db::Balancer balancer;
    balancer.name = "lb";
    balancer.vip = "10.0.10.5";
    balancers = {balancer};
    refused("address 10.0.10.5 is balancer lb's");
}

TEST(ServiceRules, OneThatMovesIsNotStopped)
{
    CHECK_FALSE(bool(may_stop(row("web", "hv1", "moving"))));
    CHECK_TRUE(bool(may_stop(row("web", "hv1", "running"))));
    CHECK_TRUE(bool(may_stop(row("web", "hv1", "stopped"))));
}

TEST(ServiceRules, ItsEndIsToldAndForgottenWhenItRuns)
{
    auto gone = ended(running(row("web", "hv1", "stopped"), 42), "ended with status 1");
    CHECK_EQUAL(std::string("stopped"), gone.state);
    CHECK_EQUAL(0, gone.pid);
    CHECK_EQUAL(std::string("ended with status 1"), gone.exit);
    auto again = running(gone, 43);
    CHECK_EQUAL(43, again.pid);
    CHECK_EQUAL(std::string(""), again.exit);
    STRCMP_CONTAINS("nobody looked", ended(again, "").exit.c_str());
}

TEST(ServiceRules, WhatItsProcessesNeedComesFromTheRow)
{
    auto service = *may();
    service.gateway = "10.0.10.1";
    service.environment = {"A=1"};
    const auto definition = definition_of(service, true);
    CHECK_EQUAL(service_port(id), definition.interface);
    CHECK_TRUE(definition.offloads);
    CHECK_TRUE(*service::decode(service::encode(definition)) == definition);
    CHECK_FALSE(bool(service::decode("{}")));
}
