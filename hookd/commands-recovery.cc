// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-recovery: recovery/weights, recovery/policy, recovery/put and recovery/allow.
//
// What they change belongs to the fleet: any hypervisor does it, by the row as it is known here,
// and the fleet's database refuses it if that is another by then.
#include <config.h>

#include "common/text.h"
#include "db/find.h"
#include "db/recovery-json.h"
#include "hookd/commands.h"
#include "hookd/vm-failures.h"
#include "recovery/place.h"
#include "recovery/rows.h"

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

Result<std::vector<std::string>> texts_argument(const Json& arguments, const char* key)
{
    const auto found = arguments.find(key);
    if (found == arguments.end() || !found->is_array() || found->empty())
        return Error{Errc::invalid, std::string{"\""} + key + "\" is missing: give some"};
    return found->get<std::vector<std::string>>();
}

/// All that can have a weight: what the table here knows, and what VMs of the fleet have.
std::set<std::string> known_features(const World& world)
{
    std::set<std::string> features = world.features.features();
    for (const auto& row : world.ledger.specifications())
        for (const auto& element : row.elements)
            features.insert(element.feature);
    return features;
}

} // namespace

void Commands::recovery_weights(const Json& arguments, Done done)
{
    const auto texts = texts_argument(arguments, "weights");
    if (!texts) {
        done(texts.error());
        return;
    }
    const auto& rows = world().ledger.recovery_policies();
    put_policy(recovery::with_fleet_weights(recovery::fleet_policy_of(rows), *texts,
                                            known_features(world())),
               "the weights of recovery are others now", std::move(done));
}

void Commands::recovery_policy(const Json& arguments, Done done)
{
    const auto texts = texts_argument(arguments, "settings");
    if (!texts) {
        done(texts.error());
        return;
    }
    if (arguments.contains("vm")) {
        recovery_policy_of(arguments.at("vm"), *texts, std::move(done));
        return;
    }
    Result<db::RecoveryPolicy> row = recovery::fleet_policy_of(world().ledger.recovery_policies());
    for (const auto& text : *texts)
        if (row)
            row = recovery::with_fleet_setting(*row, text);
    put_policy(row, "how VMs are recovered is another now", std::move(done));
}

void Commands::recovery_policy_of(const std::string& vm, const std::vector<std::string>& texts,
                                  Done done)
{
    const auto find = [this](const std::string& name) -> Result<std::string> {
        auto found = db::find_vm(world().ledger.vms(), name);
        return found ? Result<std::string>{found->id} : Result<std::string>{found.error()};
    };
    const auto id = find(vm);
    if (!id) {
        done(id.error());
        return;
    }
    const auto* was = recovery::find_policy(world().ledger.recovery_policies(), *id);
    Result<db::RecoveryPolicy> row = was ? *was : db::RecoveryPolicy{};
    row->name = *id;
    for (const auto& text : texts)
        if (row)
            row = recovery::with_vm_setting(*row, text, find);
    put_policy(row, "how " + world().name_of(*id) + " is recovered is another now",
               std::move(done));
}

/// A row as holdfast-recoveryd wants it, in the place of `was`.  What another had changed meanwhile
/// is no failure, but the answer.
void Commands::recovery_put(const Json& arguments, Done done)
{
    const auto answer = [done](const Result<void>& put) {
        const bool late =
            !put && (put.error().code == Errc::outdated || put.error().code == Errc::exists);
        if (put || late)
            done(Json{{"outdated", late}});
        else
            done(put.error());
    };
    if (arguments.contains("remove")) {
        daemon_.fleet().remove_recovery(arguments.at("remove"), answer);
        return;
    }
    Json to = arguments.at("row");
    std::optional<db::Recovery> was;
    if (arguments.contains("was")) {
        const auto row = db::recovery_from(arguments.at("was"));
        if (!row) {
            done(row.error());
            return;
        }
        was = *row;
    } else {
        to["id"] = new_uuid();
    }
    const auto row = db::recovery_from(to);
    if (!row) {
        done(row.error());
        return;
    }
    StoreChange change;
    change.events = {world().event("recovery",
                                   world().name_of(row->vm) + ": " + row->failure + ", " +
                                       row->state + (row->text.empty() ? "" : ": " + row->text),
                                   now_ns())};
    change.events[0].vm = row->vm;
    world().commit(change);
    daemon_.fleet().put_recovery(*row, was, answer);
}

/// A VM that was recovered may be started again.
void Commands::recovery_allow(const Json& arguments, Done done)
{
    const auto name = text_argument(arguments, "vm");
    if (!name) {
        done(name.error());
        return;
    }
    const auto vm = db::find_vm(world().ledger.vms(), *name);
    if (!vm) {
        done(vm.error());
        return;
    }
    const auto* row = recovery::replaced_by(world().ledger.recoveries(), vm->id);
    if (!row || row->state != "recovered") {
        done(Error{Errc::invalid, vm->name + " may be started: it " +
                                      (row ? "is being recovered" : "was not recovered")});
        return;
    }
    allow_all(vm->id, vm->name, std::move(done));
}

/// One after the other: it can have been recovered more than once.
void Commands::allow_all(const std::string& vm, const std::string& name, Done done)
{
    const auto& rows = world().ledger.recoveries();
    const auto row = std::ranges::find_if(
        rows, [&](const db::Recovery& one) { return one.vm == vm && one.state == "recovered"; });
    if (row == rows.end()) {
        done(Json{{"vm", name}});
        return;
    }
    db::Recovery to = *row;
    to.state = "allowed";
    to.changed = now_ns();
    daemon_.fleet().put_recovery(to, *row, [this, vm, name, done](const Result<void>& put) {
        if (put)
            allow_all(vm, name, done);
        else
            done(put.error());
    });
}

/// In the place of the row that is known; `text` goes into the time line.
void Commands::put_policy(const Result<db::RecoveryPolicy>& row, const std::string& text, Done done)
{
    if (!row) {
        done(row.error());
        return;
    }
    const auto* was = recovery::find_policy(world().ledger.recovery_policies(), row->name);
    if (was ? *was == *row : recovery::says_nothing(*row) && row->name != db::fleet_policy) {
        done(Json{{"changed", false}});
        return;
    }
    daemon_.fleet().put_recovery_policy(
        *row, was ? std::optional{*was} : std::nullopt,
        [this, name = row->name, text, done](const Result<void>& put) {
            if (!put) {
                done(put.error());
                return;
            }
            StoreChange change;
            change.events = {world().event("recovery-policy", text, now_ns())};
            change.events[0].vm = name == db::fleet_policy ? "" : name;
            world().commit(change);
            done(Json{{"changed", true}});
        });
}

} // namespace holdfast::hookd
