// SPDX-License-Identifier: Apache-2.0
//
// hookd/domain-xml: what we need of a libvirt domain's XML.
//
// Pure.  The text may come from anybody who reaches the hook socket, so it is bounded in
// size and depth, and nothing in it is believed beyond its form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "hookd/domain-makeup.h"

namespace holdfast::hookd {

/// The longest XML looked at, in bytes.
inline constexpr std::size_t domain_xml_limit = 1 << 20;

/// A network interface of a domain that is plugged into an Open vSwitch bridge.
struct DomainInterface {
    std::string mac;      // Lower case.
    std::string iface_id; // libvirt's interfaceid; empty if not given yet.
    std::string bridge;   // The source bridge; empty if it comes from a libvirt network.
    std::string target;   // The tap's name while the domain runs, e.g. vnet3.
    std::string alias;    // QEMU's name of the device while the domain runs, e.g. net0.
    int mtu = 0;          // What the guest is told to use; 0 if nothing.

    bool operator==(const DomainInterface&) const = default;
};

/// What a domain says of itself.
struct DomainXml {
    std::string uuid; // Lower case, with hyphens.
    std::string name;
    std::vector<std::string> ips; // metadata holdfast:ip, without prefix length.
    std::string service;          // metadata holdfast:service.
    std::string owner; // metadata holdfast:owner: the user whose VM it is; empty: nobody's.
    std::vector<DomainInterface> interfaces;
    DomainMakeup makeup;

    bool operator==(const DomainXml&) const = default;
};

/// Reads a domain's XML.
/// Errors: damaged, if it is too long, nested too deep, not XML, or no domain with name and
///         UUID.
/// Source: libvirt, docs/formatdomain.rst; metadata in the namespace
///         https://holdfast.example/vm with the prefix holdfast.
Result<DomainXml> parse_domain_xml(std::string_view xml);

/// Whether `text` is a UUID as libvirt writes it: 36 characters, lower case.
bool is_uuid(std::string_view text);

} // namespace holdfast::hookd
