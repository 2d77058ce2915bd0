// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/module: the module's state in the switch's main thread.
//
// Takes finished work from the reader and puts it into the switch a slice at a time,
// puts everything back into a bridge made anew, runs the moves, and answers control commands
// (commands.cc).  One object, made in bridge_init().
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ovs-plugin/announce.h"
#include "ovs-plugin/arrival.h"
#include "ovs-plugin/audit.h"
#include "ovs-plugin/departure.h"
#include "ovs-plugin/director-seen.h"
#include "ovs-plugin/director.h"
#include "ovs-plugin/reader.h"
#include "ovs-plugin/route.h"
#include "ovs-plugin/translate.h"
#include "ovs-plugin/tunnel.h"

struct unixctl_conn;

namespace holdfast::plugin {

/// Something that hookd wants to know at once; `holdfast/watch` carries it.
struct SwitchEvent {
    std::uint64_t seq = 0;
    std::int64_t time_ns = 0; // CLOCK_REALTIME.
    std::string fields;       // JSON members after seq and time_ns, e.g. "kind":"flushed".
};

/// What was seen of a VM's port.  Written by the datapath's threads.
struct OriginCount {
    std::string vm;
    std::atomic<std::uint64_t> mac{0}; // Frames under another's name.
    std::atomic<std::uint64_t> ip{0};
    std::atomic<std::uint64_t> dropped{0};
    std::atomic<std::uint64_t> answered{0}; // A director's questions for servers.
    Vlans vips_asked;                       // Where VIPs are asked for, whoever holds them.
    DirectorSeen director;                  // If it is one.
    std::uint64_t told = 0;                 // mac + ip, when it was last said.
    std::int64_t quiet_until_ms = 0;        // Not said again before.
};

class Module {
public:
    explicit Module(std::string store_path);

    void run();
    void wait();
    void flushed(const std::string& bridge);
    void ports_changed();
    void command(unixctl_conn* conn, const std::vector<std::string>& args);

private:
    struct Watcher {
        unixctl_conn* conn;
        std::uint64_t after;
    };

    // Keeping the switch as the reader wants it.
    void refresh_ports();
    void lengthen_queues();
    void take_work();
    void apply_slice();
    void finish_work(Work& work);
    void leave_bridge(const std::string& bridge);
    void look_at_tunnel();
    void watch_origins(std::vector<Origin> origins);
    std::shared_ptr<Translator>
    translator_for(const Origin& origin,
                   std::map<std::string, std::shared_ptr<Translator>>& translators) const;
    void direct(std::shared_ptr<const Directed> directed);
    void look_at_leaving();
    void ask_gateways();
    void use_held(const Directed* directed);
    std::vector<Announcer::Place> places_to_announce() const;
    void announce();
    std::vector<std::string> stray_problems() const;
    void tell_forged();
    void probe_hops();
    void put_all_back();
    void push_inputs();
    void drop_settled_overrides(const db::Snapshot& snapshot);
    void leave_where_moved(const db::Snapshot& snapshot);

    // Moves.
    void run_departures();
    void tell_turned(const std::string& vm, const Departure& departure);
    void run_arrivals();
    void stop_awaiting(const std::string& vm, bool came);
    std::string former_place(const std::string& vm) const;
    void activate(const std::string& vm, const char* why);
    void pin(const std::string& vm);
    std::vector<const Port*> ports_of(const std::string& vm) const;
    const db::Vm* vm_of(const std::string& vm) const;
    bool is_wire(const std::string& vm) const;

    // Events.
    void emit(std::string fields);
    void answer_watchers();
    std::string events_after(std::uint64_t seq) const;

