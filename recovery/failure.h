// SPDX-License-Identifier: Apache-2.0
//
// recovery/failure: what has happened to a VM, by what is seen of it (spec recovery.md, R8).
//
// Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace holdfast::recovery {

using Seconds = std::chrono::seconds;

/// What libvirt says of a domain.
enum class DomainState {
    runs,
    halted,  // QEMU has paused it: its disk gave an error.
    paused,  // Somebody has paused it, or it is on its way.
    crashed, // Its QEMU ended by itself.
    off,     // It was shut down, or somebody has ended it.
};

/// What is seen of a VM and of its hypervisor.
struct Signs {
    bool hypervisor_heard = true;           // Its daemon writes its row.
    bool hypervisor_answers = true;         // Its kernel answers.
    bool known_to_answer = true;            // Its kernel did answer while the daemon wrote.
    bool moving = false;                    // Somebody migrates it.
    DomainState domain = DomainState::runs; // As it was last heard.
    /// How long the guest's agent, and the service that is looked at, have not answered; none:
    /// there is none, or it has never answered yet.
    std::optional<Seconds> agent_silent, service_silent;
};

/// From when on silence of a guest is a failure.
struct Patience {
    Seconds agent{30}, service{10};
};

enum class Failure {
    none,
    crashed,         // Its QEMU process has gone.
    halted,          // Its guest stands still after an error of its disk.
    hung,            // Its guest answers nothing, though its QEMU runs.
    service_down,    // Its guest answers, and the service in it does not.
    hypervisor_dead, // Neither the daemon nor the kernel of its hypervisor answers.
    cut_off,         // Its hypervisor's kernel answers, or never did, and its daemon is not heard:
                     // the VM may run.
};

std::string_view name_of(Failure failure);

/// What has happened.  What is known by its hypervisor alone counts as long as that is heard.
Failure diagnose(const Signs& signs, const Patience& patience);

/// Whether a VM with this failure is recovered without being asked.  One that may run is not: not
/// before its hypervisor is known to have stopped it (recovery/fence.h).
bool is_recovered(Failure failure);

} // namespace holdfast::recovery
