// SPDX-License-Identifier: Apache-2.0
//
// hookd/domain-makeup: what a libvirt domain is made of, by its XML (spec recovery.md, R1).
//
// Pure.  CPUs, memory and disks are libvirt's own; operating system, software and data sets are in
// the metadata, as the operator, or what deploys VMs, has put them there.
#pragma once

#include <boost/property_tree/ptree.hpp>

#include <string>
#include <vector>

#include "recovery/specification.h"

namespace holdfast::hookd {

struct DomainMakeup {
    std::int64_t cpus = 0;   // 0: not known, also below.
    std::int64_t memory = 0; // MiB.
    /// Names as they are written; of software the feature, too, and empty if it is not.
    std::vector<recovery::Element> elements;
    std::vector<std::string> disks; // Files and devices of those that are not elsewhere.
    bool shared_disks = false;      // All are on the network, or the metadata says they are shared.

    bool operator==(const DomainMakeup&) const = default;
};

/// Of the <domain> element.
/// Source: libvirt, docs/formatdomain.rst; metadata as domain-xml.h; libosinfo's as virt-install
///         writes it.
DomainMakeup read_makeup(const boost::property_tree::ptree& domain);

} // namespace holdfast::hookd
