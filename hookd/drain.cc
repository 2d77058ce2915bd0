// SPDX-License-Identifier: Apache-2.0
//
// hookd/drain: see drain.h.
#include <config.h>

#include "hookd/drain.h"

#include <algorithm>
#include <tuple>

#include "db/find.h"
#include "hookd/silence.h"

namespace holdfast::hookd {
namespace {

constexpr db::TimeNs second = 1'000'000'000;
// The fleet database tells of an arrival within a second; it may be away.
constexpr db::TimeNs landing_limit = 15 * second;
// What is wrong with a VM itself is wrong wherever it goes.
constexpr std::size_t most_tries = 3;

const db::Vm* find_vm(const FleetView& view, const std::string& id)
{
    for (const auto& row : view.vms)
        if (row.id == id)
            return &row;
    return nullptr;
}

bool is_silent(const db::Hypervisor& row, db::TimeNs now)
{
    return !row.self &&
           (row.lost ||
            (row.seen > 0 && now - row.seen > std::chrono::nanoseconds{silence_limit}.count()));
}

/// Whether a move away from `node` is under way.
bool leaves(const FleetView& view, const std::string& vm, const std::string& node)
{
    return std::any_of(view.moves.begin(), view.moves.end(), [&](const db::Move& row) {
        return row.vm == vm && row.role == "source" && row.hypervisor == node &&
               (row.state == "armed" || row.state == "turned");
    });
}

/// Running VMs of each hypervisor, with those that come.
std::map<std::string, int> loads(const FleetView& view, const std::map<std::string, int>& coming)
{
    std::map<std::string, int> loads = coming;
    for (const auto& vm : view.vms)
        if (vm.kind == "domain" && vm.state == "running")
            ++loads[vm.hypervisor];
    return loads;
}

/// Why nobody but `node` takes VMs, one reason each.
std::string why_nobody(const FleetView& view, const std::string& node)
{
    std::string all;
    for (const auto& row : view.hypervisors) {
        if (row.name == node)
            continue;
        if (auto why = refuses_vms(row, view.now))
            all += (all.empty() ? "" : ", ") + *why;
    }
    return all.empty() ? "there is no other" : all;
}

} // namespace

std::optional<std::string> refuses_vms(const db::Hypervisor& hypervisor, db::TimeNs now)
{
    if (hypervisor.drained)
        return hypervisor.name + " is drained";
    if (is_silent(hypervisor, now))
        return hypervisor.name + " is not heard of any more";
    return std::nullopt;
}

Result<void> check_drain(const FleetView& view, const std::string& node)
{
    auto row = db::find_hypervisor(view.hypervisors, node);
    if (!row)
        return row.error();
    if (row->drained && running_on(view, node).empty())
        return Error{Errc::exists, node +
                                       " is drained already, and nothing runs there: "
                                       "'holdfast node return " +
                                       node + "' ends that"};
    if (is_silent(*row, view.now))
        return Error{Errc::invalid, node + " is not heard of any more: see whether "
                                           "the machine and its holdfast-hookd run"};
    if (auto target = choose_target(view, node, {}, {}); !target)
        return Error{Errc::invalid, "no other hypervisor can take the VMs of " + node + " (" +
                                        why_nobody(view, node) +
                                        "): let one join, or return one, first"};
    return {};
}

std::vector<db::Vm> running_on(const FleetView& view, const std::string& node)
{
    std::vector<db::Vm> all;
    std::copy_if(view.vms.begin(), view.vms.end(), std::back_inserter(all),
                 [&](const db::Vm& vm) { return vm.hypervisor == node && vm.state == "running"; });
    std::sort(all.begin(), all.end(), [](const db::Vm& a, const db::Vm& b) {
        return std::tie(a.name, a.id) < std::tie(b.name, b.id);
    });
    return all;
}

Result<std::string> choose_target(const FleetView& view, const std::string& node,
                                  const std::map<std::string, int>& coming,
                                  const std::set<std::string>& tried)
{
    auto load = loads(view, coming);
    const db::Hypervisor* best = nullptr;
    for (const auto& row : view.hypervisors) {
        if (row.name == node || tried.contains(row.name) || refuses_vms(row, view.now))
            continue;
        if (!best || std::pair{load[row.name], row.name} < std::pair{load[best->name], best->name})
            best = &row;
    }
    if (!best)
        return Error{Errc::not_found, "no hypervisor can take it (" + why_nobody(view, node) + ")"};
    return best->name;
}

std::vector<Drain::Order> Drain::next(const FleetView& view)
{
    look(view);
    std::vector<Order> orders;
    auto row = db::find_hypervisor(view.hypervisors, node_);
    for (const db::Vm& vm : running_on(view, node_)) {
        Entry& entry = entries_[vm.id];
        entry.name = vm.name;
        if (entry.state != State::waits)
            continue;
        if (vm.kind != "domain") {
            entry.state = State::stays;
            entry.why = vm.kind == "service"
                            ? "is a service, which libvirt cannot move"
                            : "is a port that others plugged, which libvirt cannot move";
        } else if (leaves(view, vm.id, node_)) {
            entry.state = State::leaving;
        } else if (!row || !row->drained) {
            entry.state = State::stays;
            entry.why = node_ + " was returned meanwhile";
        } else if (on_their_way() < parallel_ && start(view, vm.id, entry)) {
            orders.push_back({vm, entry.to});
        }
    }
    return orders;
}

/// Notes which VMs have gone, and forgets those that stopped before their turn.
void Drain::look(const FleetView& view)
{
    for (auto& [id, entry] : entries_) {
        const db::Vm* vm = find_vm(view, id);
        bool here = vm && vm->hypervisor == node_;
        bool leaving = leaves(view, id, node_);
        bool late = view.now - entry.landed_at > landing_limit;
        if (entry.state == State::leaving && !leaving)
            entry.state = State::waits;
        if (entry.state == State::landed && ((!here && !leaving) || late))
            entry.state = State::gone;
        if (entry.state == State::waits && vm && !here) {
            entry.state = State::gone;
            entry.to = vm->hypervisor;
        }
    }
    std::erase_if(entries_, [&](const auto& item) {
        const db::Vm* vm = find_vm(view, item.first);
        return item.second.state == State::waits && (!vm || vm->state != "running");
    });
}

/// Gives a VM its target; false, and it stays, if there is none.
bool Drain::start(const FleetView& view, const std::string& vm, Entry& entry)
{
    auto never = entry.tried;
    const auto closed = view.closed.find(vm);
    if (closed != view.closed.end())
        never.insert(closed->second.begin(), closed->second.end());
    auto to = choose_target(view, node_, coming(view), never);
    if (!to || entry.tried.size() >= most_tries) {
        entry.state = State::stays;
        if (entry.why.empty())
            entry.why = closed == view.closed.end()
                            ? to.error().message
                            : "no hypervisor in the share of its owner can take it";
        return false;
    }
    entry.state = State::moving;
    entry.to = *to;
    entry.tried.insert(*to);
    return true;
}

std::size_t Drain::on_their_way() const
{
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(), [](const auto& item) {
            State state = item.second.state;
            return state == State::moving || state == State::landed || state == State::leaving;
        }));
}

