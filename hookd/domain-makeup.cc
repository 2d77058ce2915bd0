// SPDX-License-Identifier: Apache-2.0
//
// hookd/domain-makeup: see domain-makeup.h.
#include <config.h>

#include "hookd/domain-makeup.h"

#include <algorithm>

#include "common/text.h"

namespace holdfast::hookd {
namespace {

using Tree = boost::property_tree::ptree;

constexpr std::size_t longest_name = 100, most_elements = 4096;

/// One line of UTF-8 of a length that tables can show.
std::string short_text(const std::string& text)
{
    std::string line = one_line(text, longest_name);
    while (!is_utf8(line))
        line.pop_back();
    return line;
}

std::string attribute(const Tree& element, const char* name)
{
    return short_text(element.get(std::string{"<xmlattr>."} + name, ""));
}

/// What a unit of libvirt's is in bytes; 0: none of its.
std::int64_t bytes_of(const std::string& unit)
{
    struct Unit {
        const char *name, *short_name;
        std::int64_t bytes;
    };
    constexpr std::int64_t k = 1000, ki = 1024;
    static const Unit units[]{{"b", "bytes", 1},
                              {"KB", "", k},
                              {"k", "KiB", ki},
                              {"MB", "", k * k},
                              {"M", "MiB", ki * ki},
                              {"GB", "", k * k * k},
                              {"G", "GiB", ki * ki * ki},
                              {"TB", "", k * k * k * k},
                              {"T", "TiB", ki * ki * ki * ki}};
    for (const Unit& one : units)
        if (unit == one.name || unit == one.short_name)
            return one.bytes;
    return 0;
}

std::int64_t memory_of(const Tree& domain)
{
    constexpr std::int64_t mib = 1 << 20, most = std::int64_t{1} << 40;
    const auto amount = domain.get<std::int64_t>("memory", 0);
    const auto bytes = bytes_of(domain.get("memory.<xmlattr>.unit", "KiB"));
    return amount <= 0 || amount > most || bytes == 0
               ? 0
               : static_cast<std::int64_t>(static_cast<__int128>(amount) * bytes / mib);
}

void add(DomainMakeup& makeup, recovery::Element element)
{
    if (!element.name.empty() && makeup.elements.size() < most_elements)
        makeup.elements.push_back(std::move(element));
}

void read_ours(const Tree& metadata, DomainMakeup& makeup)
{
    for (const auto& [name, child] : metadata) {
        const std::string kind = name.substr(name.find(':') + 1);
        const std::string called = attribute(child, "name"), version = attribute(child, "version");
        if (kind == "os" || kind == "data")
            add(makeup, {kind, called, version});
        else if (kind == "software")
            add(makeup, {attribute(child, "feature"), called, version});
        else if (kind == "disks")
            makeup.shared_disks = attribute(child, "shared") == "yes";
    }
}

/// Its id is an address that ends in /ubuntu/20.04.
void read_libosinfo(const Tree& metadata, DomainMakeup& makeup)
{
    const std::string id = short_text(metadata.get("libosinfo:os.<xmlattr>.id", ""));
    const auto last = id.rfind('/');
    if (last == std::string::npos || last == 0)
        return;
    const auto before = id.rfind('/', last - 1);
    if (before != std::string::npos)
        add(makeup, {"os", id.substr(before + 1, last - before - 1), id.substr(last + 1)});
}

void read_disks(const Tree& devices, DomainMakeup& makeup)
{
    bool all_elsewhere = true, any = false;
    for (const auto& [name, disk] : devices) {
        if (name != "disk" || disk.get("<xmlattr>.device", "disk") != "disk")
            continue;
        any = true;
        if (disk.get("<xmlattr>.type", "") == "network")
            continue;
        all_elsewhere = false;
        const std::string path =
            disk.get("source.<xmlattr>.file", disk.get("source.<xmlattr>.dev", ""));
        if (!path.empty())
            makeup.disks.push_back(path);
    }
    makeup.shared_disks = makeup.shared_disks || (any && all_elsewhere);
}

} // namespace

DomainMakeup read_makeup(const Tree& domain)
{
    DomainMakeup makeup;
    makeup.cpus = std::max<std::int64_t>(
        domain.get<std::int64_t>("vcpu.<xmlattr>.current", domain.get<std::int64_t>("vcpu", 0)), 0);
    makeup.memory = memory_of(domain);
    if (const auto metadata = domain.get_child_optional("metadata")) {
        for (const auto& [name, element] : *metadata)
            if (name == "holdfast:vm")
                read_ours(element, makeup);
        const bool has_os =
            std::ranges::count(makeup.elements, std::string{"os"}, &recovery::Element::feature) > 0;
        if (const auto info = metadata->get_child_optional("libosinfo:libosinfo"); info && !has_os)
            read_libosinfo(*info, makeup);
    }
    if (const auto devices = domain.get_child_optional("devices"))
        read_disks(*devices, makeup);
    return makeup;
}

} // namespace holdfast::hookd
