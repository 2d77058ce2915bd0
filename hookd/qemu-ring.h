// SPDX-License-Identifier: Apache-2.0
//
// hookd/qemu-ring: where a guest's virtio-net device counts the frames that it received.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <libvirt/libvirt.h>

#include "common/result.h"

namespace holdfast::hookd {

/// Asks the domain's QEMU, through libvirt, for the used ring of the device's first receive queue.
/// Blocks; for a worker's thread.  libvirt marks the domain as tainted: custom-monitor.
/// Returns: the ring's address in QEMU's own memory.
/// Errors: not_found, one line, if it is no virtio-net, QEMU is older than 7.2, or has no answer.
/// Source: QEMU, qapi/virtio.json, x-query-virtio-queue-status; gpa2hva of its monitor.
Result<std::uint64_t> find_ring(virDomainPtr domain, const std::string& alias);

/// The guest-physical address of the used ring, in QEMU's answer.
/// Errors: not_found, with what QEMU said.
Result<std::uint64_t> parse_queue_status(std::string_view answer);

/// The address in QEMU's memory, in the answer to gpa2hva.
/// Errors: not_found, with what QEMU said.
Result<std::uint64_t> parse_host_address(std::string_view answer);

} // namespace holdfast::hookd
