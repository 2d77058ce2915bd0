// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain: decides whether a chain may be added, and gives out numbers.
//
// Pure: no store, no socket.  hookd/chain-service reads what is known, asks here, stores
// the answer.  Spec: chains.md, "Bad input" and C8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// What `holdfast chain add` asks for.
struct ChainRequest {
    std::string name;
    std::string match;            // As typed; for messages.
    std::vector<std::string> via; // Hops in order, see make_hops().
    bool symmetric = false;
    int priority = 1000;
    std::string dead = "drop";
    std::string probe = {}; // Normalised; empty for none.
};

/// The request's classifier as Open vSwitch read it.
struct ParsedMatch {
    std::string normalized; // The same for all ways to write one match.
    std::optional<std::string>
        reversed; // Source and destination exchanged; none if it has no direction.
};

/// The chain to store, complete with SPI and VM ids.
/// Shape:   `number` is this hypervisor's, 1 to 2047; SPIs are number << 12 | serial.
/// Errors:  invalid, not_found or exists, each one line that says what and how to mend it;
///          unavailable if all 4095 SPIs of this hypervisor are in use.
Result<db::Chain> make_chain(const ChainRequest& request, const ParsedMatch& match,
                             const std::vector<db::Chain>& chains, const std::vector<db::Vm>& vms,
                             int number);

/// Refuses a chain whose traffic, either way, another one of its priority has already.  One of
/// `chains` with its name is passed over: it is the same, as far as it has been added. Errors:
/// exists.
Result<void> check_free(const db::Chain& wanted, const std::vector<db::Chain>& chains);

/// The hops that an operator names: VM (by name or id), VM|VM for a group, wire:VM, tap:VM.
/// Errors: as make_chain(), which calls it.
Result<std::vector<db::Hop>> make_hops(const ChainRequest& request, const std::vector<db::Vm>& vms);

/// What `--dead` may say.
/// Errors: invalid.
Result<void> check_dead(const ChainRequest& request);

/// VMs of the chain that are known but not plugged in anywhere now: while there is one the
/// chain is pending.
std::vector<db::Vm> pending_hops(const db::Chain& chain, const std::vector<db::Vm>& vms);

/// A label for a VM first seen by hypervisor `number`: number << 12 | serial.
/// Shape:   one more than the highest in use, so that a label comes back late; then the
///          lowest free one.
/// Errors:  unavailable if all 4095 are in use.
Result<std::uint32_t> next_label(const std::vector<db::Vm>& vms, int number);

} // namespace holdfast::hookd
