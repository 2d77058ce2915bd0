// SPDX-License-Identifier: Apache-2.0
//
// hookd/libvirt-watch: what libvirtd on this hypervisor tells.
//
// Two connections: one that only carries events, on the io_context's thread, and one for
// calls, on a worker thread, since a call can wait a second or two while a VM migrates.
// What waits for a QEMU itself has threads and connections of its own.
// Comes back by itself when libvirtd restarts.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "hookd/agent-silence.h"
#include "hookd/load.h"
#include "hookd/records.h"

namespace holdfast::hookd {

/// Receives what is told, on the io_context's thread.
class LibvirtListener {
public:
    virtual ~LibvirtListener() = default;
    /// Connected, now or again; all domains, defined or running.
    virtual void libvirt_connected(std::vector<Domain> domains) = 0;
    /// libvirtd is not there; `why` is one line.
    virtual void libvirt_lost(const std::string& why) = 0;
    /// A lifecycle event (virDomainEventType and its detail); a change of the domain's metadata or
    /// devices counts as one of its definition.
    virtual void domain_event(const std::string& uuid, const std::string& name, int event,
                              int detail) = 0;
    /// A QEMU monitor event, `time` being QEMU's own.
    virtual void monitor_event(const std::string& uuid, const std::string& event, db::TimeNs time,
                               const std::string& details) = 0;
    /// A domain as it is now, asked for after an event; `xml.uuid` alone if it is gone.
    virtual void domain_read(Domain domain, bool exists) = 0;
    /// How large the disks of a domain that was read are together, in bytes, as its guest sees
    /// them; some time later, or never.
    virtual void disks_measured(const std::string& uuid, std::int64_t size) = 0;
    /// The downtime of the domain's last migration, by libvirt's own count.
    virtual void downtime_read(const std::string& uuid, std::int64_t downtime_ms) = 0;
    /// Where QEMU's memory has the guest's ring of received frames.
    virtual void ring_read(const std::string& uuid, const std::string& mac,
                           std::uint64_t address) = 0;
    /// A domain's guest agent was asked for a sign of life, and what came of it.
    virtual void agent_asked(const std::string& uuid, AgentSign sign) = 0;
    /// What libvirt has counted of the VMs that were asked for, as far as they run.
    virtual void loads_read(const LoadSamples& samples) = 0;
};

/// The watch.
/// Thread: that of the io_context.
class LibvirtWatch {
public:
    /// Starts to connect to `uri` and keeps at it, a second apart.
    LibvirtWatch(boost::asio::io_context& io, const std::string& uri, LibvirtListener& listener);
    /// Closes the connections; no call of the listener comes after.
    ~LibvirtWatch();
    LibvirtWatch(const LibvirtWatch&) = delete;
    LibvirtWatch& operator=(const LibvirtWatch&) = delete;

    /// Reads the domain again; domain_read follows.
    void read(const std::string& uuid);
    /// Reads the figures of its last migration; downtime_read follows if there are any.
    void read_downtime(const std::string& uuid);
    /// Asks QEMU for the ring of the domain's interface with this MAC; ring_read follows if it has
    /// one: a virtio-net with a split ring, QEMU 7.2 or newer.
    void read_ring(const std::string& uuid, const std::string& mac);
    /// Asks QEMU itself whether the domain's guest runs; monitor_event follows, RESUME if it does
    /// and STOP if not, unless it has ended.
    void ask_whether_it_runs(const std::string& uuid);
    /// Asks the guest agents of these domains whether they live, one after the other; agent_asked
    /// follows for each that has one.  While that lasts, no others are asked.
    void ask_agents(std::vector<std::string> uuids);
    /// Reads what libvirt has counted of these domains; loads_read follows, whatever becomes of it.
    void read_loads(std::vector<std::string> uuids);

    struct Impl;

private:
    std::shared_ptr<Impl> impl_;
};

/// The process of a domain's QEMU and its descriptors of taps.
struct QemuTaps {
    int pid = 0;
    std::vector<int> fds;
};

/// Finds them in libvirt's run directory and /proc, without asking libvirtd.
/// Errors: not_found if the domain does not run here, or has no tap.
Result<QemuTaps> find_qemu_taps(const std::string& domain,
                                const std::string& rundir = "/run/libvirt/qemu");

/// The process of a domain's QEMU, by the same; 0 if none is known.
int qemu_pid(const std::string& domain, const std::string& rundir = "/run/libvirt/qemu");

/// Whether these arguments, each with a 0 at its end, are those of the domain's QEMU as libvirt
/// starts it.
bool is_qemu_of(std::string_view arguments, const std::string& domain);

/// Whether the domain has a QEMU, by the same; one that has ended and still waits for its parent is
/// none.
bool qemu_lives(const std::string& domain, const std::string& rundir = "/run/libvirt/qemu");

/// Has its QEMU ended, if it has one; that takes a moment.
/// Errors:  unavailable: it cannot be killed.
Result<void> kill_qemu(const std::string& domain, const std::string& rundir = "/run/libvirt/qemu");

} // namespace holdfast::hookd
