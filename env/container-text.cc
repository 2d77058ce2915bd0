// SPDX-License-Identifier: Apache-2.0
//
// env/container-text: see container-text.h.
#include <config.h>

#include "env/container-text.h"

#include <string_view>

#include "env/range.h"

namespace holdfast::env {
namespace {

constexpr std::string_view name_prefix = "env-";

/// What env/proc-fs has, and where it belongs in the container.
constexpr const char* shown[][2] = {
    {"/proc/cpuinfo", "/proc/cpuinfo"}, {"/proc/stat", "/proc/stat"},
    {"/proc/meminfo", "/proc/meminfo"}, {"/proc/loadavg", "/proc/loadavg"},
    {"/proc/uptime", "/proc/uptime"},   {"/cpu", "/sys/devices/system/cpu"}};

/// `text` as XML has it in an attribute.
std::string quoted(std::string_view text)
{
    std::string all;
    for (const char letter : text) {
        if (letter == '&')
            all += "&amp;";
        else if (letter == '<')
            all += "&lt;";
        else if (letter == '\'')
            all += "&apos;";
        else
            all += letter;
    }
    return all;
}

std::string mount(const std::string& from, const std::string& to, bool writable = false)
{
    return "<filesystem type='mount'><source dir='" + quoted(from) + "'/><target dir='" +
           quoted(to) + "'/>" + (writable ? "" : "<readonly/>") + "</filesystem>\n";
}

std::string memory_disk(const char* at)
{
    return std::string{"<filesystem type='ram'><source usage='262144' units='KiB'/><target dir='"} +
           at + "'/></filesystem>\n";
}

std::string interface(const Container& container)
{
    return "<interface type='bridge'><source bridge='" + quoted(container.bridge) +
           "'/><mac address='" + mac_of(container.address) +
           "'/><virtualport type='openvswitch'><parameters interfaceid='" +
           uuid_of(container.address) + "'/></virtualport><guest dev='eth0'/><ip address='" +
           container.address + "' family='ipv4' prefix='" + std::to_string(container.prefix) +
           "'/>" +
           (container.gateway.empty() ? ""
                                      : "<route family='ipv4' address='0.0.0.0' prefix='0' "
                                        "gateway='" +
                                            container.gateway + "'/>") +
           "</interface>\n";
}

} // namespace

std::string domain_name(const std::string& user)
{
    return std::string{name_prefix} + user;
}

std::string user_of_domain(const std::string& name)
{
    return name.starts_with(name_prefix) ? name.substr(name_prefix.size()) : std::string{};
}

std::string domain_xml(const Container& container)
{
    std::string xml = "<domain type='lxc'>\n<name>" + domain_name(container.user) +
                      "</name>\n<uuid>" + uuid_of(container.address) +
                      "</uuid>\n<memory unit='KiB'>" + std::to_string(container.memory_kib) +
                      "</memory>\n<vcpu>" + std::to_string(container.cpus) +
                      "</vcpu>\n<os><type>exe</type><init>/usr/sbin/sshd</init>"
                      "<initarg>-D</initarg><initarg>-e</initarg></os>\n<devices>\n";
    xml += mount(container.folder + "/root", "/");
    for (const std::string& folder : container.shared)
        xml += mount(folder, folder);
    xml += mount(container.folder + "/home", "/home/" + container.user, true);
    for (const auto& [from, to] : shown)
        xml += mount(container.proc + from, to);
    xml += memory_disk("/tmp") + memory_disk("/var/tmp");
    xml += interface(container);
    return xml + "<console type='pty'/>\n</devices>\n</domain>\n";
}

std::map<std::string, std::string> etc_files(const Container& container)
{
    const auto ids = std::to_string(container.uid) + ":" + std::to_string(container.gid);
    const auto& user = container.user;
    return {
        {"passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"
                   "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
                   "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" +
                       user + ":x:" + ids + "::/home/" + user + ":/bin/bash\n"},
        {"group",
         "root:x:0:\nnogroup:x:65534:\n" + user + ":x:" + std::to_string(container.gid) + ":\n"},
        {"hostname", domain_name(user) + "\n"},
        {"hosts", "127.0.0.1 localhost\n" + container.address + " " + domain_name(user) + "\n"},
        {"nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
        {"ssh/sshd_config", "HostKey /etc/ssh/ssh_host_ed25519_key\n"
                            "AllowUsers " +
                                user +
                                "\n"
                                "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys\n"
                                "PasswordAuthentication no\n"
                                "KbdInteractiveAuthentication no\n"
                                "PermitRootLogin no\n"
                                "UsePAM no\n"
                                "PidFile none\n"
                                "Subsystem sftp internal-sftp\n"},
    };
}

} // namespace holdfast::env
