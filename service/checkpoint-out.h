// SPDX-License-Identifier: Apache-2.0
//
// service/checkpoint-out: the processes of a service that moves by checkpoint, at home: memory goes
// ahead in rounds, then all the rest (spec S5).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/result.h"
#include "service/checkpoint.h"
#include "service/folder.h"
#include "service/link.h"

namespace holdfast::service {

/// What goes to the target of a service's processes.
class CheckpointOut {
public:
    /// Tells the target that a round has been sent, and returns when it has all of it.
    using Sent = std::function<Result<void>(std::uint32_t round)>;
    /// Says what is done, for people.
    using Say = std::function<void(const std::string& text)>;

    CheckpointOut(const Folder& folder, int init) : folder_{folder}, init_{init} {}
    ~CheckpointOut();
    CheckpointOut(const CheckpointOut&) = delete;
    CheckpointOut& operator=(const CheckpointOut&) = delete;

    /// What the processor can do, and memory, in rounds, while the service runs.
    /// Errors: io with CRIU's reason; those of the link and of `sent`.
    Result<void> send_ahead(Link& link, const Sent& sent, const Say& say);
    /// All that is still to go; the processes stand, the first one too from here on, and
    /// connections have been saved. Errors: as send_ahead().
    Result<void> send_rest(Link& link, const Say& say);

private:
    Result<Figures> write_round(bool last);

    Folder folder_;
    int init_;
    std::uint32_t round_ = 0; // The last that was written.
};

} // namespace holdfast::service
