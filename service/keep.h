// SPDX-License-Identifier: Apache-2.0
//
// service/keep: the process that keeps a service as long as it runs: the parent of its first
// process, who says how that ended and clears up, whether hookd is there or not.
#pragma once

#include <cstdint>
#include <span>

#include "common/result.h"
#include "service/definition.h"
#include "service/descriptor.h"
#include "service/folder.h"
#include "service/spawn.h"

namespace holdfast::service {

/// Starts the keeper, and it the command, with `sockets`, `held` or not (spawn.h), and with
/// $HOLDFAST_HANDOFF (handoff-door.h), unless it is one to be checkpointed.  The keeper leaves the
/// caller's session, and keeps none of its descriptors. Returns the number of the service's first
/// process, once its command has been started. Errors: unavailable if the service is kept already;
/// else those of spawn(); nothing runs then.
Result<int> keep(const std::string& rundir, const Definition& definition, const Folder& folder,
                 std::span<const Passed> sockets = {}, bool held = false, bool successor = false);

/// Starts a keeper of a service that runs, in handoff mode, whose keeper was killed: its program
/// finds its agent again. Errors: not_found if it does not run; unavailable if it is kept already;
/// io.
Result<void> keep_on(const std::string& rundir, const Definition& definition, const Folder& folder);

/// A keeper that is ready to have a service come out of CRIU's images, standing (checkpoint.h).
class ReadyKeeper {
public:
    ReadyKeeper(Descriptor go, Descriptor told) : go_{std::move(go)}, told_{std::move(told)} {}

    /// Now, once; the last round of images is `round`.  The same as keep() otherwise.
    /// Errors: those of keep() and restore().
    Result<int> bring_back(std::uint32_t round);

private:
    Descriptor go_; // The keeper ends if this is closed before.
    Descriptor told_;
};

/// Starts one.
/// Errors: unavailable if the service is kept already; those of make_places().
Result<ReadyKeeper> keep_ready(const std::string& rundir, const Definition& definition,
                               const Folder& folder);

} // namespace holdfast::service
