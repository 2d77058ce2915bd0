// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/records and hookd/domain-xml (spec C1, C2).
#include <config.h>

#include "hookd/records.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

const char* const id = "11111111-2222-3333-4444-555555555555";

DomainXml domain_xml()
{
    DomainXml xml;
    xml.uuid = id;
    xml.name = "fw";
    xml.interfaces.push_back({"52:54:00:00:00:01", "if1", "br0", "vnet0", "net0"});
    return xml;
}

SwitchPort port(int ofport)
{
    return {"br0", "vnet0", ofport, "if1", "52:54:00:00:00:01", id, "vm"};
}

db::Vm row_on(const std::string& hypervisor)
{
    db::Vm row;
    row.id = id;
    row.name = "fw";
    row.label = 4097;
    row.hypervisor = hypervisor;
    row.state = "running";
    row.epoch = 4;
    row.ports.push_back({"52:54:00:00:00:01", "if1", "br0", "vnet7", 7});
    return row;
}

} // namespace

TEST_GROUP(Records)
{
    Seen seen;
    std::vector<db::Vm> rows;

    void setup() override
    {
        seen.self = "hv1";
        seen.number = 1;
        seen.ports_known = seen.domains_known = true;
    }
    RecordChange change_now()
    {
        return compute_records(seen, rows);
    }
};

TEST(Records, RunningDomainBecomesARecordWithItsPort)
{
    seen.domains.push_back({domain_xml(), Reality::running});
    seen.ports.push_back(port(5));
    auto change = change_now();
    CHECK_EQUAL(1u, change.put.size());
    const db::Vm& vm = change.put[0];
    CHECK_EQUAL(1u << 12 | 1, vm.label);
    CHECK_EQUAL(std::string("hv1"), vm.hypervisor);
    CHECK_EQUAL(std::string("running"), vm.state);
    CHECK_EQUAL(5, vm.ports.at(0).ofport);
    rows = change.put;
    CHECK_TRUE(change_now().empty());
}

TEST(Records, DefinitionMakesARecordOnlyWhereThereIsNone)
{
    seen.domains.push_back({domain_xml(), Reality::absent});
    CHECK_EQUAL(std::string("stopped"), change_now().put.at(0).state);
    rows.push_back(row_on("hv2"));
    CHECK_TRUE(change_now().empty());
}

TEST(Records, VmThatComesUpHereIsTakenOverWithAHigherEpoch)
{
    rows.push_back(row_on("hv2"));
    seen.domains.push_back({domain_xml(), Reality::running});
    seen.ports.push_back(port(5));
    auto change = change_now();
    CHECK_EQUAL(std::string("hv1"), change.put.at(0).hypervisor);
    CHECK_EQUAL(5, change.put.at(0).epoch);
    CHECK_EQUAL(4097u, change.put.at(0).label);
    CHECK_EQUAL(5, change.put.at(0).ports.at(0).ofport);
}

TEST(Records, OfTwoThatRunOneVmTheFirstYieldsUntilTheOtherEnds_C2)
{
    CHECK_TRUE(yields(row_on("hv1"), row_on("hv2")));
    CHECK_FALSE(yields(row_on("hv1"), row_on("hv1")));
    rows.push_back(row_on("hv2"));
    seen.domains.push_back({domain_xml(), Reality::running});
    seen.ports.push_back(port(5));
    seen.yielded = {id};
    auto change = change_now();
    CHECK_TRUE(change.empty());
    CHECK_TRUE(change.yielded == seen.yielded);
    CHECK_EQUAL(std::string("VM fw runs here and on hv2, where its traffic goes: stop one of the "
                            "two"),
                change.problems.at(0));
    seen.domains[0].state = Reality::paused;
    CHECK_TRUE(change_now().yielded == seen.yielded);
    // Who does not know what runs here forgets nothing.
    seen.domains.clear();
    CHECK_TRUE(change_now().yielded.empty());
    seen.domains_known = false;
    CHECK_TRUE(change_now().yielded == seen.yielded);
    seen.domains_known = true;
    seen.domains.push_back({domain_xml(), Reality::running});
    rows[0].health = dead_text("hv2");
    CHECK_EQUAL(std::string("hv1"), change_now().put.at(0).hypervisor);
    rows[0].health.clear();
    rows[0].state = "stopped";
    CHECK_FALSE(yields(row_on("hv1"), rows[0]));
    change = change_now();
    CHECK_EQUAL(std::string("hv1"), change.put.at(0).hypervisor);
    CHECK_TRUE(change.yielded.empty() && change.problems.empty());
}

