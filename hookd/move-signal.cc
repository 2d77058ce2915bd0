// SPDX-License-Identifier: Apache-2.0
//
// hookd/move-signal: what libvirt's, QEMU's and the peer's words mean for a move.
//
// The second half of move-machine.h: tables from their vocabulary to Signal.
#include <config.h>

#include "hookd/move-machine.h"

#include <libvirt/libvirt.h>

namespace holdfast::hookd {

std::optional<Signal> signal_of_hook(std::string_view operation)
{
    if (operation == "stopped" || operation == "release")
        return Signal::gone;
    return std::nullopt;
}

std::optional<Signal> signal_of_lifecycle(Role role, int event, int detail)
{
    bool source = role == Role::source;
    switch (event) {
    case VIR_DOMAIN_EVENT_SUSPENDED:
        // An incoming guest that was paused by its operator stays so: it has arrived.
        return source ? Signal::cpus_stopped : Signal::left_paused;
    case VIR_DOMAIN_EVENT_RESUMED:
        // At the source this detail means that the migration was cancelled or failed.
        if (source && detail == VIR_DOMAIN_EVENT_RESUMED_MIGRATED)
            return Signal::migration_failed;
        return Signal::cpus_resumed;
    case VIR_DOMAIN_EVENT_STOPPED:
        if (source && detail == VIR_DOMAIN_EVENT_STOPPED_MIGRATED)
            return Signal::moved_away;
        if (!source && detail == VIR_DOMAIN_EVENT_STOPPED_FAILED)
            return Signal::incoming_failed;
        return Signal::gone;
    default:
        return std::nullopt;
    }
}

std::optional<Signal> signal_of_monitor(std::string_view event, std::string_view details)
{
    if (event == "STOP")
        return Signal::cpus_stopped;
    if (event == "RESUME")
        return Signal::cpus_resumed;
    // The data is {"status": "..."}; of its values only these two concern us.
    if (event == "MIGRATION" && (details.find("\"failed\"") != std::string_view::npos ||
                                 details.find("\"cancelled\"") != std::string_view::npos)) {
        return Signal::migration_failed;
    }
    return std::nullopt;
}

std::optional<Signal> signal_of_peer(Role role, const db::Move& row)
{
    const std::string& state = row.state;
    if (role == Role::source) {
        if (state == "staged")
            return Signal::peer_staged;
        if (state == "active")
            return Signal::peer_active;
        if (state == "failed")
            return Signal::peer_failed;
        return std::nullopt;
    }
    // A new stop that is not drained yet undoes what an earlier one led to.
    if (state == "armed" || state == "turned")
        return row.times.contains("drained") ? Signal::peer_drained : Signal::peer_armed;
    if (state == "back")
        return Signal::peer_back;
    if (state == "cleaned")
        return Signal::peer_cleaned;
    return std::nullopt;
}

bool is_halted(int state, int reason)
{
    if (state == VIR_DOMAIN_PMSUSPENDED)
        return true;
    return state == VIR_DOMAIN_PAUSED && reason != VIR_DOMAIN_PAUSED_MIGRATION &&
           reason != VIR_DOMAIN_PAUSED_POSTCOPY && reason != VIR_DOMAIN_PAUSED_STARTING_UP;
}

std::optional<Signal> signal_of_reality(Role role, Reality reality)
{
    switch (reality) {
    case Reality::absent:
        return Signal::gone;
    case Reality::running:
        return Signal::cpus_resumed;
    case Reality::paused:
        // At the destination that is how an incoming guest waits.
        if (role == Role::source)
            return Signal::cpus_stopped;
        return std::nullopt;
    }
    return std::nullopt;
}

} // namespace holdfast::hookd
