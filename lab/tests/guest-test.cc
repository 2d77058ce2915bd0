// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include <cstring>
#include <memory>
#include <vector>

#include "lab/guest/counts.h"
#include "lab/guest/frame.h"
#include "lab/guest/storm.h"

#include <CppUTest/TestHarness.h>

using lab::Counts;
using lab::find_probe;
using lab::ProbePacket;

namespace {

const ProbePacket packet{lab::probe_magic, 5, 17, 1000};

void append16(std::vector<uint8_t>& bytes, uint16_t value)
{
    bytes.push_back(static_cast<uint8_t>(value >> 8));
    bytes.push_back(static_cast<uint8_t>(value));
}

/// An IPv4 probe frame; tags are 802.1Q ones.
std::vector<uint8_t> frame_of(uint16_t source_port, uint16_t destination_port, int n_tags,
                              const ProbePacket& content)
{
    std::vector<uint8_t> bytes(12, 2);
    for (int i = 0; i < n_tags; i++) {
        append16(bytes, 0x8100);
        append16(bytes, 7);
    }
    append16(bytes, 0x0800);
    std::vector<uint8_t> header(20, 0);
    header[0] = 0x45;
    header[9] = 17;
    bytes.insert(bytes.end(), header.begin(), header.end());
    append16(bytes, source_port);
    append16(bytes, destination_port);
    append16(bytes, 8 + sizeof content);
    append16(bytes, 0);
    const auto* start = reinterpret_cast<const uint8_t*>(&content);
    bytes.insert(bytes.end(), start, start + sizeof content);
    return bytes;
}

} // namespace

TEST_GROUP(Frame){};

TEST(Frame, WeightIsAddedToTheTosBehindTagsAndTheChecksumFollows)
{
    auto frame = frame_of(40000, lab::probe_port, 1, packet);
    const size_t ip = 18;
    const auto sum = [&] {
        uint32_t total = 0;
        for (size_t at = ip; at < ip + 20; at += 2)
            total += static_cast<uint32_t>(frame[at] << 8 | frame[at + 1]);
        return (total & 0xffff) + (total >> 16);
    };
    const auto right = static_cast<uint16_t>(~sum());
    frame[ip + 10] = static_cast<uint8_t>(right >> 8);
    frame[ip + 11] = static_cast<uint8_t>(right);
    lab::add_to_tos(frame, 16);
    lab::add_to_tos(frame, 4);
    lab::add_to_tos(frame, 4);
    CHECK_EQUAL(24, frame[ip + 1]);
    CHECK_EQUAL(0xffffu, sum());
}

TEST(Frame, RequestIsFoundByItsDestinationPort)
{
    const auto found = find_probe(frame_of(40000, lab::probe_port, 0, packet));
    CHECK_TRUE(found.has_value());
    CHECK_FALSE(found->answer);
    CHECK_EQUAL(17u, found->packet.sequence);
}

TEST(Frame, AnswerIsFoundByItsSourcePort)
{
    CHECK_TRUE(find_probe(frame_of(lab::probe_port, 40000, 0, packet))->answer);
}

TEST(Frame, VlanTagsAreSkipped)
{
    CHECK_TRUE(find_probe(frame_of(40000, lab::probe_port, 1, packet)).has_value());
    CHECK_TRUE(find_probe(frame_of(40000, lab::probe_port, 2, packet)).has_value());
}

TEST(Frame, OtherPortOrOtherMagicIsNoProbe)
{
    CHECK_FALSE(find_probe(frame_of(40000, 53, 0, packet)).has_value());
    CHECK_FALSE(find_probe(frame_of(40000, lab::probe_port, 0, {1, 5, 17, 0})).has_value());
}

TEST(Frame, FrameCutAnywhereIsNoProbe)
{
    const auto whole = frame_of(40000, lab::probe_port, 1, packet);
    for (size_t size = 0; size < whole.size(); size++)
        CHECK_FALSE(find_probe({whole.data(), size}).has_value());
}

TEST_GROUP(Counting)
{
    std::unique_ptr<Counts> counts = std::make_unique<Counts>();

    void setup() override
    {
        std::memset(static_cast<void*>(counts.get()), 0, sizeof *counts);
    }

    void count(uint32_t run, uint32_t sequence)
    {
        lab::count_probe(*counts, {lab::probe_magic, run, sequence, 0}, false);
    }
};

TEST(Counting, EachSequenceNumberIsDistinctOnce)
{
    for (uint32_t i : {0, 1, 2, 1})
        count(1, i);
    CHECK_EQUAL(3u, counts->runs[0].request.distinct);
    CHECK_EQUAL(1u, counts->runs[0].request.doubled);
    CHECK_EQUAL(4u, counts->runs[0].request.frames);
}

TEST(Counting, OvertakenPacketIsLateOnce)
{
    for (uint32_t i : {0, 3, 1, 2, 4})
        count(1, i);
    CHECK_EQUAL(2u, counts->runs[0].request.late);
    CHECK_EQUAL(4u, counts->runs[0].request.last);
}

TEST(Counting, NewRunStartsFromZeroAndLeavesTheOther)
{
    count(1, 0);
    count(2, 0);
    CHECK_EQUAL(0u, counts->runs[1].request.doubled);
    CHECK_EQUAL(1u, counts->runs[0].request.distinct);
}

TEST(Counting, OldestRunGivesItsPlaceToANewOne)
{
    for (uint32_t run = 1; run <= lab::max_runs + 1; run++)
        count(run, 0);
    CHECK_EQUAL(lab::max_runs + 1, counts->runs[0].id);
    CHECK_EQUAL(1u, counts->runs[0].request.frames);
}

TEST(Counting, WarmUpIsNotCounted)
{
    count(0, 0);
    CHECK_EQUAL(0u, counts->next);
}

TEST(Counting, JsonNamesTheNewestRun)
{
    count(1, 0);
    count(2, 5);
    STRCMP_CONTAINS("\"run\":2,\"request\":{\"frames\":1,\"probe_distinct\":1,"
                    "\"probe_doubled\":0,\"probe_missing\":5",
                    lab::to_json(*counts).c_str());
}

TEST_GROUP(Storm)
{
    std::unique_ptr<lab::StormGuard> guard = std::make_unique<lab::StormGuard>();
    const std::vector<uint8_t> frame{1, 2, 3};

    /// How many of 100 equal frames at a time (ms) pass.
    uint32_t n_passed_at(int now)
    {
        uint32_t n = 0;
        for (int i = 0; i < 100; i++)
            n += guard->may_pass(frame, std::chrono::milliseconds{now});
        return n;
    }
};

TEST(Storm, SameBytesPassAFewTimesASecond)
{
    CHECK_EQUAL(lab::StormGuard::most, n_passed_at(0));
    CHECK_EQUAL(0u, n_passed_at(999));
    CHECK_EQUAL(lab::StormGuard::most, n_passed_at(1000));
}

TEST(Storm, OtherBytesPassMeanwhile)
{
    n_passed_at(0);
    const std::vector<uint8_t> other{1, 2, 4};
    CHECK_TRUE(guard->may_pass(other, std::chrono::milliseconds{0}));
}
