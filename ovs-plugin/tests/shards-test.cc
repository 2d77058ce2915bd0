// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/shards (spec B9: as many connections as memory has room for, and the switch
// never stands still for them).
#include "ovs-plugin/shards.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "ovs-plugin/secret-hash.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::plugin;

namespace {

std::size_t n_hashed;

/// Says how often it is asked: by a table that grows, once for each entry that it moves.
struct CountingHash {
    std::size_t operator()(std::uint64_t key) const noexcept
    {
        ++n_hashed;
        return secret_hash({}, key);
    }
};

using Numbers = Shards<std::uint64_t, int, CountingHash>;

} // namespace

TEST_GROUP(Shards){};

TEST(Shards, a_new_entry_never_moves_more_than_some_others_B9)
{
    constexpr std::uint64_t n = 40'000;
    Numbers numbers{n};
    std::size_t longest = 0, moved = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        n_hashed = 0;
        numbers.add(i, 1);
        longest = std::max(longest, n_hashed);
        moved += n_hashed;
    }
    CHECK_EQUAL(n, numbers.size());
    CHECK_TRUE(longest <= Numbers::moved_max);
    // That they are counted at all: each is moved some times while a table grows to its size.
    CHECK_TRUE(longest > Numbers::a_shard / 4 && moved > 3 * n);
}

TEST(Shards, what_was_added_is_found_once_and_stays_where_it_is_until_it_is_removed)
{
    Numbers numbers{20'000};
    auto& first = numbers.add(0, 5);
    for (std::uint64_t i = 0; i < 20'000; ++i)
        numbers.add(i, 7);
    CHECK_EQUAL(20'000u, numbers.size());
    POINTERS_EQUAL(&first, numbers.find(0));
    CHECK_EQUAL(5, first.second);
    CHECK_EQUAL(7, numbers.find(19'999)->second);
    numbers.remove(7);
    numbers.remove(7);
    numbers.remove(200'000);
    CHECK_EQUAL(19'999u, numbers.size());
    POINTERS_EQUAL(nullptr, numbers.find(7));
    POINTERS_EQUAL(nullptr, numbers.find(20'000));
}

TEST(Shards, a_round_of_looks_sees_each_entry_once_and_the_next_goes_on_there)
{
    Numbers numbers{50'000};
    for (std::uint64_t i = 0; i < 20'000; ++i)
        numbers.add(i, 1);
    std::multiset<std::uint64_t> seen;
    const auto n = numbers.n_buckets();
    for (std::size_t done = 0; done < n; done += 1000)
        numbers.look_at_next(std::min<std::size_t>(1000, n - done), [&](const auto& one) {
            seen.insert(one.first);
            return true;
        });
    CHECK_EQUAL(20'000u, seen.size());
    CHECK_EQUAL(1u, seen.count(19'999));
    CHECK_EQUAL(20'000u, (std::set<std::uint64_t>{seen.begin(), seen.end()}.size()));
    int looked = 0;
    numbers.look_at_next(n, [&](const auto&) { return ++looked < 3; });
    CHECK_EQUAL(3, looked);
}