TEST(Records, APortOfOneIfaceIdOnTwoHypervisorsIsWhoHasItLater)
{
    rows.push_back(row_on("hv2"));
    rows[0].kind = "port";
    seen.ports.push_back(port(5));
    seen.ports[0].vm_id.clear();
    seen.ports[0].iface_id = id;
    CHECK_EQUAL(std::string("hv1"), change_now().put.at(0).hypervisor);
    seen.yielded = {id};
    CHECK_TRUE(change_now().empty());
    LONGS_EQUAL(1, change_now().problems.size());
    seen.ports.clear();
    CHECK_TRUE(change_now().yielded.empty());
}

TEST(Records, VmOnItsWayInIsNotTakenOver)
{
    rows.push_back(row_on("hv2"));
    seen.domains.push_back({domain_xml(), Reality::paused});
    seen.ports.push_back(port(5));
    CHECK_TRUE(change_now().empty());
    seen.domains[0].state = Reality::running;
    seen.moving.insert(id);
    CHECK_TRUE(change_now().empty());
}

TEST(Records, VmOnItsWayOutKeepsItsState)
{
    rows.push_back(row_on("hv1"));
    seen.domains.push_back({domain_xml(), Reality::absent});
    seen.moving.insert(id);
    CHECK_TRUE(change_now().empty());
    seen.domains.clear();
    CHECK_TRUE(change_now().empty());
}

TEST(Records, StoppedVmIsUnplugged)
{
    rows.push_back(row_on("hv1"));
    seen.domains.push_back({domain_xml(), Reality::absent});
    auto change = change_now();
    CHECK_EQUAL(std::string("stopped"), change.put.at(0).state);
    CHECK_EQUAL(0, change.put.at(0).ports.at(0).ofport);
    CHECK_EQUAL(4, change.put.at(0).epoch);
}

TEST(Records, GuestThatIsPausedDoesNoWorkUnlessAMigrationHoldsIt)
{
    rows.push_back(row_on("hv1"));
    seen.domains.push_back({domain_xml(), Reality::paused, false});
    seen.ports.push_back(port(5));
    CHECK_EQUAL(std::string(""), change_now().put.at(0).health);
    seen.domains[0].halted = true;
    seen.moving.insert(id);
    CHECK_TRUE(change_now().empty());
    seen.moving.clear();
    rows = change_now().put;
    CHECK_EQUAL(std::string("its guest is paused"), rows.at(0).health);
    CHECK_EQUAL(std::string("running"), rows.at(0).state);
    seen.domains[0] = {domain_xml(), Reality::running};
    CHECK_EQUAL(std::string(""), change_now().put.at(0).health);
}

TEST(Records, UndefinedVmIsForgottenUnlessAChainNamesIt)
{
    rows.push_back(row_on("hv1"));
    CHECK_EQUAL(1u, change_now().remove.size());
    seen.chained.insert(id);
    auto change = change_now();
    CHECK_TRUE(change.remove.empty());
    CHECK_EQUAL(std::string("stopped"), change.put.at(0).state);
}

TEST(Records, ProtectedVmKeepsItsRecordWhileItIsNotDefined_C11)
{
    rows.push_back(row_on("hv1"));
    rows[0].protect = true;
    auto change = change_now();
    CHECK_TRUE(change.remove.empty());
    CHECK_TRUE(change.put.at(0).protect);
    rows[0] = change.put[0];
    rows[0].protect = false;
    CHECK_EQUAL(std::string(id), change_now().remove.at(0));
}

