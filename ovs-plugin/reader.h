// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/reader: the helper thread that reads the store and compiles flows.
//
// The switch's main thread hands it the ports and what it knows of moves, and takes
// finished work: flows already parsed, and only those that differ from before.  So the
// main thread neither reads a file nor parses a line (doc/architecture.md).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "db/store.h"
#include "ovs-plugin/flows.h"
#include "ovs-plugin/leaving.h"
#include "ovs-plugin/origin.h"
#include "ovs-plugin/service.h"
#include "ovs-plugin/shim.h"

namespace holdfast::plugin {

/// A flow in words and as the switch wants it.
struct ParsedFlow {
    Flow flow;
    hf_flow* parsed = nullptr;

    ParsedFlow(Flow f, hf_flow* p) : flow{std::move(f)}, parsed{p} {}
    ~ParsedFlow() { hf_flow_free(parsed); }
    ParsedFlow(const ParsedFlow&) = delete;
    ParsedFlow& operator=(const ParsedFlow&) = delete;
};
using FlowPtr = std::shared_ptr<const ParsedFlow>;

/// Flows by table, priority and match, which stand in the flow alone.
struct ByKey {
    bool operator()(const FlowPtr& a, const FlowPtr& b) const
    {
        return a->flow.key() < b->flow.key();
    }
};
using FlowsByKey = std::set<FlowPtr, ByKey>;

/// A probe ready to be sent.
struct ReadyProbe {
    HopProbe probe;
    FlowPtr catcher;
    std::vector<std::uint8_t> frame;
};

/// What the reader finished: changes relative to the work before.
struct Work {
    std::uint64_t generation = 0;
    bool ahead = false;               // Only puts, of a work of which more follows.
    std::uint64_t inputs = 0;         // The number of the inputs it was made from.
    std::string bridge;               // The bridge that the flows are for; empty: none.
    std::vector<FlowPtr> puts;        // In the order in which to install them.
    std::vector<FlowPtr> removes;     // In the order in which to take them away, after the puts.
    std::vector<GuardedPort> guarded; // All of them, each time.
    std::vector<Origin> origins;      // Likewise.
    std::vector<ReadyProbe> probes;   // Likewise.
    std::shared_ptr<const Directed> directed; // Likewise; null if there is no built-in director.
    std::vector<std::uint64_t> syncs;         // Requests that this work answers.
    std::string store;                        // "ok", or what is wrong with the store.
    std::vector<std::string> problems;        // Of the flows.
    std::vector<LeavingKey> leaving; // Balancers and servers that the store has not any more.
    std::shared_ptr<const db::Snapshot> snapshot; // With those; null while nothing was ever read.
};

/// One helper thread, for the life of the process.
class Reader {
public:
    explicit Reader(std::string path);

    /// Reads the store now, on the caller's thread: only at start-up, before the switch forwards.
    std::shared_ptr<const db::Snapshot> first_look();
    /// Starts the thread.  It polls the store once a second besides being told.
    void start();

    // --- From the main thread; never wait longer than for a copy of these values. ---

    /// The switch's ports, what is known of moves, or which of Work::leaving have ended, changed;
    /// `number` comes back in Work::inputs.
    void set_inputs(std::vector<Port> ports, Overrides overrides, std::set<std::uint64_t> ended,
                    std::uint64_t number);
    /// Read now; a Work with this number in `syncs` follows.
    void request(std::uint64_t sync);
    /// Finished work, oldest first.
    std::deque<Work> take();

private:
    static void* body(void* self);
    void loop();
    void look(bool inputs_changed, std::vector<std::uint64_t> syncs);
    bool read_store();
    bool end_leaving();
    void read_services();
    std::vector<ReadyProbe> ready(const std::vector<HopProbe>& probes,
                                  std::vector<std::string>& problems) const;
    void compile_and_post(std::vector<std::uint64_t> syncs);
    void set_intended(FlowSet& wanted, Work& work);
    void post_ahead(Work& work);
    void post(Work work);

    const std::string path_;

    std::mutex mutex_; // Guards what follows, for moments.
    std::condition_variable changed_;
    bool inputs_changed_ = false;
    std::vector<Port> ports_;
    Overrides overrides_;
    std::set<std::uint64_t> ended_; // Of Work::leaving.
    std::uint64_t inputs_ = 0;
    std::vector<std::uint64_t> syncs_;
    std::deque<Work> done_;

    // The thread's own.
    std::optional<db::Store> store_;
    std::int64_t inode_ = 0;
    std::int64_t version_ = -1;
    std::string store_state_ = "not read yet";
    bool store_missing_ = false;
    std::string last_state_;
    Leaving leaving_;
    std::shared_ptr<const db::Snapshot> stored_;   // As the store has it.
    std::shared_ptr<const db::Snapshot> snapshot_; // And with balancers that leave.
    std::shared_ptr<const Directed> directed_;
    std::shared_ptr<const Addresses> addresses_; // Of the origins that were posted last.
    std::string bridge_;
    std::vector<FlowPtr> intended_; // Sorted by key.
    // What the main thread will be done with: freed on this thread, since that takes milliseconds
    // where it is much.
    std::vector<std::shared_ptr<const void>> lent_;
    std::uint64_t generation_ = 0;
};

} // namespace holdfast::plugin
