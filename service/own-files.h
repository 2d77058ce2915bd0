// SPDX-License-Identifier: Apache-2.0
//
// service/own-files: the files in a service's own file systems (service/mounts) on their way, as
// one archive (spec S5).
//
// CRIU would run tar and gzip for each of them, on both sides, while the service stands still.
// Sockets among them are CRIU's: it binds them anew.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast::service {

/// Where the file system of mount point `point` is in folder `under`, e.g. ".../-dev-shm".
std::string place_of(const std::string& under, const std::string& point);

/// Writes all that is in the file systems at `points` below `root` to a new file.
/// Shape:  `root` is that of a process, e.g. "/proc/7/root"; nobody writes there meanwhile.
/// Errors: io, with the path.
Result<void> pack(const std::string& root, const std::vector<std::string>& points,
                  const std::string& file);

/// Fills the folders place_of(under, ...), which are there, from such a file.
/// Errors: io; damaged if it is none.
Result<void> unpack(const std::string& file, const std::string& under);

} // namespace holdfast::service
