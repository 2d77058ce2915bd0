// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/kept.h"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

Kept::Record record_of(std::uint32_t number)
{
    Kept::Record record{};
    for (std::size_t i = 0; i < 4; ++i)
        record[i] = static_cast<std::uint8_t>(number >> 8 * i);
    record[Kept::size - 1] = 7;
    return record;
}

std::set<std::uint32_t> numbers_in(Kept& kept)
{
    std::set<std::uint32_t> numbers;
    kept.each([&](Kept::Place, const Kept::Record& record) {
        CHECK_EQUAL(7, record[Kept::size - 1]);
        numbers.insert(static_cast<std::uint32_t>(record[0] | record[1] << 8 | record[2] << 16));
    });
    return numbers;
}

} // namespace

TEST_GROUP(Kept)
{
    std::string path;

    void setup() override
    {
        char name[] = "/tmp/kept-XXXXXX";
        const int file = mkstemp(name);
        close(file);
        path = name;
    }
    void teardown() override
    {
        unlink(path.c_str());
    }
    std::unique_ptr<Kept> open(std::size_t most = 1'000'000)
    {
        auto kept = Kept::open(path, most);
        CHECK(bool(kept));
        return std::move(*kept);
    }
};

TEST(Kept, a_new_process_finds_what_was_put_changed_and_not_dropped)
{
    {
        auto kept = open();
        std::vector<Kept::Place> places;
        for (std::uint32_t i = 0; i < 10'000; ++i)
            places.push_back(kept->put(record_of(i)));
        for (std::uint32_t i = 0; i < 9'000; ++i)
            kept->drop(places[i]);
        kept->change(places[9'500], record_of(70'000));
        CHECK_EQUAL(1'000u, kept->count());
    }
    auto kept = open();
    CHECK_EQUAL(1'000u, kept->count());
    const auto numbers = numbers_in(*kept);
    CHECK_EQUAL(1'000u, numbers.size());
    CHECK(numbers.contains(9'000) && numbers.contains(9'999) && numbers.contains(70'000));
    CHECK(!numbers.contains(9'500) && !numbers.contains(8'999));
    // Free places are used again.
    const auto place = kept->put(record_of(5));
    CHECK(place < 12'288);
    CHECK(numbers_in(*kept).contains(5));
}

TEST(Kept, what_is_no_such_file_is_begun_anew_and_what_cannot_be_one_is_an_error)
{
    std::ofstream{path} << "Something else, that is longer than the head of such a file would be.";
    auto kept = open();
    CHECK_EQUAL(0u, kept->count());
    const auto refused = Kept::open("/proc/none/connections", 1);
    CHECK(!refused);
    CHECK(refused.error().message.find("/proc/none/connections") != std::string::npos);
}

TEST(Kept, it_has_no_more_records_than_it_may)
{
    {
        auto kept = open(5'000);
        for (std::uint32_t i = 0; i < 5'000; ++i)
            CHECK(kept->put(record_of(i)) != Kept::none);
        CHECK(kept->put(record_of(5'000)) == Kept::none);
        kept->drop(4'321);
        CHECK_EQUAL(4'321u, kept->put(record_of(5'001)));
    }
    CHECK_EQUAL(64u * 5'001, std::filesystem::file_size(path));
    CHECK_EQUAL(100u, open(100)->count()); // Of the machine that has less memory now.
    CHECK_EQUAL(64u * 101, std::filesystem::file_size(path));
}

TEST(Kept, without_room_a_record_is_not_kept_and_nothing_else_happens)
{
    auto kept = open();
    const auto first = kept->put(record_of(1));
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{300'000, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    std::size_t n_kept = 0;
    for (std::uint32_t i = 0; i < 5'000; ++i)
        n_kept += kept->put(record_of(i)) != Kept::none;
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK_EQUAL(4'095u, n_kept);
    kept->drop(Kept::none);
    kept->change(Kept::none, record_of(3));
    kept->drop(first);
    CHECK_EQUAL(4'095u, kept->count());
}
