// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/domain-makeup, hookd/specifications, hookd/disk-size and hookd/feature-file: spec
// R1, R2.
#include <config.h>

#include "hookd/disk-size.h"
#include "hookd/feature-file.h"
#include "hookd/specifications.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

constexpr const char* uuid = "11111111-2222-3333-4444-555555555555";

Result<DomainXml> domain(const std::string& inside)
{
    return parse_domain_xml("<domain><name>web1</name><uuid>" + std::string{uuid} + "</uuid>" +
                            inside + "</domain>");
}

db::Vm record(const std::string& hypervisor)
{
    db::Vm row;
    row.id = uuid;
    row.name = "web1";
    row.hypervisor = hypervisor;
    row.epoch = 3;
    return row;
}

} // namespace

TEST_GROUP(R1DomainMakeup){};

TEST(R1DomainMakeup, SaysWhatLibvirtAndTheMetadataSay)
{
    const auto xml = domain(R"(
      <memory unit='MiB'>2048</memory><vcpu placement='static' current='2'>4</vcpu>
      <metadata>
        <holdfast:vm xmlns:holdfast="https://holdfast.example/vm">
          <holdfast:ip>10.0.0.9</holdfast:ip>
          <holdfast:os name="Ubuntu" version="20.04"/>
          <holdfast:software name="nodejs" version="18.2"/>
          <holdfast:software name="Frob" feature="database"/>
          <holdfast:software version="3"/>
          <holdfast:data name="orders" version="May"/>
        </holdfast:vm>
        <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
          <libosinfo:os id="http://debian.org/debian/12"/>
        </libosinfo:libosinfo>
      </metadata>
      <devices>
        <disk type='file' device='disk'><source file='/images/a.qcow2'/></disk>
        <disk type='block'><source dev='/dev/vg/b'/></disk>
        <disk type='file' device='cdrom'><source file='/images/c.iso'/></disk>
        <disk type='network' device='disk'><source protocol='rbd' name='p/d'/></disk>
      </devices>)");
    CHECK_TRUE(bool(xml));
    const DomainMakeup& makeup = xml->makeup;
    CHECK_EQUAL(2, makeup.cpus);
    CHECK_EQUAL(2048, makeup.memory);
    CHECK_TRUE(makeup.elements == (std::vector<recovery::Element>{{"os", "Ubuntu", "20.04"},
                                                                  {"", "nodejs", "18.2"},
                                                                  {"database", "Frob", ""},
                                                                  {"data", "orders", "May"}}));
    CHECK_TRUE(makeup.disks == (std::vector<std::string>{"/images/a.qcow2", "/dev/vg/b"}));
    CHECK_FALSE(makeup.shared_disks);
}

TEST(R1DomainMakeup, TheOperatingSystemIsLibosinfosWhereTheMetadataSaysNone)
{
    const auto xml = domain(R"(<metadata><libosinfo:libosinfo xmlns:libosinfo="x">
        <libosinfo:os id="http://debian.org/debian/12"/></libosinfo:libosinfo></metadata>)");
    CHECK_TRUE(xml->makeup.elements == (std::vector<recovery::Element>{{"os", "debian", "12"}}));
}

TEST(R1DomainMakeup, DisksAreSharedOnTheNetworkOrAsTheMetadataSays)
{
    const std::string on_network = "<disk type='network' device='disk'/>";
    const std::string file = "<disk type='file' device='disk'><source file='/a'/></disk>";
    const auto shared = [](const std::string& disks, const std::string& metadata = "") {
        return domain(metadata + "<devices>" + disks + "</devices>")->makeup.shared_disks;
    };
    CHECK_TRUE(shared(on_network));
    CHECK_FALSE(shared(on_network + file));
    CHECK_FALSE(shared(""));
    CHECK_TRUE(shared(file, "<metadata><holdfast:vm><holdfast:disks shared='yes'/></holdfast:vm>"
                            "</metadata>"));
}

