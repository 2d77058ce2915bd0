// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/maglev: see the header.
#include "ovs-plugin/maglev.h"

#include <queue>

#include "ovs-plugin/mix.h"

namespace holdfast::plugin {

namespace {

constexpr std::uint16_t nobody = 0xffff;

/// A member that takes slots.
struct Taker {
    const Maglev::Member* member;
    std::uint16_t index;
    std::size_t slot;        // The next that it would have.
    std::size_t skip;        // From each of its slots to the next, around the table.
    std::uint64_t taken = 0; // So far.
};

/// Who takes a slot later: with more slots for its weight, and of the same with the higher id.
/// Weights are not made relative to the others', so that the order of any two is their own matter.
struct TakesLater {
    bool operator()(const Taker& a, const Taker& b) const
    {
        const auto of_a = a.taken * b.member->weight, of_b = b.taken * a.member->weight;
        return of_a != of_b ? of_a > of_b : a.member->id > b.member->id;
    }
};

Taker taker(const Maglev::Member& member, std::size_t index)
{
    const auto number = number_of(member.id);
    return {&member, static_cast<std::uint16_t>(index), number % Maglev::slots,
            mix(number) % (Maglev::slots - 1) + 1};
}

} // namespace

std::uint64_t number_of(const Ip& id)
{
    std::uint64_t number = 0;
    for (std::size_t half = 0; half < id.size(); half += 8) {
        std::uint64_t word = 0;
        for (std::size_t i = half; i < half + 8; ++i)
            word = word << 8 | id[i];
        number = mix(number ^ word);
    }
    return number;
}

Maglev::Maglev(std::span<const Member> members) : size_{members.size()}
{
    std::priority_queue<Taker, std::vector<Taker>, TakesLater> takers;
    for (std::size_t i = 0; i < members.size(); ++i)
        if (members[i].weight > 0)
            takers.push(taker(members[i], i));
    if (takers.empty())
        return;
    owners_.assign(slots, nobody);
    for (std::size_t taken = 0; taken < slots; ++taken) {
        auto next = takers.top();
        takers.pop();
        while (owners_[next.slot] != nobody)
            next.slot = (next.slot + next.skip) % slots;
        owners_[next.slot] = next.index;
        ++next.taken;
        takers.push(next);
    }
}

} // namespace holdfast::plugin
