// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-vm: vm/migrate and vm/protect.
#include <config.h>

#include <spdlog/spdlog.h>

#include "common/json-text.h"
#include "db/find.h"
#include "hookd/commands.h"
#include "hookd/migrate.h"
#include "recovery/place.h"

namespace holdfast::hookd {
namespace {

// A live migration of a big VM takes its time; libvirt ends one that hangs.
constexpr auto migration_limit = std::chrono::hours{2};
constexpr auto task_limit = std::chrono::seconds{10};

Error drained(const db::Hypervisor& target)
{
    return {Errc::invalid, target.name + " is drained: choose another, or 'holdfast node return " +
                               target.name + "' first"};
}

} // namespace

/// Answers with the task's id at once; the task's row tells how it ends.
void Commands::vm_migrate(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "vm");
    auto to = text_argument(arguments, "to");
    if (!name || !to) {
        done(name ? to.error() : name.error());
        return;
    }
    auto vm = db::find_vm(world().ledger.vms(), *name);
    if (!vm) {
        done(vm.error());
        return;
    }
    auto target = db::find_hypervisor(world().ledger.hypervisors(), *to);
    if (!target) {
        done(target.error());
        return;
    }
    if (vm->kind != "domain" || vm->state != "running") {
        done(Error{Errc::invalid,
                   "VM " + vm->name +
                       (vm->kind == "service"  ? " is a service, which libvirt cannot move"
                        : vm->kind != "domain" ? " is a port, which libvirt cannot move"
                                               : " is not running: start it first")});
        return;
    }
    const auto* row = recovery::replaced_by(world().ledger.recoveries(), vm->id);
    if (row && row->state == "running") {
        done(Error{Errc::unavailable, "VM " + vm->name + " is being recovered by " + row->by +
                                          ": wait until that has ended"});
        return;
    }
    if (target->drained) {
        done(drained(*target));
        return;
    }
    if (vm->hypervisor == target->name) {
        done(Error{Errc::invalid, "VM " + vm->name + " is on " + target->name + " already"});
        return;
    }
    migrate_here(*vm, *target, std::move(done));
}

/// Keeps a task's row while the VM's own hypervisor, this one or another, migrates it.
void Commands::migrate_here(const db::Vm& vm, const db::Hypervisor& to, Done done)
{
    db::Event asked = world().event("asked", vm.name + " is to move to " + to.name, now_ns());
    asked.vm = vm.id;
    auto task = begin_task("migrate", vm.hypervisor, Json{{"vm", vm.id}, {"to", to.name}},
                           migration_limit, asked);
    if (!task) {
        done(task.error());
        return;
    }
    auto finish = [this, task = *task, vm](const Result<Json>& result) {
        std::optional<db::Event> event;
        if (!result) {
            std::string why = vm.name + ": " + result.error().message;
            spdlog::warn("VM {}: its migration failed: {}", vm.name, result.error().message);
            event = world().event("migrate-failed", why, now_ns());
            event->vm = vm.id;
        }
        end_task(task, result, event);
    };
    done(Json{{"task", task->id}});
    if (vm.hypervisor != world().self()) {
        daemon_.fleet().ask(vm.hypervisor, "migrate", Json::parse(task->arguments), migration_limit,
                            finish);
        return;
    }
    daemon_.migrations().run(
        [config = world().config, id = vm.id, to] { return migrate(config, id, to); },
        [finish](const Result<std::string>& result) {
            finish(result ? Result<Json>{Json::object()} : Result<Json>{result.error()});
        });
}

/// For another hypervisor whose operator asked: answers when the VM is there, or stays.
void Commands::migrate_now(const Json& arguments, Done done)
{
    auto vm = db::find_vm(world().ledger.vms(), arguments.at("vm").get<std::string>());
    const db::Hypervisor* to = world().ledger.hypervisor(arguments.at("to").get<std::string>());
    if (!vm || !to) {
        done(vm ? Error{Errc::not_found, "the destination is not known here"} : vm.error());
        return;
    }
    if (to->drained) {
        done(drained(*to));
        return;
    }
    daemon_.migrations().run(
        [config = world().config, id = vm->id, to = *to] { return migrate(config, id, to); },
        [done](const Result<std::string>& result) {
            done(result ? Result<Json>{Json::object()} : Result<Json>{result.error()});
        });
}

void Commands::vm_protect(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "vm");
    if (!name) {
        done(name.error());
        return;
    }
    bool on = arguments.at("on").get<bool>();
    auto vm = db::find_vm(world().ledger.vms(), *name);
    if (!vm)
        done(vm.error());
    else if (vm->hypervisor != world().self())
        daemon_.fleet().ask(vm->hypervisor, "protect", Json{{"vm", vm->id}, {"on", on}}, task_limit,
                            std::move(done));
    else
        done(protect_here(*vm, on));
}

Result<Commands::Json> Commands::protect_here(const db::Vm& vm, bool on)
{
    StoreChange change;
    change.put_vms = {vm};
    change.put_vms[0].protect = on;
    if (auto stored = world().commit(change); !stored)
        return stored.error();
    daemon_.refresh_soon(); // One that is not defined any more may be forgotten then.
    return Json{{"vm", vm.name}, {"protect", on}};
}

} // namespace holdfast::hookd