TEST(Records, NothingIsForgottenWhileLibvirtOrTheSwitchIsAway)
{
    rows.push_back(row_on("hv1"));
    seen.domains_known = seen.ports_known = false;
    CHECK_TRUE(change_now().empty());
}

TEST(Records, PortsAreFollowedWhileLibvirtIsAway)
{
    rows.push_back(row_on("hv1"));
    seen.domains_known = false;
    seen.ports.push_back(port(5));
    CHECK_EQUAL(5, change_now().put.at(0).ports.at(0).ofport);
}

TEST(Records, PortOfNoDomainIsAVmOfKindPort)
{
    SwitchPort client{"br0", "c1", 9, "client-1", "52:54:00:00:00:09", "", "port"};
    seen.ports.push_back(client);
    auto change = change_now();
    CHECK_EQUAL(std::string("port"), change.put.at(0).kind);
    CHECK_EQUAL(std::string("client-1"), change.put.at(0).id);
    rows = change.put;
    seen.ports.clear();
    CHECK_EQUAL(1u, change_now().remove.size());
}

TEST(Records, PortWithADomainsIdIsAProblem)
{
    rows.push_back(row_on("hv1"));
    seen.domains.push_back({domain_xml(), Reality::running});
    seen.ports.push_back(port(7));
    seen.ports.push_back({"br0", "x", 9, id, "52:54:00:00:00:09", "", "port"});
    CHECK_EQUAL(1u, change_now().problems.size());
}

TEST(Records, PortListThatIsNonsenseIsRefused)
{
    CHECK_FALSE(bool(parse_switch_ports("[{\"bridge\":3}]")));
    CHECK_FALSE(bool(parse_switch_ports("[")));
    CHECK_FALSE(bool(parse_switch_ports("[3]")));
    auto ports = parse_switch_ports(R"([{"bridge":"br0","interface":"vnet0","ofport":5,)"
                                    R"("iface_id":"if1","mac":"52:54:00:00:00:01","vm_id":")" +
                                    std::string(id) + R"(","kind":"vm"}])");
    CHECK_TRUE(bool(ports));
    CHECK_TRUE(ports->at(0) == port(5));
}

TEST_GROUP(DomainXml){};

TEST(DomainXml, ReadsIdentityMetadataAndOvsInterfaces)
{
    auto xml = parse_domain_xml(
        "<domain type='qemu' id='3'><name>fw</name>"
        "<uuid>11111111-2222-3333-4444-55555555555A</uuid><metadata>"
        "<holdfast:vm xmlns:holdfast='https://holdfast.example/vm'><holdfast:ip>10.0.0.5/24"
        "</holdfast:ip><holdfast:ip>fd00::5</holdfast:ip><holdfast:service>web</holdfast:service>"
        "<holdfast:owner>ann</holdfast:owner></holdfast:vm></metadata><devices><interface "
        "type='bridge'>"
        "<mac address='52:54:00:AA:00:01'/><source bridge='br0'/>"
        "<virtualport type='openvswitch'><parameters interfaceid='if1'/></virtualport>"
        "<target dev='vnet0'/></interface><interface type='network'><mac address='x'/>"
        "</interface></devices></domain>");
    CHECK_TRUE(bool(xml));
    CHECK_EQUAL(std::string("11111111-2222-3333-4444-55555555555a"), xml->uuid);
    CHECK_TRUE(xml->ips == (std::vector<std::string>{"10.0.0.5", "fd00::5"}));
    CHECK_EQUAL(std::string("web"), xml->service);
    CHECK_EQUAL(std::string("ann"), xml->owner);
    CHECK_EQUAL(1u, xml->interfaces.size());
    CHECK_TRUE(xml->interfaces[0] ==
               (DomainInterface{"52:54:00:aa:00:01", "if1", "br0", "vnet0", ""}));
}

