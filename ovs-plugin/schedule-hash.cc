// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/schedule-hash: dh, sh and mh, the policies that hash addresses (schedule.h).
#include "ovs-plugin/schedule-impl.h"

#include <algorithm>

#include "ovs-plugin/mix.h"

namespace holdfast::plugin {

namespace {

/// IPVS's tables for dh and sh.
constexpr std::size_t buckets = 256;

/// The bucket of an address, as in Linux 6.1: its four words folded into one (of which IPv4 has
/// the last alone), and of the product with 2^32 divided by the golden ratio the upper 8 bits.
std::size_t bucket_of(const Ip& address)
{
    constexpr Ip v4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const bool is_v4 = std::equal(v4.begin(), v4.begin() + 12, address.begin());
    std::uint32_t folded = 0;
    for (std::size_t i = is_v4 ? 12 : 0; i < address.size(); ++i)
        folded ^= std::uint32_t{address[i]} << (8 * (3 - i % 4));
    return folded * 0x61c88647u >> 24;
}

/// The server of a bucket; if that is not to be had, one of others, by a sequence that is a matter
/// of the address only (spec B10: a dead server is masked).  IPVS does so with its flag
/// sh-fallback; without it, it refuses the connection, and what watches servers takes a dead one
/// out of the table.
Choice in_bucket(const std::vector<std::size_t>& table, Servers servers, const Ip& address)
{
    if (table.empty())
        return std::nullopt;
    const auto bucket = bucket_of(address);
    for (std::uint64_t attempt = 0; attempt < buckets; ++attempt) {
        const auto at = attempt == 0 ? bucket : mix(bucket + attempt * buckets) % buckets;
        if (usable(servers[table[at]]))
            return table[at];
    }
    const auto last = std::ranges::find_if(servers, usable);
    return last == servers.end() ? Choice{} : Choice(last - servers.begin());
}

/// Hash of the destination.
class DestinationHash : public Scheduler {
    void follow(Servers servers) override
    {
        table_.clear();
        for (std::size_t i = 0; i < buckets && !servers.empty(); ++i)
            table_.push_back(i % servers.size());
    }

    Choice pick(const Pool& pool, const NewConnection& connection) override
    {
        return in_bucket(table_, pool.servers, connection.vip);
    }

    std::vector<std::size_t> table_;
};

/// Hash of the source.
class SourceHash : public Scheduler {
    /// A server has as many buckets as its weight, one at least, and again, until there is no more.
    /// As in IPVS, weights that are 256 together leave none for the servers behind.
    void follow(Servers servers) override
    {
        table_.clear();
        while (!servers.empty() && table_.size() < buckets) {
            for (std::size_t i = 0; i < servers.size() && table_.size() < buckets; ++i) {
                const auto share = std::clamp<std::size_t>(servers[i].base, 1, buckets);
                table_.resize(std::min(table_.size() + share, buckets), i);
            }
        }
    }

    Choice pick(const Pool& pool, const NewConnection& connection) override
    {
        return in_bucket(table_, pool.servers, connection.client);
    }

    std::vector<std::size_t> table_;
};

/// A number of the connection, the same at each director.
std::uint64_t connection_number(const NewConnection& connection)
{
    const auto ports = std::uint64_t{connection.client_port} << 32 |
                       std::uint64_t{connection.vip_port} << 16 | connection.protocol;
    return mix(number_of(connection.client) ^ mix(number_of(connection.vip) ^ ports));
}

/// Whether a server that does not have its full weight, as in a slow start, takes this connection.
/// Two with the same share of their weights take the same: so where all start, all have all.
bool wants(const Server& server, std::uint64_t number)
{
    return (mix(number) >> 32) * server.base >> 32 < server.weight;
}

/// Maglev.  A connection tries a sequence of slots which is a matter of the connection only; so a
/// server that is not to be had moves its own connections, and no others.
class MaglevHash : public Scheduler {
    void follow(Servers) override {}

    Choice pick(const Pool& pool, const NewConnection& connection) override
    {
        if (!pool.table || pool.table->empty() || pool.table->size() != pool.servers.size())
            return std::nullopt;
        const auto number = connection_number(connection);
        for (std::uint64_t attempt = 0; attempt < attempts; ++attempt) {
            const auto i = pool.table->owner(attempt == 0 ? number : mix(number + attempt));
            if (usable(pool.servers[i]) && wants(pool.servers[i], number))
                return i;
        }
        return last_resort(pool, number);
    }

    /// Few servers are left, or none that wants it: the first slot that has a usable one, from the
    /// connection's own around the whole table.
    static Choice last_resort(const Pool& pool, std::uint64_t number)
    {
        if (std::ranges::none_of(pool.servers, usable))
            return std::nullopt;
        for (std::size_t step = 0; step < Maglev::slots; ++step) {
            const auto i = pool.table->owner(number % Maglev::slots + step);
            if (usable(pool.servers[i]))
                return i;
        }
        return std::nullopt;
    }

    static constexpr std::uint64_t attempts = 64;
};

} // namespace

Maglev table_of(Servers servers)
{
    std::vector<Maglev::Member> members;
    for (const auto& server : servers)
        members.push_back({server.id, server.base});
    return Maglev{members};
}

std::unique_ptr<Scheduler> make_dh()
{
    return std::make_unique<DestinationHash>();
}

std::unique_ptr<Scheduler> make_sh()
{
    return std::make_unique<SourceHash>();
}

std::unique_ptr<Scheduler> make_mh()
{
    return std::make_unique<MaglevHash>();
}

} // namespace holdfast::plugin
