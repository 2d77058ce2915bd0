// SPDX-License-Identifier: Apache-2.0
//
// hookd/libvirt-handle: owners of libvirt's counted objects, and what names a domain.
#pragma once

#include <libvirt/libvirt.h>

#include <array>
#include <memory>
#include <string>

namespace holdfast::hookd {

struct CloseConnect {
    void operator()(virConnectPtr connection) const { virConnectClose(connection); }
};
using ConnectPtr = std::unique_ptr<virConnect, CloseConnect>;

struct FreeDomain {
    void operator()(virDomainPtr domain) const { virDomainFree(domain); }
};
using DomainPtr = std::unique_ptr<virDomain, FreeDomain>;

inline std::string uuid_of(virDomainPtr domain)
{
    std::array<char, VIR_UUID_STRING_BUFLEN> text{};
    virDomainGetUUIDString(domain, text.data());
    return text.data();
}

} // namespace holdfast::hookd