TEST(R1DomainMakeup, NonsenseIsNotKnown)
{
    const auto xml = domain(R"(<memory unit='furlong'>5</memory><vcpu>-3</vcpu>
        <metadata><libosinfo:libosinfo><libosinfo:os id="/"/></libosinfo:libosinfo></metadata>)");
    CHECK_TRUE(bool(xml));
    CHECK_TRUE(xml->makeup == DomainMakeup{});
    CHECK_EQUAL(0, domain("<memory>99999999999999999999</memory>")->makeup.memory);
    CHECK_EQUAL(1, domain("<memory>1024</memory>")->makeup.memory);
}

TEST(R1DomainMakeup, NamesAreOneLineOfUtf8OfALengthThatCanBeShown)
{
    std::string
        name; // Of letters with two bytes: 100 bytes end between two of them, or "..." does.
    for (int i = 0; i < 200; ++i)
        name += "\xc3\xa4";
    const auto xml = domain("<metadata><holdfast:vm><holdfast:data name=\"x" + name +
                            "\"/></holdfast:vm></metadata>");
    const auto& shown = xml->makeup.elements.at(0).name;
    CHECK_TRUE(shown.size() <= 103 && shown.size() > 90);
    db::Specification row;
    row.elements = {{"data", shown, ""}};
    CHECK_TRUE(shown.find('\n') == std::string::npos);
}

TEST_GROUP(R1Specifications)
{
    std::map<std::string, Domain> domains;
    std::vector<db::Vm> vms{record("hv1")};
    std::vector<db::Specification> rows;
    std::vector<db::RecoveryPolicy> policies;
    recovery::FeatureTable features = load_features("").table;

    void setup() override
    {
        Domain one;
        one.xml = *domain(R"(<memory unit='GiB'>1</memory><vcpu>2</vcpu><metadata><holdfast:vm>
            <holdfast:software name="nodejs"/><holdfast:software name="Node.js"/>
            <holdfast:software name="Frob"/><holdfast:data name="nginx"/>
            </holdfast:vm></metadata>)");
        one.disk = 3 << 20;
        domains[uuid] = one;
    }
    SpecificationChange change()
    {
        return compute_specifications("hv1", domains, vms, rows, features, {&policies, 30});
    }
};

