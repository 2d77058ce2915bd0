// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-check: see balancer-check.h.
#include <config.h>

#include "hookd/balancer-check.h"
#include "hookd/service-place.h"

#include "common/text.h"
#include "db/balancer.h"

namespace holdfast::hookd {
namespace {

Error taken(const std::string& name, const std::string& what)
{
    return {Errc::exists, "balancer " + name + ": " + what};
}

} // namespace

Result<void> check_free(const db::Balancer& wanted, const std::vector<db::Balancer>& balancers)
{
    for (const db::Balancer& other : balancers) {
        if (other.name == wanted.name) {
            return taken(wanted.name, "this name is taken: choose another, or first "
                                      "\"holdfast balancer del " +
                                          other.name + "\"");
        }
        if (db::vip_text(other) == db::vip_text(wanted)) {
            return taken(wanted.name,
                         db::vip_text(wanted) + " is balancer " + other.name +
                             "'s already: give another --vip, or add servers to that one");
        }
    }
    return {};
}

Result<void> check_vm(const db::Balancer& balancer, const db::RealServer& server,
                      const std::vector<db::Vm>& vms)
{
    const bool routed = server.way == "routed";
    if (routed && balancer.check == "none")
        return {};
    const db::Vm* found = nullptr;
    for (const db::Vm& vm : vms) {
        if (!db::has_address(vm, server.address))
            continue;
        // One that was made anew runs; the one before does not.
        if (found && (found->state == "running") == (vm.state == "running")) {
            return Error{Errc::invalid, "two VMs have the address " + server.address + ", " +
                                            found->name + " and " + vm.name +
                                            ": take it from one of them"};
        }
        if (!found || vm.state == "running")
            found = &vm;
    }
    if (found)
        return may_be_led_to(*found);
    const std::string nobody =
        "server " + server.address + ": no VM of the fleet is known to have this address";
    const std::string mend = ": give it one in its domain's metadata (holdfast-hookd(8), \"VM "
                             "METADATA\"), or ";
    if (routed) {
        return Error{Errc::not_found, nobody +
                                          ", so no hypervisor would probe it, and with "
                                          "--check it would never get a connection" +
                                          mend + "make the balancer without --check"};
    }
    return Error{Errc::not_found, nobody + mend +
                                      "reach a server outside of the fleet by a router, with "
                                      "way=routed and --gateway"};
}

Result<void> check_answers(const db::Balancer& balancer, const db::RealServer& server,
                           const std::vector<db::Balancer>& balancers)
{
    for (const db::Balancer& other : balancers) {
        if (other.name == balancer.name || other.vip != balancer.vip ||
            other.protocol != balancer.protocol)
            continue;
        for (const db::RealServer& its : db::all_servers(other)) {
            if (its.address == server.address && its.port == server.port) {
                return Error{Errc::exists, "server " + endpoint_text(server.address, server.port) +
                                               " is behind " + db::vip_text(other) +
                                               " already (balancer " + other.name +
                                               "), and their answers could not be told apart: "
                                               "give another port of it"};
            }
        }
    }
    return {};
}

} // namespace holdfast::hookd
