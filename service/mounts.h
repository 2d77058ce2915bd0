// SPDX-License-Identifier: Apache-2.0
//
// service/mounts: the file systems of a service's own (spec S5).
//
// A service sees its hypervisor's files, and has for itself what belongs to its processes: /proc,
// /dev with its terminals and shared memory, /run, /tmp.  Those move with it, with what is in them;
// all other files are to be the same on both hypervisors.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast::service {

/// Makes them.  The caller is the first process of new process and mount namespaces, and has no
/// file open below the places that are replaced but by descriptor; its working directory is "/"
/// afterwards.
/// Errors: io, with the place; the namespace is of no use then.
Result<void> make_mounts();

/// Where those of them are that are files in memory, /dev first.
std::vector<std::string> own_places();
/// Mounts an empty one, as it is at `point`, at another place.
/// Errors: damaged if there is none at that point; io.
Result<void> mount_as(const std::string& point, const std::string& place);

} // namespace holdfast::service
