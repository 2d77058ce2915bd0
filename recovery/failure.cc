// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/failure.h"

#include <array>

namespace holdfast::recovery {
namespace {

constexpr std::array<std::string_view, 7> names{"none",         "crashed",         "halted", "hung",
                                                "service-down", "hypervisor-dead", "cut-off"};

Failure of_guest(const Signs& signs, const Patience& patience)
{
    const bool agent_silent = signs.agent_silent && *signs.agent_silent >= patience.agent;
    const bool service_silent = signs.service_silent && *signs.service_silent >= patience.service;
    // Each can fail alone: an agent's process ends, too.  One that answers is a sign of life.
    const bool agent_answers = signs.agent_silent && !agent_silent;
    const bool service_answers = signs.service_silent && !service_silent;
    if (service_silent && agent_answers)
        return Failure::service_down;
    if ((service_silent || agent_silent) && !agent_answers && !service_answers)
        return Failure::hung;
    return Failure::none;
}

} // namespace

std::string_view name_of(Failure failure)
{
    return names[static_cast<std::size_t>(failure)];
}

Failure diagnose(const Signs& signs, const Patience& patience)
{
    if (!signs.hypervisor_heard)
        return signs.known_to_answer && !signs.hypervisor_answers ? Failure::hypervisor_dead
                                                                  : Failure::cut_off;
    if (signs.moving)
        return Failure::none; // It stands still for a moment, and its move ends well or badly.
    switch (signs.domain) {
    case DomainState::crashed:
        return Failure::crashed;
    case DomainState::halted:
        return Failure::halted;
    case DomainState::paused:
    case DomainState::off:
        return Failure::none; // So somebody wants it.
    case DomainState::runs:
        break;
    }
    return of_guest(signs, patience);
}

bool is_recovered(Failure failure)
{
    return failure != Failure::none && failure != Failure::service_down &&
           failure != Failure::cut_off;
}

} // namespace holdfast::recovery
