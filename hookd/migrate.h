// SPDX-License-Identifier: Apache-2.0
//
// hookd/migrate: asks libvirt to migrate a VM, as `virsh migrate --live` does.
//
// What the switches do meanwhile hangs on hooks and events, as with any other client.
#pragma once

#include <string>

#include "common/config.h"
#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// `pattern` with {hypervisor} and {vtep} of `peer` put in.
std::string expand_uri(std::string pattern, const db::Hypervisor& peer);

/// Migrates the running VM `uuid` from this hypervisor to `peer`, and waits until it is
/// there.  Blocks for seconds or minutes: for a thread aside.
/// Errors: invalid, with libvirt's own line, if it fails; the VM then goes on here.
Result<std::string> migrate(const Config& config, const std::string& uuid,
                            const db::Hypervisor& peer);

} // namespace holdfast::hookd
