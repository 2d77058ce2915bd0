// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/qemu-ring: QEMU's answers (spec C5).
#include <config.h>

#include "hookd/qemu-ring.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::hookd;

TEST_GROUP(QemuRing){};

TEST(QemuRing, UsedRingIsFoundInTheQueueStatus)
{
    CHECK_EQUAL(102675008u, *parse_queue_status(R"({"return":{"signalled-used":17,"inuse":0,
        "name":"virtio-net","vring-desc":102670336,"vring-avail":102674432,"queue-index":0,
        "vring-used":102675008,"used-idx":17,"vring-num":256},"id":"libvirt-413"})"));
}

TEST(QemuRing, QueueThatTheGuestHasNotSetUpHasNone)
{
    CHECK_FALSE(bool(parse_queue_status(R"({"return":{"vring-used":0}})")));
    CHECK_FALSE(bool(parse_queue_status(R"({"return":{"vring-used":-5}})")));
    CHECK_FALSE(bool(parse_queue_status(R"({"return":{"vring-used":"7"}})")));
}

TEST(QemuRing, RefusalsAndNonsenseAreErrors)
{
    for (const char* answer : {"", "{", "[]", "null", R"({"return":[]})", R"({"return":{}})",
                               R"({"error":{"class":"CommandNotFound","desc":"not found"}})"}) {
        CHECK_FALSE(bool(parse_queue_status(answer)));
        CHECK_FALSE(bool(parse_host_address(answer)));
    }
}

TEST(QemuRing, HostAddressIsReadFromTheMonitorsSentence)
{
    CHECK_EQUAL(0x7fb087feb240u,
                *parse_host_address("{\"return\":\"Host virtual address for 0x61eb240 (pc.ram) is "
                                    "0x7fb087feb240\\r\\n\"}"));
    CHECK_FALSE(bool(parse_host_address(R"({"return":"No memory is mapped at address 0x1"})")));
    CHECK_FALSE(bool(parse_host_address(R"({"return":"x is 0x"})")));
    CHECK_FALSE(bool(parse_host_address(R"({"return":"x is 0xfffffffffffffffffff"})")));
}
