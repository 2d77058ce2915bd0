// SPDX-License-Identifier: Apache-2.0
//
// hookd/load-samples: reads what libvirt has counted of running VMs (spec balancer.md, B9).
#pragma once

#include <libvirt/libvirt.h>

#include <string>
#include <vector>

#include "hookd/load.h"

namespace holdfast::hookd {

/// Of these domains, as far as they run.  Blocks, as long as one of their QEMUs lets it wait.
/// Asks those guests that do not tell of their memory to do it now and then, by the memory balloon,
/// as one with `<stats period=...>` does; `asked` has those that were.
LoadSamples load_samples(virConnectPtr connection, const std::vector<std::string>& uuids,
                         MemoryAsked& asked);

} // namespace holdfast::hookd
