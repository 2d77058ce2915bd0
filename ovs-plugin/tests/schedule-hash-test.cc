// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/schedule-hash: dh, sh and mh (spec B9, B14).
#include "ovs-plugin/schedule.h"

#include <algorithm>
#include <array>

#include "ovs-plugin/tests/schedule-pool.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::plugin;

namespace {

std::vector<Server> equals(unsigned n)
{
    std::vector<Server> servers;
    for (unsigned i = 0; i < n; ++i)
        servers.push_back(server(i));
    return servers;
}

NewConnection from(const Ip& client)
{
    NewConnection connection;
    connection.client = connection.vip = client;
    return connection;
}

constexpr Ip v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d)
{
    return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

constexpr Ip v6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

} // namespace

TEST_GROUP(AddressHash){};

// With 256 servers of weight 1 the server's place is the bucket.  The numbers are Linux's
// hash_32(address, 8).
TEST(AddressHash, TheBucketsAreIpvs)
{
    for (const char* policy : {"dh", "sh"}) {
        Balancer balancer{policy};
        balancer.use(equals(256));
        CHECK_EQUAL(39u, *balancer.choose(from(v4(10, 0, 0, 1))));
        CHECK_EQUAL(137u, *balancer.choose(from(v4(10, 0, 0, 2))));
        CHECK_EQUAL(144u, *balancer.choose(from(v4(192, 168, 1, 77))));
        CHECK_EQUAL(63u, *balancer.choose(from(v6)));
    }
}

TEST(AddressHash, DhGoesByTheVipAloneAndShByTheClient)
{
    Balancer dh{"dh"}, sh{"sh"};
    dh.use(equals(256));
    sh.use(equals(256));
    NewConnection connection = from(v4(10, 0, 0, 1));
    const auto by_vip = dh.choose(connection), by_client = sh.choose(connection);
    connection.client_port = 1234;
    connection.vip_port = 80;
    CHECK_TRUE(by_vip == dh.choose(connection));
    CHECK_TRUE(by_client == sh.choose(connection));
    connection.client = v4(10, 0, 0, 2);
    CHECK_TRUE(by_vip == dh.choose(connection));
    CHECK_FALSE(by_client == sh.choose(connection));
    connection.vip = v4(10, 0, 0, 3);
    CHECK_FALSE(by_vip == dh.choose(connection));
}

// The buckets are dealt out again and again: with sh 3 to the first, 1 to the second.
TEST(AddressHash, ShDealsTheBucketsByWeightAndDhOneByOne)
{
    Balancer dh{"dh"}, sh{"sh"};
    const std::vector<Server> servers{server('B', 3), server('A', 1)};
    dh.use(servers);
    sh.use(servers);
    for (int client = 0; client < 256; ++client) {
        const auto connection = from(v4(10, 0, 0, static_cast<std::uint8_t>(client)));
        const auto bucket = (0x0a000000u + static_cast<unsigned>(client)) * 0x61c88647u >> 24;
        CHECK_EQUAL(bucket % 4 == 3 ? 1u : 0u, *sh.choose(connection));
        CHECK_EQUAL(bucket % 2, *dh.choose(connection));
    }
}

TEST(AddressHash, AServerThatIsNotToBeHadIsMaskedAndOthersHaveItsShareB10)
{
    for (const char* policy : {"dh", "sh"}) {
        Balancer balancer{policy};
        balancer.use(equals(4));
        std::vector<std::size_t> before;
        for (int i = 0; i < 256; ++i)
            before.push_back(*balancer.choose(from(v4(10, 0, 0, static_cast<std::uint8_t>(i)))));
        auto& gone = balancer.servers[1];
        for (const int how : {0, 1, 2}) {
            gone = server(1);
            gone.takes = how != 0;
            gone.weight = how != 1;
            gone.limit = gone.active = how == 2 ? 10 : 0;
            std::array<int, 4> share{};
            for (int i = 0; i < 256; ++i) {
                const auto now = *balancer.choose(from(v4(10, 0, 0, static_cast<std::uint8_t>(i))));
                if (before[static_cast<std::size_t>(i)] == 1)
                    ++share[now];
                else
                    CHECK_EQUAL(before[static_cast<std::size_t>(i)], now);
            }
            CHECK_TRUE(share[0] > 5 && share[1] == 0 && share[2] > 5 && share[3] > 5);
        }
        for (auto& one : balancer.servers)
            one.takes = false;
        CHECK_FALSE(balancer.choose(from(v6)).has_value());
        balancer.servers[3].takes = true;
        gone = server(1);
        gone.takes = false;
        CHECK_EQUAL(3u, *balancer.choose(from(v6)));
        balancer.use({});
        CHECK_FALSE(balancer.choose(from(v6)).has_value());
    }
}

TEST(AddressHash, ASlowStartMovesNobody)
{
    Balancer sh{"sh"};
    sh.use({server('B', 100), server('A', 50)});
    Random random{1};
    std::vector<std::pair<NewConnection, std::optional<std::size_t>>> before;
    for (int i = 0; i < 100; ++i) {
        const auto connection = arrival_of(random);
        before.emplace_back(connection, sh.choose(connection));
    }
    auto starting = sh.servers;
    starting[0].weight = 1;
    sh.use(starting);
    for (const auto& [connection, server] : before)
        CHECK_TRUE(server == sh.choose(connection));
}

TEST_GROUP(MaglevHash)
{
    Balancer mh{"mh"};
    std::vector<NewConnection> arrivals;

    void setup() override
    {
        Random random{5};
        for (int i = 0; i < 20000; ++i)
            arrivals.push_back(arrival_of(random));
    }

    /// The names of who is chosen for each connection.
    std::vector<unsigned> chosen(Balancer & balancer)
    {
        std::vector<unsigned> names;
        for (const auto& connection : arrivals)
            names.push_back(balancer.servers[*balancer.choose(connection)].id[15]);
        return names;
    }
};

