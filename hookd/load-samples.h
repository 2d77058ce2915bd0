// SPDX-License-Identifier: Apache-2.0
//
// hookd/load-samples: reads what libvirt has counted of running VMs (spec balancer.md, B9).
#pragma once

#include <libvirt/libvirt.h>

#include <set>
#include <string>
#include <vector>

#include "hookd/load.h"

namespace holdfast::hookd {

/// Of these domains, as far as they run.  Blocks, as long as one of their QEMUs lets it wait.
/// `asked` has those whose guests were asked to tell of their memory now and then, by the memory
/// balloon: this asks each once that does not, as one with `<stats period=...>` does.
LoadSamples load_samples(virConnectPtr connection, const std::vector<std::string>& uuids,
                         std::set<std::string>& asked);

} // namespace holdfast::hookd
