// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/decide.h"

#include <algorithm>

#include "recovery/place.h"

namespace holdfast::recovery {
namespace {

// Closed ones beyond these are forgotten, the oldest first.
constexpr std::size_t most_kept = 200;

Instant instant_of(db::TimeNs time)
{
    return Instant{std::chrono::duration_cast<Instant::duration>(std::chrono::nanoseconds{time})};
}

bool is_of_hypervisor(const db::Recovery& row)
{
    return row.failure == name_of(Failure::hypervisor_dead) ||
           row.failure == name_of(Failure::cut_off);
}

bool is_recovered_by_itself(const db::Recovery& row)
{
    for (const Failure failure :
         {Failure::crashed, Failure::halted, Failure::hung, Failure::hypervisor_dead})
        if (row.failure == name_of(failure))
            return is_recovered(failure);
    return false;
}

class Decider {
public:
    Decider(const PoolRows& rows, const Limits& limits, const std::set<std::string>& late,
            db::TimeNs now)
        : rows_{rows}, limits_{limits}, late_{late}, now_{now}
    {
        for (const db::Hypervisor& row : rows.hypervisors) {
            ++fleet_.members;
            fleet_.gone += row.lost ? 1 : 0;
        }
        --fleet_.members; // It begins with one.
        for (const db::Recovery& row : rows.recoveries)
            fleet_.running += row.state == "running" ? 1 : 0;
    }

    std::vector<Order> all()
    {
        for (const db::Vm& vm : rows_.vms)
            look_at_hypervisor_of(vm);
        std::vector<const db::Recovery*> open;
        for (const db::Recovery& row : rows_.recoveries)
            if (!db::is_closed(row))
                open.push_back(&row);
        std::ranges::sort(open, [](const auto* a, const auto* b) {
            return std::tie(a->since, a->id) < std::tie(b->since, b->id);
        });
        for (const db::Recovery* row : open)
            look_at(*row);
        forget();
        return std::move(orders_);
    }

private:
    const db::Hypervisor* hypervisor(const std::string& name) const
    {
        const auto found = std::ranges::find(rows_.hypervisors, name, &db::Hypervisor::name);
        return found == rows_.hypervisors.end() ? nullptr : &*found;
    }

    /// One that was taken out, or has another name, has no failure of its own.
    Failure failure_at(const std::string& name) const
    {
        const auto* row = hypervisor(name);
        if (!row)
            return Failure::none;
        Signs signs;
        signs.hypervisor_heard = row->self || !(row->lost || late_.contains(name));
        signs.hypervisor_answers = !row->lost;
        signs.known_to_answer = row->answers;
        return diagnose(signs, {});
    }

    bool has_recovery(const db::Vm& vm) const
    {
        return open_recovery(rows_.recoveries, vm.id) ||
               !has_place(rows_.recoveries, vm.id, vm.hypervisor);
    }

    void look_at_hypervisor_of(const db::Vm& vm)
    {
        if (vm.kind != "domain" || vm.state != "running")
            return;
        const Failure failure = failure_at(vm.hypervisor);
        if (failure == Failure::none || !is_automatic(vm.id, rows_.policies) || has_recovery(vm))
            return;
        db::Recovery row;
        row.vm = vm.id;
        row.hypervisor = vm.hypervisor;
        row.failure = name_of(failure);
        row.since = row.changed = now_;
        if (failure == Failure::cut_off)
            row.text = "it may run: " + vm.hypervisor +
                       " answers echoes, or never did; see that it is off, then recover it by hand";
        orders_.push_back({Order::Kind::put, std::nullopt, row});
    }

    void look_at(const db::Recovery& row)
    {
        if (row.state == "running") {
            if (!hypervisor(row.by) || failure_at(row.by) != Failure::none)
                put(row, "failed", row.by + " is not heard of any more, which was recovering it",
                    1);
            return;
        }
        const auto vm = std::ranges::find(rows_.vms, row.vm, &db::Vm::id);
        if (vm == rows_.vms.end())
            return put(row, "over", "the VM is not there any more");
        if (vm->hypervisor != row.hypervisor)
            return put(row, "over", "it is on " + vm->hypervisor + " since");
        if (is_of_hypervisor(row) && failure_at(vm->hypervisor) == Failure::none &&
            vm->state == "running")
            return put(row, "over", vm->hypervisor + " is heard of again");
        if (row.failure == name_of(Failure::cut_off) &&
            failure_at(vm->hypervisor) == Failure::hypervisor_dead) {
            db::Recovery to = row;
            to.failure = name_of(Failure::hypervisor_dead);
            to.text.clear();
            orders_.push_back({Order::Kind::put, row, to});
            return;
        }
        if (is_automatic(row.vm, rows_.policies) && is_recovered_by_itself(row))
            ask_permit(row);
    }

    /// Its own failed attempts, and its recoveries of late: a VM that fails again and again is for
    /// a person.
    Attempts attempts_of(const db::Recovery& row) const
    {
        Attempts attempts{static_cast<int>(row.attempts), instant_of(row.changed)};
        const auto well_after = std::chrono::nanoseconds{limits_.well_after}.count();
        for (const db::Recovery& other : rows_.recoveries)
            if (other.vm == row.vm && other.id != row.id && other.failure != "by-hand" &&
                now_ - other.changed < well_after &&
                (other.state == "recovered" || other.state == "allowed"))
                ++attempts.failed;
        return attempts;
    }

    void ask_permit(const db::Recovery& row)
    {
        const Permit permit = may_begin(attempts_of(row), fleet_, limits_, instant_of(now_));
        if (permit.verdict == Verdict::begin) {
            ++fleet_.running;
            orders_.push_back({Order::Kind::run, row, row});
        } else if (permit.verdict == Verdict::give_up) {
            put(row, "given-up", row.text.empty() ? permit.why : row.text + "; " + permit.why);
        } else if (permit.verdict == Verdict::stopped && row.text != permit.why) {
            put(row, "failed", permit.why);
        }
    }

    void put(const db::Recovery& row, const std::string& state, const std::string& text,
             int attempts = 0)
    {
        db::Recovery to = row;
        to.text = text;
        to.attempts += attempts;
        if (std::exchange(to.state, state) != state)
            to.changed = now_;
        orders_.push_back({Order::Kind::put, row, to});
    }

    void forget()
    {
        std::vector<const db::Recovery*> closed;
        for (const db::Recovery& row : rows_.recoveries)
            if (db::is_closed(row) && row.state != "recovered")
                closed.push_back(&row);
        std::ranges::sort(closed, std::ranges::greater{}, &db::Recovery::changed);
        for (std::size_t i = most_kept; i < closed.size(); ++i)
            orders_.push_back({Order::Kind::remove, *closed[i], *closed[i]});
    }

    const PoolRows& rows_;
    const Limits& limits_;
    const std::set<std::string>& late_;
    db::TimeNs now_;
    FleetState fleet_;
    std::vector<Order> orders_;
};

} // namespace

std::vector<Order> decide(const PoolRows& rows, const Limits& limits,
                          const std::set<std::string>& late, db::TimeNs now)
{
    return Decider{rows, limits, late, now}.all();
}

} // namespace holdfast::recovery
