// SPDX-License-Identifier: Apache-2.0
//
// hookd/domain-control: see domain-control.h.
#include <config.h>

#include "hookd/domain-control.h"

#include <libvirt/virterror.h>

#include <chrono>
#include <thread>

#include "common/text.h"
#include "hookd/libvirt-handle.h"
#include "hookd/libvirt-watch.h"

namespace holdfast::hookd {
namespace {

// A process that was killed is gone as soon as its pages are given back.
constexpr auto kill_limit = std::chrono::seconds{10};
constexpr auto between_looks = std::chrono::milliseconds{5};
// A libvirtd that hangs is not waited for: so many seconds without an answer, and it is given up.
constexpr int keepalive_s = 2;
constexpr unsigned keepalive_missed = 1;

struct Handle {
    ConnectPtr connection;
    DomainPtr domain;
};

Handle open(const DomainPlace& place)
{
    Handle handle;
    handle.connection.reset(virConnectOpen(place.uri.c_str()));
    if (!handle.connection)
        return handle;
    virConnectSetKeepAlive(handle.connection.get(), keepalive_s, keepalive_missed);
    handle.domain.reset(virDomainLookupByUUIDString(handle.connection.get(), place.uuid.c_str()));
    return handle;
}

/// A libvirt of another kind of domains has none.
bool has_qemu(const DomainPlace& place)
{
    return place.uri.starts_with("qemu:") && qemu_lives(place.name);
}

Result<std::string> kill_and_wait(const DomainPlace& place)
{
    const auto until = std::chrono::steady_clock::now() + kill_limit;
    while (has_qemu(place)) {
        if (const auto killed = kill_qemu(place.name); !killed)
            return killed.error();
        if (std::chrono::steady_clock::now() > until)
            return Error{Errc::unavailable, "VM " + place.name + ": its QEMU cannot be killed"};
        std::this_thread::sleep_for(between_looks);
    }
    return std::string{};
}

Error libvirt_error(const std::string& what)
{
    return {Errc::invalid, what + ": " + one_line(virGetLastErrorMessage())};
}

} // namespace

Result<std::string> pause_domain(const DomainPlace& domain)
{
    const Handle handle = open(domain);
    if (handle.domain && virDomainSuspend(handle.domain.get()) == 0)
        return std::string{paused_word};
    return kill_and_wait(domain);
}

Result<std::string> resume_domain(const DomainPlace& domain)
{
    const Handle handle = open(domain);
    if (handle.domain && virDomainResume(handle.domain.get()) == 0)
        return std::string{};
    return libvirt_error("VM " + domain.name + " cannot be resumed");
}

Result<std::string> autostart_domain(const DomainPlace& domain)
{
    const Handle handle = open(domain);
    int autostart = 0;
    if (!handle.domain || virDomainGetAutostart(handle.domain.get(), &autostart) != 0)
        return libvirt_error("VM " + domain.name + " cannot be started");
    if (autostart == 0 || virDomainIsActive(handle.domain.get()) == 1 ||
        virDomainCreate(handle.domain.get()) == 0)
        return std::string{};
    return libvirt_error("VM " + domain.name + " cannot be started");
}

Result<std::string> end_domain(const DomainPlace& domain)
{
    const Handle handle = open(domain);
    if (handle.domain && virDomainDestroy(handle.domain.get()) == 0)
        return std::string{};
    return kill_and_wait(domain);
}

Result<std::string> start_domain(const std::string& uri, const std::string& xml)
{
    const ConnectPtr connection{virConnectOpen(uri.c_str())};
    if (!connection)
        return libvirt_error("libvirt cannot be reached");
    const DomainPtr domain{virDomainDefineXML(connection.get(), xml.c_str())};
    if (!domain)
        return libvirt_error("it cannot be defined");
    if (virDomainIsActive(domain.get()) == 1 ||
        virDomainCreateWithFlags(domain.get(), VIR_DOMAIN_START_PAUSED) == 0)
        return std::string{};
    return libvirt_error("it cannot be started");
}

} // namespace holdfast::hookd
