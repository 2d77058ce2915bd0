// SPDX-License-Identifier: Apache-2.0
//
// hookd/libvirt-watch: see libvirt-watch.h.
#include <config.h>

#include "hookd/libvirt-watch.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <set>

#include <spdlog/spdlog.h>

#include "common/text.h"
#include "hookd/disk-size.h"
#include "hookd/ledger.h"
#include "hookd/libvirt-handle.h"
#include "hookd/libvirt-loop.h"
#include "hookd/load-samples.h"
#include "hookd/qemu-ring.h"
#include "hookd/vm-failures.h"

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

constexpr auto retry_interval = std::chrono::seconds{1};
// How often a libvirtd that says nothing is asked whether it lives, and how often without an
// answer.
constexpr int keepalive_s = 5;
constexpr unsigned keepalive_missed = 3;
// An agent that lives answers a ping in some ms; a busy guest's later.
constexpr int agent_limit_s = 2;

Reality reality_of(int state)
{
    switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
    case VIR_DOMAIN_SHUTDOWN: // On its way down, and still running.
        return Reality::running;
    case VIR_DOMAIN_PAUSED:
    case VIR_DOMAIN_PMSUSPENDED:
        return Reality::paused;
    default:
        return Reality::absent;
    }
}

/// Its XML as it is defined, or would be; empty if it cannot be had.
std::string definition_of(virDomainPtr domain)
{
    char* xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
    std::string text{xml ? xml : ""};
    std::free(xml);
    return text;
}

/// An agent that was ended, or whose guest boots, does not hang.
AgentSign why_silent(virDomainPtr domain)
{
    char* xml = virDomainGetXMLDesc(domain, 0);
    const bool connected = xml && has_agent(xml);
    std::free(xml);
    return connected ? AgentSign::silent : AgentSign::away;
}

/// On the worker's thread.  None if the domain vanished meanwhile.
std::optional<Domain> read_domain(virDomainPtr domain)
{
    Domain read;
    int state = VIR_DOMAIN_NOSTATE; // Of one that vanished, too.
    int reason = 0;
    virDomainGetState(domain, &state, &reason, 0);
    read.state = reality_of(state);
    read.halted = is_halted(state, reason);
    read.seems = domain_state_of(state, reason);
    char* xml = virDomainGetXMLDesc(domain, 0);
    if (!xml)
        return std::nullopt;
    auto parsed = parse_domain_xml(xml);
    std::free(xml);
    if (!parsed) {
        spdlog::warn("domain {}: {}: it has no record", virDomainGetName(domain),
                     parsed.error().message);
        return std::nullopt;
    }
    read.xml = *parsed;
    if (parsed->makeup.shared_disks)
        read.definition = definition_of(domain);
    return read;
}

} // namespace

struct LibvirtWatch::Impl : std::enable_shared_from_this<LibvirtWatch::Impl> {
    Impl(asio::io_context& context, const std::string& libvirt_uri, LibvirtListener& l)
        : io{context}, uri{libvirt_uri}, listener{&l}, retry{context}
    {
    }

    /// Runs `work` on the io_context's thread, unless the watch is gone by then.
    template <class Work>
    void tell(Work work)
    {
        asio::post(io, [self = shared_from_this(), work] {
            if (self->listener)
                work(*self->listener);
        });
    }

