// SPDX-License-Identifier: Apache-2.0
//
// Servers, and sequences of choices, for the tests of ovs-plugin/schedule.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "ovs-plugin/schedule.h"

namespace holdfast::plugin {

/// 10.0.NAME / 256.NAME % 256.
inline Ip address(unsigned name)
{
    Ip id{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0};
    id[14] = static_cast<std::uint8_t>(name >> 8);
    id[15] = static_cast<std::uint8_t>(name);
    return id;
}

inline Server server(unsigned name, std::uint32_t weight = 1, std::uint32_t active = 0,
                     std::uint32_t inactive = 0)
{
    Server server;
    server.id = address(name);
    server.base = server.weight = weight;
    server.active = active;
    server.inactive = inactive;
    return server;
}

/// Servers, and what chooses among them.
struct Balancer {
    explicit Balancer(std::string_view policy)
        : scheduler{make_scheduler(policy)}, has_table{policy == "mh"}
    {
    }

    /// From now on there are these; the newest first.
    void use(std::vector<Server> now)
    {
        servers = std::move(now);
        if (has_table)
            table.emplace(table_of(servers));
        ++version;
    }

    Pool pool() const { return {servers, version, table ? &*table : nullptr}; }

    std::optional<std::size_t> choose(const NewConnection& connection = {})
    {
        return scheduler->choose(pool(), connection);
    }

    /// The last bytes of the addresses of who is chosen one after the other, '-' for none.
    std::string sequence(std::size_t n)
    {
        std::string names;
        for (std::size_t i = 0; i < n; ++i) {
            const auto chosen = choose();
            names += chosen ? static_cast<char>(servers[*chosen].id[15]) : '-';
        }
        return names;
    }

    std::unique_ptr<Scheduler> scheduler;
    bool has_table;
    std::vector<Server> servers;
    std::optional<Maglev> table;
    std::uint64_t version = 0;
};

/// The same sequence at each run.
using Random = std::mt19937;

inline unsigned random_below(Random& random, unsigned n)
{
    return static_cast<unsigned>(random() % n);
}

/// A client's connection to 10.9.0.80:80/tcp.
inline NewConnection arrival_of(Random& random)
{
    NewConnection connection;
    connection.client = address(random_below(random, 0x10000));
    connection.client[13] = static_cast<std::uint8_t>(random_below(random, 256));
    connection.client_port = static_cast<std::uint16_t>(random_below(random, 0x10000));
    connection.vip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 9, 0, 80};
    connection.vip_port = 80;
    connection.protocol = 6;
    return connection;
}

} // namespace holdfast::plugin
