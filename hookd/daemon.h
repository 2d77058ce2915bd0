// SPDX-License-Identifier: Apache-2.0
//
// hookd/daemon: ties the parts together: what libvirt, the hooks, the switch and the fleet
// tell goes to records, moves and the store from here.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "hookd/cap-watch.h"
#include "hookd/environments.h"
#include "hookd/fleet-link.h"
#include "hookd/hook-server.h"
#include "hookd/libvirt-watch.h"
#include "hookd/load-watch.h"
#include "hookd/mover.h"
#include "hookd/prober.h"
#include "hookd/recovery-orders.h"
#include "hookd/recovery-watch.h"
#include "hookd/resource-watch.h"
#include "hookd/service-mover.h"
#include "hookd/services.h"
#include "hookd/switch-link.h"
#include "hookd/tool.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// The daemon but for its control commands.
/// Thread: that of the io_context.
class Daemon : public LibvirtListener, public SwitchListener {
public:
    Daemon(boost::asio::io_context& io, World world);

    /// Makes the own identity sure, then begins to listen to everybody.
    /// Errors: those of the store and of the hook socket; the daemon cannot work then.
    Result<void> start(OvsLoop& loop, const std::string& rundir);

    /// Ends what others see of the daemon, and closes the store.  Nothing works afterwards.
    void stop();

    World& world() { return world_; }
    SwitchLink& link() { return link_; }
    FleetLink& fleet() { return *fleet_; }
    Services& services() { return *services_; }
    RecoveryWatch& recovery_watch() { return *recovery_watch_; }
    ServiceMover& service_mover() { return *service_mover_; }
    Tools& tools() { return tools_; }
    /// For migrations, which take minutes, so that nothing else waits for them.
    Tools& migrations() { return migrations_; }
    boost::asio::io_context& io() { return io_; }

    /// Calls the switch; `done` gets its answer.
    void ask_switch(std::string method, std::vector<std::string> args, Tools::Done done);
    /// Has the switch read the store again; `done` is called when its flows are in place, and no
    /// frame is forwarded by older ones any more that the datapath remembered.
    /// A switch that is not there counts as well: it forwards nothing, and will have read the
    /// store before it does.
    /// Errors: those of the switch.
    void in_place(std::function<void(Result<void>)> done);

    /// What a hook says.
    /// Errors: invalid if libvirt is not to go on: the VM's owner has no share of this hypervisor.
    Result<void> hook(const HookCall& call);
    /// What is known here of a VM that is recovered elsewhere.
    Asked asked_for(const std::string& vm) const;
    /// `changed` is called after each change of rows that recovery is decided by.
    void on_recovery_rows(std::function<void()> changed) { recovery_rows_ = std::move(changed); }
    /// Brings the records up to date soon, once for any number of calls.
    void refresh_soon();

    void libvirt_connected(std::vector<Domain> domains) override;
    void libvirt_lost(const std::string& why) override;
    void domain_event(const std::string& uuid, const std::string& name, int event,
                      int detail) override;
    void monitor_event(const std::string& uuid, const std::string& event, db::TimeNs time,
                       const std::string& details) override;
    void domain_read(Domain domain, bool exists) override;
    void disks_measured(const std::string& uuid, std::int64_t size) override;
    void downtime_read(const std::string& uuid, std::int64_t downtime_ms) override;
    void ring_read(const std::string& uuid, const std::string& mac, std::uint64_t address) override;
    void agent_asked(const std::string& uuid, AgentSign sign) override;
    void loads_read(const LoadSamples& samples) override;

    void switch_connected(std::set<std::string> silent) override;
    void switch_lost(const std::string& why) override;
    void switch_ports(std::vector<SwitchPort> ports) override;
    void switch_event(const nlohmann::json& event) override;

private:
    Result<void> make_identity();
    void make_tunnel();
    void look_for_tunnel();
    void look_for_entries();
    void forget_old_tasks();
    void watch_store();
    void refresh();
    void settle();
    Result<void> refuse(const DomainXml& domain, const std::string& why);
    void note_forged(const nlohmann::json& event);
    void describe_vms();
    void note_health(const std::string& vm, bool silent);

    boost::asio::io_context& io_;
    World world_;
    SwitchLink link_;
    Mover mover_;
    Prober prober_;
    LoadWatch loads_;
    CapWatch caps_;
    Tools tools_;
    Tools migrations_;
    std::unique_ptr<FleetLink> fleet_;
    std::unique_ptr<Services> services_;
    std::unique_ptr<ServiceMover> service_mover_;
    std::unique_ptr<ResourceWatch> resources_;
    std::unique_ptr<Environments> environments_;
    std::unique_ptr<RecoveryWatch> recovery_watch_;
    std::unique_ptr<LibvirtWatch> libvirt_;
    std::unique_ptr<HookServer> hooks_;
    std::function<void()> recovery_rows_;
    bool resumed_ = false; // What became of the moves in the store is known.
    bool refresh_wanted_ = false;
    std::vector<std::function<void(Result<void>)>> settling_; // Who waits for the next pass.
    bool settle_runs_ = false;
    bool entries_run_ = false;   // Ports of services elsewhere are being made or taken away.
    bool tunnel_runs_ = false;   // The tunnel's port is being made.
    bool tunnel_missed_ = false; // The bridge was without it meanwhile.
    boost::asio::steady_timer store_timer_;
};

} // namespace holdfast::hookd
