// SPDX-License-Identifier: Apache-2.0
//
// hookd/services: runs the services of this hypervisor.
//
// What may be done is decided in service-rules; what has to wait is done by holdfast-service and
// ovs-vsctl, aside.  Services live without the daemon: it finds them again by their folders
// (service/folder.h), and watches each by a descriptor of its first process.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "hookd/fleet-link.h"
#include "hookd/tool.h"
#include "hookd/world.h"
#include "service/folder.h"

namespace holdfast::hookd {

/// The services of this hypervisor.
/// Thread: that of the io_context.
class Services {
public:
    using Json = nlohmann::json;
    using Done = std::function<void(Result<Json>)>;

    Services(boost::asio::io_context& io, World& world, FleetLink& fleet, Tools& tools,
             std::string rundir);

    /// Takes up those that are not watched yet, of the last run or of rows that came from the
    /// fleet: watches what runs, clears up after what has ended.
    void take_up();

    /// Runs what read_service() gave; done when its command has been started.
    /// Errors: those of may_run(); not_found for a user, a command, a directory or a bridge that is
    ///         not there; unavailable while the fleet cannot be reached, or it is being started or
    ///         stopped already; io.  Then all is as before.
    void run(const db::Service& wanted, Done done);
    /// Ends one of this hypervisor and forgets it: SIGTERM, and 10 s later SIGKILL.
    void stop(const db::Service& service, Done done);
    /// Says that one of this hypervisor stays where it is, or may move.
    Result<Json> pin(const db::Service& service, bool on);

    /// One that came from another hypervisor and runs here as process `row.pid`: its row is ours.
    void arrived(const db::Service& row);
    /// One of ours that stands still is watched again, after a start of the daemon.
    void watch_again(const db::Service& row);
    /// Whether it runs here, and its end is waited for.
    bool watches(const db::Service& row) const { return watches_.contains(row.id); }
    /// The number of its first process here; 0 if it does not run.
    int pid_of(const db::Service& row) const;
    /// One that has moved away: what is left of it here goes; its row is another's.
    void leave(const db::Service& row, Done done);
    /// Takes away what is here of one that did not come.
    void discard(const db::Service& row, std::function<void()> done);

private:
    /// The first process of a service that runs.
    struct Watch {
        explicit Watch(boost::asio::io_context& io) : process{io}, patience{io} {}
        boost::asio::posix::stream_descriptor process;
        boost::asio::steady_timer patience; // Until SIGKILL, once it is to end.
        Done stopped;                       // Who waits for its end.
    };

    template <class T>
    boost::asio::awaitable<Result<T>> aside(std::function<Result<T>()> work);
    void spawn(boost::asio::awaitable<void> work);
    boost::asio::awaitable<void> start(db::Service wanted, Done done);
    boost::asio::awaitable<Result<Json>> start_all(db::Service wanted);
    boost::asio::awaitable<Result<void>> claim(const db::Service& row);
    boost::asio::awaitable<Result<int>> bring_up(const db::Service& row, bool offloads);
    boost::asio::awaitable<std::string> take_away(db::Service row, bool forget);
    void end(const db::Service& row, Done stopped);
    boost::asio::awaitable<void> clear_up(db::Service row, Done stopped);
    Result<void> watch(const db::Service& row);
    void ask_to_end(const std::string& id, int signal);
    void note(StoreChange change, const std::string& kind, const db::Service& row,
              const std::string& text);
    Error busy(const std::string& name) const;
    service::Folder folder(const std::string& name) const { return {rundir_, name}; }

    boost::asio::io_context& io_;
    World& world_;
    FleetLink& fleet_;
    Tools& tools_;
    std::string rundir_;
    std::multiset<std::string> busy_; // Names of those that are being started or cleared up after.
    std::map<std::string, std::unique_ptr<Watch>> watches_; // By id.
};

} // namespace holdfast::hookd
