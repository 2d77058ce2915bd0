// SPDX-License-Identifier: Apache-2.0
//
// hookd/disk-size: how large a guest sees its disk.
//
// Reads the first bytes of the image itself: to ask QEMU or libvirt would wait for a QEMU that
// does not answer.  Thread: any; one that may wait, as files can be elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::hookd {

/// In bytes: of a qcow2 image its virtual size, of any other file or block device its own.
/// 0: there is none, or it cannot be read.
/// Source: QEMU, docs/interop/qcow2.txt.
std::int64_t disk_size(const std::string& path);
/// Of all of them together; the largest number if that is beyond it.
std::int64_t disk_sizes(const std::vector<std::string>& paths);

} // namespace holdfast::hookd
