// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-vm: `holdfast vm list|show|protect`; migrate is in verb-migrate.cc.
#include <config.h>

#include "common/text.h"
#include "ctl/verbs.h"
#include "db/find.h"

namespace holdfast::ctl {

Result<void> vm_list(const Session& session)
{
    auto world = read_world(session);
    if (!world)
        return world.error();
    if (!session.json) {
        session.print(vm_table(*world, session.style));
        return {};
    }
    Json all = Json::array();
    for (const auto& vm : world->vms)
        all.push_back(vm_json(vm, *world));
    session.print_json(all);
    return {};
}

Result<void> vm_show(const Session& session, const std::string& name)
{
    auto world = read_world(session);
    if (!world)
        return world.error();
    auto vm = db::find_vm(world->vms, name);
    if (!vm)
        return vm.error();
    if (!session.json) {
        session.print(vm_page(*vm, *world, session.style));
        return {};
    }
    Json moves = Json::array();
    for (const auto& line : move_lines(world->moves))
        if (line.vm == vm->id)
            moves.push_back(move_json(line, *world));
    Json one = vm_json(*vm, *world);
    one["moves"] = std::move(moves);
    session.print_json(one);
    return {};
}

Result<void> vm_protect(const Session& session, const std::string& vm, bool on)
{
    auto answer = session.ask_hookd("vm/protect", {{"vm", vm}, {"on", on}});
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print(one_line(vm) + (on ? " is protected\n" : " is no longer protected\n"));
    return {};
}

} // namespace holdfast::ctl