    void connect_later()
    {
        retry.expires_after(retry_interval);
        retry.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
            if (!cancelled && self->listener)
                self->connect_soon();
        });
    }

    void connect_soon()
    {
        asio::post(worker, [self = shared_from_this()] { self->connect(); });
    }

    // On the worker's thread.

    void connect()
    {
        events.reset();
        calls.reset();
        ConnectPtr first{virConnectOpen(uri.c_str())};
        ConnectPtr second{first ? virConnectOpen(uri.c_str()) : nullptr};
        if (!second || !subscribe(first.get())) {
            std::string why = one_line(virGetLastErrorMessage());
            tell([why](LibvirtListener& l) { l.libvirt_lost(why); });
            asio::post(io, [self = shared_from_this()] { self->connect_later(); });
            return;
        }
        virConnectSetKeepAlive(first.get(), keepalive_s, keepalive_missed);
        virConnectSetKeepAlive(second.get(), keepalive_s, keepalive_missed);
        events = std::move(first);
        calls = std::move(second);
        auto domains = read_all();
        if (!domains) { // "No domains" would end every move and every record.
            tell([](LibvirtListener& l) { l.libvirt_lost("it did not list its domains"); });
            events.reset();
            calls.reset();
            asio::post(io, [self = shared_from_this()] { self->connect_later(); });
            return;
        }
        tell([list = *domains](LibvirtListener& l) { l.libvirt_connected(list); });
        for (const Domain& domain : *domains)
            measure_disks(domain.xml);
    }

    /// None if libvirtd failed meanwhile.
    std::optional<std::vector<Domain>> read_all()
    {
        std::vector<Domain> domains;
        virDomainPtr* all = nullptr;
        int n = virConnectListAllDomains(calls.get(), &all, 0);
        if (n < 0)
            return std::nullopt;
        for (int i = 0; i < n; ++i) {
            DomainPtr domain{all[i]};
            auto read = read_domain(domain.get());
            if (!read)
                continue;
            // A libvirtd that has just begun says what was so when the one before it ended.
            if (uri.starts_with("qemu:") && !qemu_lives(read->xml.name)) {
                if (read->seems != recovery::DomainState::off)
                    read->seems = recovery::DomainState::crashed;
                read->state = Reality::absent;
            }
            domains.push_back(*read);
        }
        std::free(all);
        return domains;
    }

    void read_one(const std::string& uuid)
    {
        if (!calls)
            return;
        DomainPtr domain{virDomainLookupByUUIDString(calls.get(), uuid.c_str())};
        virErrorPtr failed = domain ? nullptr : virGetLastError();
        if (failed && failed->code != VIR_ERR_NO_DOMAIN)
            return; // libvirtd is going: all domains are read when it is back.
        std::optional<Domain> read;
        if (domain)
            read = read_domain(domain.get());
        if (read) {
            tell([read](LibvirtListener& l) { l.domain_read(*read, true); });
            measure_disks(read->xml);
            return;
        }
        Domain gone;
        gone.xml.uuid = uuid;
        tell([gone](LibvirtListener& l) { l.domain_read(gone, false); });
    }

    /// On a thread of its own: a file on a server that does not answer can keep it for ever, and
    /// then disks that were not measured yet stay unknown.
    void measure_disks(const DomainXml& domain)
    {
        {
            const std::lock_guard lock{measuring_mutex};
            if (domain.makeup.disks.empty() || !measuring.insert(domain.uuid).second)
                return; // It is in the queue already.
        }
        asio::post(
            disks, [self = shared_from_this(), uuid = domain.uuid, paths = domain.makeup.disks] {
                {
                    const std::lock_guard lock{self->measuring_mutex};
                    self->measuring.erase(uuid);
                }
                const std::int64_t size = disk_sizes(paths);
                self->tell([uuid, size](LibvirtListener& l) { l.disks_measured(uuid, size); });
            });
    }

    void read_downtime(const std::string& uuid)
    {
        DomainPtr domain{calls ? virDomainLookupByUUIDString(calls.get(), uuid.c_str()) : nullptr};
        int type = 0;
        int n = 0;
        virTypedParameterPtr parameters = nullptr;
        // Kept, so that `virsh domjobinfo --completed` still has them for the operator.
        constexpr unsigned flags =
            VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED;
        if (!domain || virDomainGetJobStats(domain.get(), &type, &parameters, &n, flags) != 0)
            return; // The time line does without it.
        unsigned long long downtime = 0;
        if (virTypedParamsGetULLong(parameters, n, VIR_DOMAIN_JOB_DOWNTIME, &downtime) == 1) {
            tell([uuid, downtime](LibvirtListener& l) {
                l.downtime_read(uuid, static_cast<std::int64_t>(downtime));
            });
        }
        virTypedParamsFree(parameters, n);
    }

    /// On an asker's thread.
    void read_ring(const std::string& uuid, const std::string& mac)
    {
        ConnectPtr own{virConnectOpen(uri.c_str())};
        DomainPtr domain{own ? virDomainLookupByUUIDString(own.get(), uuid.c_str()) : nullptr};
        auto read = domain ? read_domain(domain.get()) : std::nullopt;
        if (!read)
            return;
        for (const DomainInterface& interface : read->xml.interfaces) {
            if (interface.mac != mac)
                continue;
            auto address = find_ring(domain.get(), interface.alias);
            if (!address)
                spdlog::info("VM {}: {}: a frame that QEMU loses at the stop cannot be found",
                             read->xml.name, address.error().message);
            else
                tell(
                    [uuid, mac, address](LibvirtListener& l) { l.ring_read(uuid, mac, *address); });
        }
    }

    /// On an asker's thread: waits until a libvirtd that has just begun knows its QEMU again.
    void ask_whether_it_runs(const std::string& uuid)
    {
        ConnectPtr own{virConnectOpen(uri.c_str())};
        DomainPtr domain{own ? virDomainLookupByUUIDString(own.get(), uuid.c_str()) : nullptr};
        char* answer = nullptr;
        if (!domain || virDomainQemuMonitorCommand(domain.get(), "info status", &answer,
                                                   VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) != 0)
            return; // It has ended, or libvirtd has: an event tells, or the next look does.
        const bool runs = std::string_view{answer}.starts_with("VM status: running");
        std::free(answer);
        tell([uuid, runs](LibvirtListener& l) {
            l.monitor_event(uuid, runs ? "RESUME" : "STOP", now_ns(), "{}");
        });
    }

    /// On the agents' thread.
    void ask_agents(const std::vector<std::string>& uuids)
    {
        ConnectPtr own{virConnectOpen(uri.c_str())};
        if (own)
            virConnectSetKeepAlive(own.get(), keepalive_s, keepalive_missed);
        for (const std::string& uuid : uuids) {
            DomainPtr domain{own ? virDomainLookupByUUIDString(own.get(), uuid.c_str()) : nullptr};
            if (!domain)
                continue;
            char* answer = virDomainQemuAgentCommand(domain.get(), R"({"execute":"guest-ping"})",
                                                     agent_limit_s, 0);
            const AgentSign sign = answer ? AgentSign::answers : why_silent(domain.get());
            std::free(answer);
            tell([uuid, sign](LibvirtListener& l) { l.agent_asked(uuid, sign); });
        }
        asking = false;
    }

    /// On the measuring thread, which alone waits if a QEMU does not tell of its guest's memory.
    void read_loads(const std::vector<std::string>& uuids)
    {
        if (!measured || virConnectIsAlive(measured.get()) != 1) {
            measured.reset(virConnectOpen(uri.c_str()));
            // A libvirtd that hangs ends the call, and the connection, after so long.
            if (measured)
                virConnectSetKeepAlive(measured.get(), keepalive_s, keepalive_missed);
        }
        const auto samples = measured ? load_samples(measured.get(), uuids, asked) : LoadSamples{};
        tell([samples](LibvirtListener& l) { l.loads_read(samples); });
    }

    bool subscribe(virConnectPtr connection)
    {
        auto* self = new std::weak_ptr<Impl>{weak_from_this()};
        if (virConnectRegisterCloseCallback(connection, closed, self, forget) != 0) {
            delete self;
            return false;
        }
        return subscribe_to(connection, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                            VIR_DOMAIN_EVENT_CALLBACK(lifecycle)) &&
               subscribe_to(connection, VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
                            VIR_DOMAIN_EVENT_CALLBACK(metadata_changed)) &&
               subscribe_to(connection, VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
                            VIR_DOMAIN_EVENT_CALLBACK(device_changed)) &&
               subscribe_to(connection, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
                            VIR_DOMAIN_EVENT_CALLBACK(device_changed)) &&
               subscribe_to_monitor(connection);
    }

    bool subscribe_to(virConnectPtr connection, int id, virConnectDomainEventGenericCallback call)
    {
        auto* self = new std::weak_ptr<Impl>{weak_from_this()};
        if (virConnectDomainEventRegisterAny(connection, nullptr, id, call, self, forget) >= 0)
            return true;
        delete self;
        return false;
    }

    /// Only QEMU's driver has these events; without them the lifecycle events must do.
    bool subscribe_to_monitor(virConnectPtr connection)
    {
        auto* self = new std::weak_ptr<Impl>{weak_from_this()};
        if (virConnectDomainQemuMonitorEventRegister(
                connection, nullptr, "^(STOP|RESUME|MIGRATION)$", monitor, self, forget,
                VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX) >= 0) {
            return true;
        }
        delete self;
        spdlog::warn("libvirt {}: no QEMU monitor events ({}): a stop is seen some ms later", uri,
                     one_line(virGetLastErrorMessage()));
        return true;
    }

    // libvirt's callbacks, on the io_context's thread.

    static LibvirtListener* listener_of(void* opaque)
    {
        auto self = static_cast<std::weak_ptr<Impl>*>(opaque)->lock();
        return self ? self->listener : nullptr;
    }

    static void forget(void* opaque) { delete static_cast<std::weak_ptr<Impl>*>(opaque); }

    static void closed(virConnectPtr, int, void* opaque)
    {
        auto self = static_cast<std::weak_ptr<Impl>*>(opaque)->lock();
        if (!self || !self->listener)
            return;
        self->listener->libvirt_lost("the connection was closed");
        self->connect_later();
    }

    static int lifecycle(virConnectPtr, virDomainPtr domain, int event, int detail, void* opaque)
    {
        if (LibvirtListener* l = listener_of(opaque))
            l->domain_event(uuid_of(domain), virDomainGetName(domain), event, detail);
        return 0;
    }

    static void metadata_changed(virConnectPtr, virDomainPtr domain, int, const char*, void* opaque)
    {
        definition_changed(domain, opaque);
    }

    /// A NIC that is plugged in or out while the domain runs has no lifecycle event.
    static void device_changed(virConnectPtr, virDomainPtr domain, const char*, void* opaque)
    {
        definition_changed(domain, opaque);
    }

    static void definition_changed(virDomainPtr domain, void* opaque)
    {
        if (LibvirtListener* l = listener_of(opaque)) {
            l->domain_event(uuid_of(domain), virDomainGetName(domain), VIR_DOMAIN_EVENT_DEFINED,
                            VIR_DOMAIN_EVENT_DEFINED_UPDATED);
        }
    }

    static void monitor(virConnectPtr, virDomainPtr domain, const char* event, long long seconds,
                        unsigned int micros, const char* details, void* opaque)
    {
        if (LibvirtListener* l = listener_of(opaque)) {
            l->monitor_event(uuid_of(domain), event, seconds * 1'000'000'000LL + micros * 1000LL,
                             details ? details : "");
        }
    }

    asio::io_context& io;
    std::string uri;
    LibvirtListener* listener; // Null once the watch is gone.
    asio::steady_timer retry;
    asio::thread_pool worker{1};
    asio::thread_pool askers{4}; // For what waits for a QEMU, which can hang.
    asio::thread_pool measurer{1};
    asio::thread_pool agents{1};      // For what waits for guests, which can hang.
    std::atomic<bool> asking = false; // Agents are being asked.
    asio::thread_pool disks{1};       // For what waits for files, which can be elsewhere.
    std::mutex measuring_mutex;
    std::set<std::string> measuring; // Domains whose disks are to be measured.
    ConnectPtr events;               // The worker's.
    ConnectPtr calls;                // The worker's.
    ConnectPtr measured;             // The measurer's.
    MemoryAsked asked;               // The measurer's.
};

