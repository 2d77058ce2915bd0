// SPDX-License-Identifier: Apache-2.0
//
// env/lxc: libvirt's LXC driver: its connection, its domains, and what it says.
#pragma once

#include <libvirt/libvirt.h>
#include <sys/types.h>

#include <memory>
#include <string>

#include "common/result.h"

namespace holdfast::env {

struct CloseConnect {
    void operator()(virConnectPtr connection) const { virConnectClose(connection); }
};
using Connection = std::unique_ptr<virConnect, CloseConnect>;

struct FreeDomain {
    void operator()(virDomainPtr domain) const { virDomainFree(domain); }
};
using Domain = std::unique_ptr<virDomain, FreeDomain>;

/// Errors: unavailable, with the mend.
Result<Connection> connect_lxc();

/// What libvirt said last, of `what`.
Error libvirt_error(const std::string& what);

/// The first process of a container, as this process numbers it; 0 if there is none.
pid_t first_process(virDomainPtr domain);

} // namespace holdfast::env
