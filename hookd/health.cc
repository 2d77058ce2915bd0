// SPDX-License-Identifier: Apache-2.0
//
// hookd/health: see health.h.
#include <config.h>

#include "hookd/health.h"

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "db/balancer.h"

namespace holdfast::hookd {
namespace {

constexpr db::TimeNs between_small_changes = 10'000'000'000;
constexpr double share_of_a_new_answer = 1.0 / 8; // As TCP smooths its round-trip time (RFC 6298).
constexpr double another_answer_time = 0.25;      // A change by less is none.

} // namespace

Health::Health(db::ServerHealth row, int rise, int fall,
               const std::optional<db::ServerHealth>& known)
    : row_{std::move(row)}, rise_{rise}, fall_{fall}
{
    if (!known)
        return;
    state_ = known->state == "up" ? State::up : State::down;
    row_.state = known->state;
    row_.since = known->since;
    row_.text = known->text;
    row_.answer_us = known->answer_us;
    answer_us_ = known->answer_us;
}

bool Health::take(const ProbeResult& result, db::TimeNs now)
{
    const bool first = written_ == 0;
    bool write = first;
    if (first && row_.since == 0) {
        row_.since = now;
        row_.text = one_line(result.text, 200);
    }
    const bool for_it = result.good == (state_ == State::up);
    in_a_row_ = for_it ? 0 : in_a_row_ + 1;
    if (state_ == State::unproved && result.good)
        write |= turn(State::up, result, now);
    else if (state_ == State::down && in_a_row_ >= rise_)
        write |= turn(State::up, result, now);
    else if (state_ == State::up && in_a_row_ >= fall_)
        write |= turn(State::down, result, now);

    const bool may_write = now - written_ >= between_small_changes;
    if (result.good) {
        write |= take_answer_time(result.answer_us) && may_write;
    } else if (row_.state == "down" && (write || may_write)) {
        const auto text = one_line(result.text, 200);
        write |= text != row_.text;
        row_.text = text;
    }
    if (!write)
        return false;
    row_.answer_us = static_cast<int>(std::lround(answer_us_));
    written_ = now;
    return true;
}

bool Health::turn(State to, const ProbeResult& result, db::TimeNs now)
{
    state_ = to;
    in_a_row_ = 0;
    row_.state = to == State::up ? "up" : "down";
    row_.since = now;
    row_.text = one_line(result.text, 200);
    if (to == State::down)
        answer_us_ = -1;
    return true;
}

/// Whether it is far enough from the row's.
bool Health::take_answer_time(int answer_us)
{
    if (answer_us < 0)
        return false;
    answer_us_ =
        answer_us_ < 0 ? answer_us : answer_us_ + (answer_us - answer_us_) * share_of_a_new_answer;
    return std::abs(answer_us_ - row_.answer_us) > another_answer_time * row_.answer_us;
}

std::vector<ProbeTarget> probe_targets(const std::vector<db::Balancer>& balancers,
                                       const std::vector<db::Vm>& vms, const std::string& self)
{
    std::vector<ProbeTarget> targets;
    for (const db::Balancer& balancer : balancers) {
        if (balancer.check == "none")
            continue;
        for (const db::RealServer& server : balancer.servers) {
            const db::Vm* vm = db::vm_with(vms, server.address);
            if (vm && vm->hypervisor == self)
                targets.push_back({balancer, server});
        }
    }
    return targets;
}

std::vector<db::ServerHealth> heard_health(std::vector<db::ServerHealth> health,
                                           const std::vector<db::Balancer>& balancers,
                                           const std::set<std::string>& silent)
{
    if (silent.empty())
        return health;
    std::set<std::string> served; // Balancers with a server that is known to take connections.
    for (const db::ServerHealth& row : health) {
        if (silent.contains(row.hypervisor) || served.contains(row.balancer))
            continue;
        const auto balancer = std::ranges::find(balancers, row.balancer, &db::Balancer::name);
        if (balancer == balancers.end())
            continue;
        const auto server =
            std::ranges::find(balancer->servers, row.address, &db::RealServer::address);
        if (server != balancer->servers.end() && db::takes_connections(*balancer, *server, &row))
            served.insert(row.balancer);
    }
    for (db::ServerHealth& row : health)
        if (silent.contains(row.hypervisor) && served.contains(row.balancer)) {
            row.state = "down";
            row.text = row.hypervisor + ", where it runs, is not heard of any more";
        }
    return health;
}

std::vector<db::HealthKey> rows_to_drop(const std::vector<db::ServerHealth>& health,
                                        const std::vector<db::Vm>& vms, const std::string& self)
{
    std::vector<db::HealthKey> gone;
    for (const db::ServerHealth& row : health) {
        if (row.hypervisor != self)
            continue;
        const db::Vm* vm = db::vm_with(vms, row.address);
        if (vm && vm->hypervisor != self &&
            db::find_health(health, {row.balancer, row.address, vm->hypervisor}))
            gone.push_back(db::HealthKey::of(row));
    }
    return gone;
}

} // namespace holdfast::hookd
