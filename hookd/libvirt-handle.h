// SPDX-License-Identifier: Apache-2.0
//
// hookd/libvirt-handle: owners of libvirt's counted objects.
#pragma once

#include <libvirt/libvirt.h>

#include <memory>

namespace holdfast::hookd {

struct CloseConnect {
    void operator()(virConnectPtr connection) const { virConnectClose(connection); }
};
using ConnectPtr = std::unique_ptr<virConnect, CloseConnect>;

struct FreeDomain {
    void operator()(virDomainPtr domain) const { virDomainFree(domain); }
};
using DomainPtr = std::unique_ptr<virDomain, FreeDomain>;

} // namespace holdfast::hookd
