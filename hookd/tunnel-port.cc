// SPDX-License-Identifier: Apache-2.0
//
// hookd/tunnel-port: see tunnel-port.h.
#include <config.h>

#include "hookd/tunnel-port.h"

#include <algorithm>

namespace holdfast::hookd {

std::vector<std::string> make_tunnel_port(const Config& config)
{
    std::vector<std::string> command{"ovs-vsctl", "--timeout=10"};
    if (!config.ovs_db.empty())
        command.push_back("--db=" + config.ovs_db);
    for (const char* word : {"--may-exist", "add-port"})
        command.push_back(word);
    command.push_back(config.bridge);
    for (const char* word :
         {"holdfast0", "--", "set", "interface", "holdfast0", "type=vxlan",
          "options:remote_ip=flow", "options:key=flow", "options:dst_port=4790",
          // What may be fragmented and does not fit is, by the kernel's datapath, outside (C16).
          "options:df_default=false"}) {
        command.push_back(word);
    }
    command.push_back("options:local_ip=" + config.vtep);
    return command;
}

bool lacks_tunnel_port(const Config& config, const std::vector<SwitchPort>& ports)
{
    return !config.vtep.empty() && bridge_problem(config, ports).empty() &&
           std::ranges::find(ports, "tunnel", &SwitchPort::kind) == ports.end();
}

std::string bridge_problem(const Config& config, const std::vector<SwitchPort>& ports)
{
    if (std::ranges::find(ports, config.bridge, &SwitchPort::bridge) != ports.end())
        return "";
    return config.bridge + " is not there, and no chain passes this hypervisor: make it (ovs-vsctl "
                           "add-br) and plug its ports in";
}

} // namespace holdfast::hookd
