// SPDX-License-Identifier: Apache-2.0
//
// schedd/tests/fleet: a short way to write an environment, and to look at what a round decides.
#pragma once

#include "schedd/balance.h"
#include "schedd/tests/values.h"

#include <algorithm>

namespace holdfast::schedd {

/// An environment that is written down a line a node.
class Fleet {
public:
    /// A node hvN with one processor, so that a process of 100 is 10 % of it, and one process of
    /// each size.
    NodeId add(std::vector<Cpu> processes, Cpu capacity = 1000)
    {
        const NodeId node{static_cast<std::uint32_t>(environment.nodes.size())};
        BalanceNode row;
        row.name = "hv" + std::to_string(environment.nodes.size() + 1);
        row.capacity = capacity;
        row.rounds_over = row.rounds_maximum = 10; // What is seen has lasted.
        Cpu sum = 0;
        for (Cpu cpu : processes) {
            Process process;
            process.id = process.name = "s" + std::to_string(environment.processes.size() + 1);
            process.node = node;
            process.cpu = cpu;
            environment.processes.push_back(process);
            sum += cpu;
        }
        row.average = sum * 1000 / capacity;
        environment.nodes.push_back(row);
        return node;
    }

    BalanceNode& node(NodeId id) { return environment.nodes[at(id)]; }
    Process& process(std::size_t number) { return environment.processes[number - 1]; } // sN

    Round round() const { return balance(environment, policy); }
    Round period() const { return consolidate(environment, policy); }

    Environment environment{{}, {}, {}, no_node, 7, 10, Time{Seconds{1'000'000}}};
    BalancePolicy policy;
};

/// All reasons of a round, one a line.
inline std::string reasons(const Round& round)
{
    std::string text;
    for (const auto& one : round.moves)
        text += one.reason + "\n";
    for (const auto& one : round.roles)
        text += one.reason + "\n";
    for (const auto& one : round.handovers)
        text += one.reason + "\n";
    for (const auto& one : round.stays)
        text += one.reason + "\n";
    return text;
}

inline bool says(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

/// Moves of a kind.
inline std::size_t count(const Round& round, Why why)
{
    return static_cast<std::size_t>(std::count_if(
        round.moves.begin(), round.moves.end(), [&](const Move& move) { return move.why == why; }));
}

} // namespace holdfast::schedd
