// SPDX-License-Identifier: Apache-2.0
//
// common/ovs-loop: one thread that runs Open vSwitch's poll loop beside a daemon's own.
//
// It serves the daemon's control socket (unixctl, the protocol of ovs-appctl) and carries
// what else needs that loop (db/fleet).  Handlers run on the daemon's Asio executor, not
// on this thread, so a daemon stays single-threaded.  Open vSwitch's library has global
// state: one OvsLoop a process.
#pragma once

#include <utility>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast {

/// The thread, the control socket, and the pid file.
/// Thread: every member may be called from any thread, but for start and the destructor:
///         one thread, and not from a handler.
class OvsLoop {
    struct Core;

public:
    struct Options {
        std::string
            name; ///< The daemon's name, e.g. "holdfast-hookd"; at most 15 characters matter to ps.
        std::string version; ///< What `version` answers after the name.
        std::string socket;  ///< Control socket, e.g. /run/holdfast/holdfast-hookd.ctl; a stale one
                             ///< is replaced.
        std::string
            pidfile; ///< Locked while the daemon lives, e.g. /run/holdfast/holdfast-hookd.pid.
        std::string ovs_rundir; ///< Where `ovs-appctl -t NAME` looks; empty: $OVS_RUNDIR, or
                                ///< /var/run/openvswitch.
        std::string log_file;   ///< Open vSwitch's own messages go there too; empty: standard error
                                ///< only, from WARN.
    };

    /// Answers one request of the control socket, once, from any thread.  One that is
    /// destroyed unanswered answers with an error, so that no client waits for ever.
    class Reply {
    public:
        Reply(Reply&& other) noexcept
            : core_{std::move(other.core_)}, id_{std::exchange(other.id_, 0)}
        {
        }
        Reply& operator=(Reply&& other) noexcept;
        ~Reply();
        /// The answer's text.  Later calls on the same Reply do nothing.
        void ok(const std::string& text);
        /// An error: one line, shown by ovs-appctl on standard error with exit code 2.
        void error(const std::string& line);
        void error(const Error& error) { this->error(error.message); }

    private:
        friend class OvsLoop;
        Reply(std::weak_ptr<Core> core, std::uint64_t id) : core_{std::move(core)}, id_{id} {}
        void send(const std::string& text, bool failed);

        std::weak_ptr<Core> core_;
        std::uint64_t id_ = 0; // 0 once answered.
    };

    /// Called on the executor.  `args` are the words after the command's name.
    using Handler = std::function<void(std::vector<std::string> args, Reply reply)>;

    /// Starts the thread and opens the socket; returns when requests are served.
    /// The folders of socket and pidfile are made if missing.  If ovs_rundir exists, NAME.pid
    /// and NAME.PID.ctl are placed there as links, so that `ovs-appctl -t NAME` works.
    /// Errors: exists if another process holds the pid file; io if the socket cannot be made.
    static Result<std::unique_ptr<OvsLoop>> start(const Options& options,
                                                  boost::asio::any_io_executor executor);
    /// Stops the thread, answers what waits with an error, removes socket, pid file and links.
    ~OvsLoop();
    OvsLoop(const OvsLoop&) = delete;
    OvsLoop& operator=(const OvsLoop&) = delete;

    /// Adds a command with `min` to `max` arguments; `usage` names them for list-commands.
    /// Served from the return on.
    void register_command(const std::string& name, const std::string& usage, int min, int max,
                          Handler handler);

    /// What takes part in the loop: run() does what can be done now, wait() registers what
    /// to wake up for (Open vSwitch's poll_*_wait functions).  Both are called on the thread.
    class Runner {
    public:
        virtual ~Runner() = default;
        virtual void run() = 0;
        virtual void wait() = 0;
    };
    /// Adds a runner; returns once it takes part.
    void add(Runner* runner);
    /// Takes it out and runs `last` on the thread, then returns; the runner is no longer called.
    void remove(Runner* runner, const std::function<void()>& last);
    /// Runs `work` on the thread soon, in the order of the calls.
    void post(std::function<void()> work);
    /// The executor given at start.
    boost::asio::any_io_executor executor() const;

private:
    explicit OvsLoop(std::shared_ptr<Core> core);
    std::shared_ptr<Core> core_;
};

} // namespace holdfast