TEST(DomainXml, NonsenseIsRefusedWithoutHarm)
{
    CHECK_FALSE(bool(parse_domain_xml("")));
    CHECK_FALSE(bool(parse_domain_xml("<")));
    CHECK_FALSE(bool(parse_domain_xml("<domain><name>x</name><uuid>no</uuid></domain>")));
    CHECK_FALSE(bool(parse_domain_xml("<network/>")));
    CHECK_EQUAL(std::string("domain XML: not UTF-8"),
                parse_domain_xml("<domain><name>\xff</name></domain>").error().message);
    CHECK_FALSE(bool(parse_domain_xml(std::string(domain_xml_limit + 1, ' '))));
    std::string deep;
    for (int i = 0; i < 200000; ++i)
        deep += "<a>";
    CHECK_EQUAL(std::string("domain XML: nested too deep"), parse_domain_xml(deep).error().message);
    CHECK_FALSE(bool(parse_domain_xml(std::string("<domain>\0\xff</domain>", 19))));
}

namespace {

db::Service service_on(const std::string& hypervisor, const std::string& state)
{
    db::Service service;
    service.id = id;
    service.name = "web";
    service.ips = {"10.0.10.5/24", "fd00::5/64"};
    service.mac = "52:54:00:00:00:01";
    service.hypervisor = hypervisor;
    service.state = state;
    return service;
}

/// As the switch sees a service's port: nobody's of libvirt.
SwitchPort service_port_seen()
{
    return {"br0", "hfs111111112222", 9, id, "52:54:00:00:00:01", "", "port"};
}

} // namespace

TEST(Records, ServiceIsAVmWhereItRuns)
{
    seen.services = {service_on("hv1", "running")};
    seen.ports = {service_port_seen()};
    auto change = change_now();
    CHECK_EQUAL(1u, change.put.size());
    const db::Vm& vm = change.put[0];
    CHECK_EQUAL(std::string(id), vm.id);
    CHECK_EQUAL(std::string("service"), vm.kind);
    CHECK_EQUAL(std::string("web"), vm.name);
    CHECK_EQUAL(std::string("running"), vm.state);
    CHECK_TRUE((vm.ips == std::vector<std::string>{"10.0.10.5", "fd00::5"}));
    CHECK_EQUAL(9, vm.ports.at(0).ofport);
    rows = change.put;
    CHECK_TRUE(change_now().empty());
    // The switch is away for a while.
    seen.ports_known = false;
    seen.ports.clear();
    CHECK_TRUE(change_now().empty());
}

TEST(Records, ServiceThatEndedHasNoPortAndNoneThatIsForgottenHasARecord)
{
    seen.services = {service_on("hv1", "running")};
    seen.ports = {service_port_seen()};
    rows = change_now().put;
    seen.services[0].state = "stopped";
    seen.ports.clear();
    auto change = change_now();
    CHECK_EQUAL(std::string("stopped"), change.put.at(0).state);
    CHECK_EQUAL(0, change.put[0].ports.at(0).ofport);
    CHECK_EQUAL(std::string("52:54:00:00:00:01"), change.put[0].ports[0].mac);
    rows = change.put;
    seen.services.clear();
    CHECK_TRUE(change_now().remove == std::vector<std::string>{id});
    seen.chained = {id};
    CHECK_TRUE(change_now().empty());
}

TEST(Records, PortOfAServiceThatComesIsNoVmOfItsOwn)
{
    rows = {row_on("hv2")};
    rows[0].kind = "service";
    seen.services = {service_on("hv2", "running")};
    seen.ports = {service_port_seen()};
    CHECK_TRUE(change_now().empty());
    // It has come: its row says so first.
    seen.services[0].hypervisor = "hv1";
    seen.moving = {id};
    CHECK_TRUE(change_now().empty());
    seen.moving.clear();
    auto change = change_now();
    CHECK_EQUAL(std::string("hv1"), change.put.at(0).hypervisor);
    CHECK_EQUAL(5, change.put[0].epoch);
    CHECK_EQUAL(9, change.put[0].ports.at(0).ofport);
}
