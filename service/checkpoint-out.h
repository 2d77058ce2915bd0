// SPDX-License-Identifier: Apache-2.0
//
// service/checkpoint-out: the processes of a service that moves by checkpoint, at home: memory goes
// ahead in rounds, then all the rest (spec S5).
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <string>

#include "common/result.h"
#include "service/checkpoint.h"
#include "service/folder.h"
#include "service/link.h"
#include "service/progress.h"

namespace holdfast::service {

/// What goes to the target of a service's processes.
class CheckpointOut {
public:
    /// Tells the target that a round has been sent, and returns when it has all of it.
    using Sent = std::function<Result<void>(std::uint32_t round)>;
    /// Says what is done, for people.
    using Say = std::function<void(const std::string& text)>;
    /// Hears how far memory is, every five seconds at most, and at the end of each round.
    using Far = std::function<void(const Progress& progress)>;

    CheckpointOut(const Folder& folder, int init, Far far)
        : folder_{folder}, init_{init}, far_{std::move(far)}
    {
    }
    ~CheckpointOut();
    CheckpointOut(const CheckpointOut&) = delete;
    CheckpointOut& operator=(const CheckpointOut&) = delete;

    /// What the processor can do, and memory, in rounds, while the service runs.
    /// Errors: io with CRIU's reason; those of the link and of `sent`.
    Result<void> send_ahead(Link& link, const Sent& sent, const Say& say);
    /// Begins to write down all that is still to go, beside what the caller does, which leaves the
    /// processes alone; they stand, the first one too from here on.
    void begin_rest();
    /// Waits until that has ended, if it was begun.
    void await_rest() const;
    /// The same, and what became of it. Errors: as send_ahead().
    Result<void> end_rest(const Say& say);
    /// Sends it. Errors: as send_ahead().
    Result<void> send_rest(Link& link);

private:
    Result<Figures> write_round(bool last);
    Result<std::uint64_t> round_ahead(Link& link, const Sent& sent, const Say& say);
    Result<void> send_round(Link& link, bool ahead);
    void tell(ProgressCount::Time now);

    Folder folder_;
    int init_;
    Far far_;
    std::uint32_t round_ = 0; // The last that was written.
    std::future<Result<Figures>> rest_;
    ProgressCount count_{std::chrono::steady_clock::now()};
    ProgressCount::Time told_{}; // When it was said how far it is.
};

} // namespace holdfast::service