    // Commands (commands.cc).  Each answers or keeps the connection to answer later.
    struct Command;
    static const Command commands[];
    using Args = std::vector<std::string>;
    void register_commands() const;
    void cmd_show(unixctl_conn*, const Args&);
    void cmd_status(unixctl_conn*, const Args&);
    void cmd_flows(unixctl_conn*, const Args&);
    void cmd_check(unixctl_conn*, const Args&);
    void cmd_balancers(unixctl_conn*, const Args&);
    void cmd_place(unixctl_conn*, const Args&);
    void cmd_directors(unixctl_conn*, const Args&);
    void cmd_ports(unixctl_conn*, const Args&);
    void cmd_sync(unixctl_conn*, const Args&);
    void cmd_settle(unixctl_conn*, const Args&);
    void cmd_watch(unixctl_conn*, const Args&);
    void cmd_arm(unixctl_conn*, const Args&);
    void cmd_ring(unixctl_conn*, const Args&);
    void cmd_turn(unixctl_conn*, const Args&);
    void cmd_leave(unixctl_conn*, const Args&);
    void cmd_back(unixctl_conn*, const Args&);
    void cmd_disarm(unixctl_conn*, const Args&);
    void cmd_expect(unixctl_conn*, const Args&);
    void cmd_activate(unixctl_conn*, const Args&);
    void cmd_pin(unixctl_conn*, const Args&);

    Reader reader_;
    std::string bridge_;
    std::vector<Port> ports_;
    bool ports_stale_ = true;
    bool inputs_stale_ = true;
    std::uint64_t inputs_pushed_ = 0; // How often the reader was told of ports and moves.
    unsigned config_seqno_ = 0;

    std::deque<Work> todo_;   // Work not yet wholly in the switch.
    std::size_t todo_at_ = 0; // How far the front of it is.
    FlowsByKey installed_;
    bool guarded_ = false; // Everything is dropped until a new bridge's flows are in.
    FlowPtr guard_;
    std::uint64_t generation_ = 0;
    std::uint64_t n_refused_ = 0; // Flows that the switch refused since it started.
    std::string store_ = "not read yet";
    std::vector<std::string> problems_;
    std::shared_ptr<const db::Snapshot> snapshot_;
    /// Who waits for the store's flows, by number.
    struct Sync {
        unixctl_conn* conn;
        bool settle; // And for the datapath to forget what it remembers of older ones.
    };
    /// Who waits for the datapath.
    struct Settling {
        unixctl_conn* conn;
        std::uint64_t seen; // hf_looks() then.
        int looks;          // Ended since.
    };
    void add_sync(unixctl_conn*, bool settle);
    void answer_sync(const Sync& sync);
    void run_settling();
    void run_audits();
    bool has_connections() const;
    std::map<std::uint64_t, Sync> syncs_;
    std::deque<Settling> settling_;
    std::vector<Audit> audits_; // Who asks whether the flows are as they should be.
    std::uint64_t next_sync_ = 1;

    /// What became of a hop's probe.
    struct Probed {
        std::uint64_t came_back = 0; // Frames of the catcher, in all.
        int missed = -1;             // In a row; -1: none was sent yet.
    };
    std::vector<ReadyProbe> probes_;
    std::map<HopProbe, Probed> probed_;
    std::set<std::string> silent_; // VM ids.
    std::vector<Origin> origins_;
    std::map<std::string, std::shared_ptr<Translator>> translators_; // By a server's interface.
    std::shared_ptr<Director> director_ = std::make_shared<Director>();
    std::shared_ptr<Router> router_ = std::make_shared<Router>();
    bool director_keeps_ = false;     // Its file was opened, or could not be.
    std::vector<LeavingKey> leaving_; // What was deleted and whose connections go on.
    std::map<std::uint64_t, std::int64_t> leaving_since_ms_; // When each was first seen to leave.
    std::set<std::uint64_t> ended_; // Those of them by which there is none any more.
    bool origins_stale_ = false;    // A port may have been made anew, under the same name.
    std::map<std::string, std::shared_ptr<OriginCount>> forged_; // By interface.
    std::int64_t queues_long_until_ms_ = 0; // When no move or change is felt any more.
    std::int64_t each_second_ms_ = 0;       // When what is done once a second is due.
    std::int64_t each_tenth_ms_ = 0;        // What is done ten times a second.

    Announcer announcer_;
    std::set<std::string> lost_; // Hypervisors, when that was last looked at.
    std::int64_t announce_again_ms_ = 0;
    Tunnel tunnel_;

    Overrides overrides_;                                          // By VM id.
    std::map<std::string, std::unique_ptr<Departure>> departures_; // By VM id.
    std::map<std::string, std::unique_ptr<Arrival>> arrivals_;     // By VM id.

    std::deque<SwitchEvent> events_;
    std::uint64_t last_event_ = 0;
    std::deque<Watcher> watchers_;
};

} // namespace holdfast::plugin
