// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-director: see balancer-director.h.
#include <config.h>

#include "hookd/balancer-director.h"

#include <algorithm>
#include <string_view>

#include "common/text.h"
#include "db/balancer.h"
#include "db/find.h"
#include "hookd/balancer-read.h"

namespace holdfast::hookd {
namespace {

/// The VMs that have the VIP, for `external` alone.
Result<std::vector<std::string>> holders(const db::Balancer& balancer,
                                         const std::vector<db::Vm>& vms)
{
    std::vector<std::string> ids;
    for (const db::Vm& vm : vms) {
        if (db::has_address(vm, balancer.vip))
            ids.push_back(vm.id);
    }
    if (ids.empty()) {
        return Error{Errc::not_found,
                     "no VM is known to have the address " + balancer.vip +
                         ": name the director's VM, --director external:VM, or have the "
                         "switches choose, --director builtin"};
    }
    return ids;
}

/// The VM that has the VIP and must not; null if there is none.  Of external directors those named
/// have it, or none knows it, as with keepalived.
const db::Vm* owner_of(const db::Balancer& balancer, const std::vector<db::Vm>& vms)
{
    const auto directs = [&](const db::Vm& vm) {
        return std::ranges::find(balancer.directors, vm.id) != balancer.directors.end();
    };
    for (const db::Vm& vm : vms)
        if (directs(vm) && db::has_address(vm, balancer.vip))
            return nullptr;
    return db::vm_with(vms, balancer.vip);
}

Result<std::vector<std::string>> named_directors(const std::string& names,
                                                 const std::vector<db::Vm>& vms)
{
    std::vector<std::string> ids;
    for (const std::string& name : split_words(names)) {
        if (name.empty()) {
            return Error{Errc::invalid, "a director has no name: give --director "
                                        "external:VM[,VM...]"};
        }
        const auto vm = db::find_vm(vms, name);
        if (!vm)
            return vm.error();
        if (std::find(ids.begin(), ids.end(), vm->id) != ids.end()) {
            return Error{Errc::invalid,
                         "director " + vm->name + " is named twice: name each VM once"};
        }
        ids.push_back(vm->id);
    }
    return ids;
}

} // namespace

Result<void> take_directors(const std::string& text, const std::vector<db::Vm>& vms,
                            db::Balancer& balancer)
{
    constexpr std::string_view with_names = "external:";
    balancer.director = text.substr(0, text.find(':'));
    if (text == "builtin")
        return {};
    if (text != "external" && !text.starts_with(with_names)) {
        return Error{Errc::invalid, "--director " + one_line(text, 60) +
                                        " is unknown: give builtin, external or "
                                        "external:VM[,VM...]"};
    }
    auto ids = text == "external" ? holders(balancer, vms)
                                  : named_directors(text.substr(with_names.size()), vms);
    if (!ids)
        return ids.error();
    balancer.directors = std::move(*ids);
    std::sort(balancer.directors.begin(), balancer.directors.end());
    return {};
}

Result<void> check_vip_is_free(const db::Balancer& wanted,
                               const std::vector<db::Balancer>& balancers,
                               const std::vector<db::Vm>& vms)
{
    const db::Vm* vm = owner_of(wanted, vms);
    if (vm) {
        return Error{Errc::exists,
                     "VM " + vm->name + " has the address " + wanted.vip +
                         (db::is_builtin(wanted)
                              ? ", for which the switches would answer: give another --vip"
                              : ", and is no director of it: name it with --director, give another "
                                "--vip") +
                         ", or take it from the VM"};
    }
    for (const db::Balancer& other : balancers) {
        if (other.vip == wanted.vip && db::is_builtin(other) != db::is_builtin(wanted)) {
            return Error{Errc::exists, wanted.vip + " has a director that is " +
                                           (db::is_builtin(other) ? "built in" : "external") +
                                           " in balancer " + other.name +
                                           ", and an address has one kind: give another --vip, or "
                                           "the same kind of --director"};
        }
    }
    return {};
}

} // namespace holdfast::hookd