/// Those that the store still shows here.
std::map<std::string, int> Drain::coming(const FleetView& view) const
{
    std::map<std::string, int> coming;
    for (const auto& [id, entry] : entries_) {
        const db::Vm* vm = find_vm(view, id);
        bool begun = entry.state == State::moving || entry.state == State::landed;
        if (begun && vm && vm->hypervisor == node_)
            ++coming[entry.to];
    }
    return coming;
}

void Drain::moved(const std::string& vm, db::TimeNs now)
{
    Entry& entry = entries_[vm];
    entry.state = State::landed;
    entry.landed_at = now;
}

void Drain::failed(const std::string& vm, const std::string& why)
{
    Entry& entry = entries_[vm];
    entry.state = State::waits;
    entry.why = entry.to + ": " + why;
    entry.to.clear();
}

std::vector<Drain::Outcome> entered_by(const FleetView& view, const std::string& node)
{
    std::vector<Drain::Outcome> all;
    for (const db::Vm& vm : view.vms)
        if (vm.hypervisor != node && !vm.ports.empty() && vm.ports.front().entry == node)
            all.push_back({vm.name, "",
                           "runs on " + vm.hypervisor + ", and its network reaches it by way of " +
                               node + ": move it to another of its network before " + node +
                               " goes"});
    return all;
}

bool Drain::over() const
{
    return std::all_of(entries_.begin(), entries_.end(), [](const auto& item) {
        return item.second.state == State::gone || item.second.state == State::stays;
    });
}

std::vector<Drain::Outcome> Drain::outcomes() const
{
    std::vector<Outcome> all;
    for (const auto& [id, entry] : entries_)
        all.push_back({entry.name, entry.to, entry.state == State::stays ? entry.why : ""});
    std::sort(all.begin(), all.end(),
              [](const Outcome& a, const Outcome& b) { return a.vm < b.vm; });
    return all;
}

} // namespace holdfast::hookd