TEST(MaglevHash, EachServerHasItsShareByWeight)
{
    std::vector<Server> servers;
    for (unsigned i = 0; i < 10; ++i)
        servers.push_back(server(i, 1 + i % 3));
    mh.use(servers);
    const auto names = chosen(mh);
    for (unsigned i = 0; i < 10; ++i) {
        const double share = 20000 * (1 + i % 3) / 19.0;
        const auto has = static_cast<double>(std::ranges::count(names, i));
        CHECK_TRUE(has > share * 0.9 && has < share * 1.1);
    }
}

// B14: without talking to each other.
TEST(MaglevHash, DirectorsAgreeWhateverTheirOrderAndHistory)
{
    mh.use(equals(50));
    const auto names = chosen(mh);
    Balancer other{"mh"};
    other.use(equals(3));
    chosen(other);
    auto turned = equals(50);
    std::ranges::reverse(turned);
    for (auto& server : turned)
        server.active = 17;
    other.use(turned);
    CHECK_TRUE(names == chosen(other));
}

TEST(MaglevHash, PortsAndProtocolCountToo)
{
    mh.use(equals(100));
    auto connection = arrivals[0];
    const auto differs = [&, before = *mh.choose(connection)] {
        return *mh.choose(connection) != before;
    };
    CHECK_FALSE(differs());
    bool ever = false;
    for (std::uint16_t port = 1; port < 10; ++port) {
        connection.client_port = port;
        ever = ever || differs();
    }
    CHECK_TRUE(ever);
    connection = arrivals[0];
    connection.protocol = 17;
    CHECK_TRUE(differs());
}

// B10: masked without breaking the others' connections.
TEST(MaglevHash, AServerThatFailsMovesItsOwnConnectionsAlone)
{
    mh.use(equals(20));
    const auto before = chosen(mh);
    mh.servers[7].takes = false;
    const auto without = chosen(mh);
    std::vector<long> got(20);
    for (std::size_t i = 0; i < before.size(); ++i) {
        CHECK_TRUE(before[i] == 7 ? without[i] != 7 : without[i] == before[i]);
        got[without[i]] += before[i] == 7;
    }
    for (unsigned name = 0; name < 20; ++name)
        CHECK_TRUE(name == 7 ? got[name] == 0 : got[name] > 25 && got[name] < 85);
    mh.servers[12].takes = false;
    const auto two = chosen(mh);
    for (std::size_t i = 0; i < before.size(); ++i)
        CHECK_TRUE(without[i] == 12 || two[i] == without[i]);
    mh.servers[7].takes = mh.servers[12].takes = true;
    CHECK_TRUE(before == chosen(mh));
}

TEST(MaglevHash, TheLastOneLeftGetsAll)
{
    mh.use(equals(1000));
    for (auto& server : mh.servers)
        server.takes = false;
    CHECK_FALSE(mh.choose(arrivals[0]).has_value());
    mh.servers[123].takes = true;
    for (std::size_t i = 0; i < 100; ++i)
        CHECK_EQUAL(123u, *mh.choose(arrivals[i]));
}

// B10: a returning server starts slowly, and who it got first stays its own.
TEST(MaglevHash, ASlowStartGivesAGrowingShareOfItsOwnConnections)
{
    std::vector<Server> servers;
    for (unsigned i = 0; i < 5; ++i)
        servers.push_back(server(i, 100));
    mh.use(servers);
    const auto full = chosen(mh);
    auto before = full;
    for (std::uint32_t weight : {75, 50, 25, 0}) {
        servers[2].weight = weight;
        mh.use(servers);
        const auto now = chosen(mh);
        const auto has = static_cast<double>(std::ranges::count(now, 2u));
        CHECK_TRUE(has > 40 * weight * 0.9 - 1 && has < 40 * weight * 1.1 + 1);
        for (std::size_t i = 0; i < now.size(); ++i)
            CHECK_TRUE(now[i] == before[i] || before[i] == 2);
        before = now;
    }
}

TEST(MaglevHash, HalfTheWeightIsHalfTheShare)
{
    mh.use({server(1, 2), server(2, 2)});
    mh.servers[0].weight = 1;
    const auto names = chosen(mh);
    const auto has = std::ranges::count(names, 1u);
    CHECK_TRUE(has > 4500 && has < 5500);
}

TEST(MaglevHash, WhereAllStartSlowlyNobodyIsRefused)
{
    std::vector<Server> servers;
    for (unsigned i = 0; i < 5; ++i)
        servers.push_back(server(i, 1000));
    mh.use(servers);
    const auto full = chosen(mh);
    for (auto& server : mh.servers)
        server.weight = 1;
    CHECK_TRUE(full == chosen(mh));
}

TEST(MaglevHash, AServerAtItsLimitIsPassedBy)
{
    mh.use(equals(2));
    mh.servers[0].limit = mh.servers[0].inactive = 3;
    for (const auto& connection : arrivals)
        CHECK_EQUAL(1u, *mh.choose(connection));
    mh.servers[1].weight = 0;
    CHECK_FALSE(mh.choose(arrivals[0]).has_value());
}

TEST(MaglevHash, WithoutATableOfTheseServersThereIsNone)
{
    CHECK_FALSE(mh.choose(arrivals[0]).has_value());
    mh.use({});
    CHECK_FALSE(mh.choose(arrivals[0]).has_value());
    mh.use({server('B', 0), server('A', 0)});
    CHECK_FALSE(mh.choose(arrivals[0]).has_value());
    mh.use(equals(3));
    mh.servers.pop_back();
    CHECK_FALSE(mh.choose(arrivals[0]).has_value());
}
