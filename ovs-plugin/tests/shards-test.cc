// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/shards (spec B9: as many connections as memory has room for, and the switch
// never stands still for them).
#include "ovs-plugin/shards.h"

#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "ovs-plugin/secret-hash.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::plugin;

namespace {

struct NumberHash {
    std::size_t operator()(std::uint64_t key) const noexcept { return secret_hash({}, key); }
};

using Numbers = Shards<std::uint64_t, int, NumberHash>;

/// Of each key the same slot, so that all stand in each other's way.
struct OneSlotHash {
    std::size_t operator()(std::uint64_t) const noexcept { return 7; }
};

} // namespace

TEST_GROUP(Shards){};

TEST(Shards, a_new_entry_never_moves_more_than_some_others_B9)
{
    constexpr std::uint64_t n = 40'000;
    Numbers numbers{n};
    std::size_t longest = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const auto before = numbers.n_slots();
        numbers.add(i, 1);
        longest = std::max(longest, numbers.n_slots() - before); // As many are moved as come.
    }
    CHECK_EQUAL(n, numbers.size());
    CHECK_TRUE(longest <= Numbers::moved_max);
    // That tables grow at all, each to its size.
    CHECK_TRUE(longest > Numbers::a_shard / 4 && numbers.n_slots() > n);
}

TEST(Shards, what_many_entries_take_is_given_back_when_they_are_gone_B9)
{
    constexpr std::uint64_t n = 100'000;
    const auto used = [] {
        const auto all = mallinfo2();
        return all.uordblks + all.hblkhd;
    };
    Numbers numbers{n};
    const auto before = used();
    for (std::uint64_t i = 0; i < n; ++i)
        numbers.add(i, 1);
    const auto taken = used() - before;
    CHECK_TRUE(taken > n * Numbers::entry_cost / 2 && taken < n * Numbers::entry_cost);
    // As few slots move at a time when they go as when they come.
    std::size_t longest = 0;
    for (std::uint64_t i = 0; i < n - 100; ++i) {
        const auto slots = numbers.n_slots();
        numbers.remove(i);
        longest = std::max(longest, slots - numbers.n_slots());
    }
    CHECK_TRUE(longest <= Numbers::moved_max / 2);
    for (std::uint64_t i = n - 100; i < n; ++i)
        CHECK_EQUAL(1, numbers.find(i)->second);
    CHECK_TRUE(used() - before < taken / 50);
    // What comes again has a place, and one that comes and goes has one all the time.
    for (std::uint64_t i = 0; i < n; ++i)
        numbers.add(i, 2);
    CHECK_EQUAL(n, numbers.size());
    CHECK_EQUAL(1, numbers.find(n - 1)->second);
    for (std::uint64_t i = 0; i < n; ++i)
        numbers.remove(i);
    const auto at_last = used();
    CHECK_TRUE(at_last - before < taken / 100);
    numbers.add(0, 1);
    CHECK_EQUAL(at_last, used());
}

TEST(Shards, what_is_removed_hides_no_other_that_stood_in_its_way)
{
    constexpr std::uint64_t n = 20;
    for (std::uint64_t gone = 0; gone < n; ++gone) {
        Shards<std::uint64_t, int, OneSlotHash> numbers{n};
        for (std::uint64_t i = 0; i < n; ++i)
            numbers.add(i, 1);
        numbers.remove(gone);
        CHECK_EQUAL(n - 1, numbers.size());
        for (std::uint64_t i = 0; i < n; ++i)
            CHECK_EQUAL(i != gone, numbers.find(i) != nullptr);
        numbers.add(gone, 2);
        CHECK_EQUAL(2, numbers.find(gone)->second);
    }
}

TEST(Shards, whatever_comes_and_goes_is_there_as_in_any_map)
{
    Numbers numbers{6'000};
    std::map<std::uint64_t, int> model;
    std::uint64_t random = 1;
    for (int i = 0; i < 60'000; ++i) {
        random = random * 6364136223846793005 + 1442695040888963407;
        const auto key = random >> 33 & 8191;
        if (random >> 50 & 1) {
            numbers.add(key, i);
            model.emplace(key, i);
        } else {
            numbers.remove(key);
            model.erase(key);
        }
    }
    std::map<std::uint64_t, int> there;
    numbers.for_each([&](const auto& one) { there.insert(one); });
    CHECK_TRUE(model == there);
    CHECK_EQUAL(model.size(), numbers.size());
    for (std::uint64_t key = 0; key < 8192; ++key)
        CHECK_EQUAL(model.contains(key), numbers.find(key) != nullptr);
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
    const auto n = numbers.n_slots();
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