LibvirtWatch::LibvirtWatch(asio::io_context& io, const std::string& uri, LibvirtListener& listener)
    : impl_{std::make_shared<Impl>(io, uri, listener)}
{
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) {}); // Errors are values; none is printed.
    impl_->connect_soon();
}

LibvirtWatch::~LibvirtWatch()
{
    impl_->listener = nullptr;
    impl_->retry.cancel();
    impl_->worker.stop();
    impl_->askers.stop();
    impl_->measurer.stop();
    impl_->agents.stop();
    impl_->disks.stop();
    impl_->worker.join();
}

void LibvirtWatch::read(const std::string& uuid)
{
    asio::post(impl_->worker, [impl = impl_, uuid] { impl->read_one(uuid); });
}

void LibvirtWatch::read_ring(const std::string& uuid, const std::string& mac)
{
    asio::post(impl_->askers, [impl = impl_, uuid, mac] { impl->read_ring(uuid, mac); });
}

void LibvirtWatch::ask_whether_it_runs(const std::string& uuid)
{
    asio::post(impl_->askers, [impl = impl_, uuid] { impl->ask_whether_it_runs(uuid); });
}

void LibvirtWatch::ask_agents(std::vector<std::string> uuids)
{
    if (uuids.empty() || impl_->asking.exchange(true))
        return;
    asio::post(impl_->agents, [impl = impl_, uuids] { impl->ask_agents(uuids); });
}

void LibvirtWatch::read_loads(std::vector<std::string> uuids)
{
    asio::post(impl_->measurer, [impl = impl_, uuids] { impl->read_loads(uuids); });
}

void LibvirtWatch::read_downtime(const std::string& uuid)
{
    asio::post(impl_->worker, [impl = impl_, uuid] { impl->read_downtime(uuid); });
}

} // namespace holdfast::hookd
