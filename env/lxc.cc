// SPDX-License-Identifier: Apache-2.0
//
// env/lxc: see lxc.h.
#include <config.h>

#include "env/lxc.h"

#include <libvirt/virterror.h>

#include "common/text.h"
#include "service/descriptor.h"

namespace holdfast::env {

Error libvirt_error(const std::string& what)
{
    const char* said = virGetLastErrorMessage();
    return {Errc::io, what + ": " + one_line(said ? said : "libvirt does not say why")};
}

Result<Connection> connect_lxc()
{
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) {}); // What it says is in our own line.
    Connection connection{virConnectOpen("lxc:///system")};
    if (!connection)
        return Error{Errc::unavailable,
                     libvirt_error("libvirt's LXC driver cannot be reached").message +
                         ": install libvirt-daemon-driver-lxc, and restart libvirtd"};
    return connection;
}

pid_t first_process(virDomainPtr domain)
{
    const auto controller = std::to_string(virDomainGetID(domain));
    const auto children =
        service::read_text("/proc/" + controller + "/task/" + controller + "/children");
    return static_cast<pid_t>(
        parse_number(trimmed(children.substr(0, children.find(' ')))).value_or(0));
}

} // namespace holdfast::env
