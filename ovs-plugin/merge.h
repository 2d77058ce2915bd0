// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/merge: when frames that came directly to a moved VM's port may go in behind those
// that were sent the long way, by its former place (spec C5).
//
// A barrier that is sent the long way says, when it comes, that all that was sent before it is
// through.  One does not do for a whole move: the switches lead their flows to the new place one
// after the other, the former place last, and what comes directly can get into the port before
// what came the long way ahead of it, even with it (Open vSwitch forwards the first frame of a kind
// at once, and those that came in the same batch, of kinds that it knows, after it).  So as long as
// frames come the long way, and half a second more, what comes directly waits for a barrier each
// time.
//
// Pure state: arrival.cc sends, looks and puts into the port.
#pragma once

#include <cstdint>

namespace holdfast::plugin {

/// One port's.
class Merge {
public:
    /// What waits for the guest before it runs.
    enum class Of {
        vm,      // Nothing: it does so in the port's tap.
        service, // The former place has it: a barrier is due at once, before any frame comes.
    };
    enum class Step {
        nothing, // Look again when something comes, or at next_wake().
        ask,     // Send a barrier the long way, and say so by asked().
        pass,    // What is kept goes into the port; what comes next is kept as well.
        release, // What is kept goes into the port, and what comes next goes there at once.
    };
    /// What can be seen of the port.
    struct Seen {
        std::int64_t now_ms;
        std::int64_t read_ms;     // All that had come to this switch by then was read.
        bool keeps;               // Something came directly, and waits.
        bool barrier_came;        // The newest one.
        std::int64_t long_way_ms; // When the last frame came the long way; 0: none has.
    };

    explicit Merge(Of of) : of_{of} {}

    /// Frames for the VM are about to come directly.
    void begin(std::int64_t now_ms);
    bool active() const { return until_ms_ != 0; }
    /// Whether a barrier is on its way.
    bool awaits() const { return waits_until_ms_ != 0; }
    /// What is to be done.  Nothing comes only once all else was.
    Step step(const Seen& seen);
    /// A barrier was sent, or could not be.
    void asked(std::int64_t now_ms, bool sent);
    /// INT64_MAX if nothing is due.
    std::int64_t next_wake() const;

private:
    Step barrier_over(const Seen& seen);
    bool past(std::int64_t ms, const Seen& seen);

    Of of_;
    bool emptied_ = false;            // A service's former place has nothing more of that time.
    std::int64_t until_ms_ = 0;       // It is over then if nothing comes.
    std::int64_t asked_ms_ = 0;       // When the barrier was sent.
    std::int64_t waits_until_ms_ = 0; // For the barrier; 0 while none is on its way.
    std::int64_t patience_ms_ = 0;
    bool sent_ = false; // The barrier was: else there is nothing to wait for.
    int n_looks_ = 0;   // In vain, since something was due.
};

} // namespace holdfast::plugin
