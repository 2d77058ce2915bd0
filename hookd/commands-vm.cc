// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-vm: vm/migrate and vm/protect.
#include <config.h>

#include <spdlog/spdlog.h>

#include "hookd/chain.h"
#include "hookd/commands.h"
#include "hookd/json-text.h"
#include "hookd/migrate.h"

namespace holdfast::hookd {
namespace {

// A live migration of a big VM takes its time; libvirt ends one that hangs.
constexpr auto migration_limit = std::chrono::hours{2};
constexpr auto task_limit = std::chrono::seconds{10};

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
    auto vm = find_vm(world().ledger.vms(), *name);
    if (!vm) {
        done(vm.error());
        return;
    }
    const db::Hypervisor* target = world().ledger.hypervisor(*to);
    if (!target) {
        done(Error{Errc::not_found, "hypervisor " + *to +
                                        " is not known: \"holdfast status\" "
                                        "shows all"});
        return;
    }
    if (vm->kind != "domain" || vm->state != "running") {
        done(
            Error{Errc::invalid, "VM " + vm->name +
                                     (vm->kind != "domain" ? " is a port, which libvirt cannot move"
                                                           : " is not running: start it first")});
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
    db::Task task;
    task.id = new_uuid();
    task.hypervisor = vm.hypervisor;
    task.asked_by = world().self();
    task.verb = "migrate";
    task.arguments = to_text(Json{{"vm", vm.id}, {"to", to.name}});
    task.state = "running";
    task.deadline = now_ns() + std::chrono::nanoseconds{migration_limit}.count();
    StoreChange change;
    change.put_tasks = {task};
    change.events = {world().event("asked", vm.name + " is to move to " + to.name, now_ns())};
    change.events[0].vm = vm.id;
    if (auto stored = world().commit(change); !stored) {
        done(stored.error());
        return;
    }
    auto finish = [this, task, vm](const Result<Json>& result) mutable {
        task.state = result ? "done" : "failed";
        task.reply = result ? to_text(*result) : result.error().message;
        StoreChange end;
        end.put_tasks = {task};
        if (!result) {
            spdlog::warn("VM {}: its migration failed: {}", vm.name, task.reply);
            end.events = {world().event("migrate-failed", vm.name + ": " + task.reply, now_ns())};
            end.events[0].vm = vm.id;
        }
        world().commit(end);
    };
    done(Json{{"task", task.id}});
    if (vm.hypervisor != world().self()) {
        daemon_.fleet().ask(vm.hypervisor, "migrate", Json::parse(task.arguments), migration_limit,
                            finish);
        return;
    }
    daemon_.tools().run(
        [config = world().config, id = vm.id, to] { return migrate(config, id, to); },
        [finish](const Result<std::string>& result) mutable {
            finish(result ? Result<Json>{Json::object()} : Result<Json>{result.error()});
        });
}

/// For another hypervisor whose operator asked: answers when the VM is there, or stays.
void Commands::migrate_now(const Json& arguments, Done done)
{
    auto vm = find_vm(world().ledger.vms(), arguments.at("vm").get<std::string>());
    const db::Hypervisor* to = world().ledger.hypervisor(arguments.at("to").get<std::string>());
    if (!vm || !to) {
        done(vm ? Error{Errc::not_found, "the destination is not known here"} : vm.error());
        return;
    }
    daemon_.tools().run(
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
    auto vm = find_vm(world().ledger.vms(), *name);
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
    return Json{{"vm", vm.name}, {"protect", on}};
}

} // namespace holdfast::hookd