TEST(R1Specifications, R9WhereItIsRecoveredByItselfItsLeaseAndItsDefinitionAreSaid)
{
    domains[uuid].definition = "<domain/>";
    CHECK_TRUE(change().put.at(0).lease == 0 && change().put.at(0).xml.empty());
    db::RecoveryPolicy policy;
    policy.name = db::fleet_policy;
    policy.automatic = "on";
    policies = {policy};
    CHECK_TRUE(change().put.at(0).lease == 30 && change().put.at(0).xml == "<domain/>");
    domains[uuid].definition.assign(70'000, ' ');
    CHECK_TRUE(change().put.at(0).xml.empty());
}

TEST(R1Specifications, AVmOfOursIsDescribedWithTheNamesOfTheTable)
{
    const db::Specification row{
        uuid,  "hv1",
        3,     2,
        1024,  3,
        false, {{"data", "nginx", ""}, {"language", "Node.js", ""}, {"software", "Frob", ""}},
        0,     ""};
    CHECK_TRUE(change().put == std::vector{row});
    rows = {row};
    CHECK_TRUE(change().put.empty() && change().remove.empty());
    domains[uuid].disk = 5 << 20;
    CHECK_EQUAL(5, change().put.at(0).disk);
}

TEST(R1Specifications, OthersVmsAndThoseThatLibvirtDoesNotTellOfAreLeftAlone)
{
    vms = {record("hv2")};
    CHECK_TRUE(change().put.empty());
    vms = {record("hv1")};
    domains.clear();
    rows = {{uuid, "hv1", 3, 1, 1, 1, false, {}, 0, ""}};
    CHECK_TRUE(change().put.empty() && change().remove.empty());
}

TEST(R1Specifications, WhatCameFromAnotherHypervisorIsWrittenAnew)
{
    rows = {change().put.at(0)};
    rows[0].hypervisor = "hv2";
    CHECK_EQUAL(1U, change().put.size());
    STRCMP_EQUAL("hv1", change().put.at(0).hypervisor.c_str());
    CHECK_TRUE(change().remove.empty());
    vms = {record("hv2")};
    rows[0].hypervisor = "hv1"; // The other writes it, once it has the VM.
    CHECK_TRUE(change().put.empty() && change().remove.empty());
}

TEST(R1Specifications, TheRowGoesWithItsVm)
{
    rows = {{"gone", "hv1", 3, 1, 1, 1, false, {}, 0, ""},
            {"others", "hv2", 3, 1, 1, 1, false, {}, 0, ""}};
    CHECK_TRUE(change().remove == std::vector<std::string>{"gone"});
}

TEST_GROUP(R1DiskSize)
{
    const std::string folder = std::filesystem::temp_directory_path() / "holdfast-disk-size-test";
    const std::string path = folder + "/disk";

    void setup() override
    {
        std::filesystem::remove_all(folder);
        std::filesystem::create_directories(folder);
    }
    void teardown() override
    {
        std::filesystem::remove_all(folder);
    }
};

TEST(R1DiskSize, IsTheImagesVirtualSizeOrTheFiles)
{
    const std::string header = std::string{"QFI\xfb\0\0\0\3", 8} + std::string(16, '\0');
    std::ofstream{path} << header << std::string{"\0\0\0\2\0\0\0\0", 8} << "the rest";
    CHECK_EQUAL(std::int64_t{2} << 32, disk_size(path));
    std::ofstream{path} << header << std::string(8, '\xff');
    CHECK_EQUAL(0, disk_size(path)); // No disk is so large.
    std::ofstream{path} << header;   // It ends in its header.
    CHECK_EQUAL(24, disk_size(path));
    std::ofstream{path} << std::string(5000, 'x');
    CHECK_EQUAL(5000, disk_size(path));
}

TEST(R1DiskSize, IsNotKnownOfWhatIsNoDisk)
{
    CHECK_EQUAL(0, disk_size(path));
    CHECK_EQUAL(0, disk_size(folder));
    CHECK_EQUAL(0, ::mkfifo(path.c_str(), 0600));
    CHECK_EQUAL(0, disk_size(path)); // And nobody waits for a writer.
}

TEST_GROUP(R2FeatureFile)
{
    const std::string folder = std::filesystem::temp_directory_path() / "holdfast-features-test";
    const std::string path = folder + "/features.conf";

    void setup() override
    {
        std::filesystem::remove_all(folder);
        std::filesystem::create_directories(folder);
    }
    void teardown() override
    {
        std::filesystem::remove_all(folder);
    }
};

TEST(R2FeatureFile, IsBesideTheConfiguration)
{
    STRCMP_EQUAL("/etc/x/features.conf", feature_file("/etc/x/holdfast.conf").c_str());
    STRCMP_CONTAINS("/holdfast/features.conf", feature_file("").c_str());
}

TEST(R2FeatureFile, AddsToWhatShipsAndOneThatIsWrongAddsNothing)
{
    STRCMP_EQUAL("", load_features(path).problem.c_str());
    std::ofstream{path} << "[cache]\nFrob\n";
    auto load = load_features(path);
    STRCMP_EQUAL("", load.problem.c_str());
    STRCMP_EQUAL("cache", load.table.software("frob", "").feature.c_str());
    STRCMP_EQUAL("database", load.table.software("mysqld", "").feature.c_str());
    std::ofstream{path} << "[cache]\nFrob\n[Web Server]\n";
    load = load_features(path);
    STRCMP_CONTAINS("features.conf:3: \"[Web Server]\" is no feature", load.problem.c_str());
    STRCMP_EQUAL("software", load.table.software("frob", "").feature.c_str());
    STRCMP_EQUAL("database", load.table.software("mysqld", "").feature.c_str());
    std::filesystem::remove(path);
    std::filesystem::create_directories(path);
    STRCMP_CONTAINS(path.c_str(), load_features(path).problem.c_str());
}
