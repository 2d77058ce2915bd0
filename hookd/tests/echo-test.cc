// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/echo.
#include <config.h>

#include "hookd/echo.h"

#include <optional>

#include <boost/asio/ip/address.hpp>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;
using namespace std::chrono_literals;

TEST_GROUP(Echo){};

// The words of RFC 792's request sum up to what the checksum says of them (RFC 1071).
TEST(Echo, RequestHasTypeIdSequenceAndChecksum)
{
    const std::vector<std::uint8_t> ipv4{8, 0, 0xd1, 0xc8, 0x12, 0x34, 0x14, 0x03};
    CHECK_TRUE((ipv4 == echo_request(false, 0x1234, 0x1403)));
    const std::vector<std::uint8_t> ipv6{128, 0, 0, 0, 0x12, 0x34, 0x14, 0x03};
    CHECK_TRUE((ipv6 == echo_request(true, 0x1234, 0x1403)));
}

TEST(Echo, OnlyAWholeAnswerToOurOwnIsOne)
{
    std::vector<std::uint8_t> packet(20 + 8);
    packet[0] = 0x45;
    packet[24] = 0x12;
    packet[25] = 0x34;
    CHECK_TRUE(is_echo_answer(packet, false, 0x1234));
    CHECK_FALSE(is_echo_answer(packet, false, 0x1235));
    CHECK_FALSE(is_echo_answer(std::span{packet}.first(27), false, 0x1234));
    CHECK_FALSE(is_echo_answer({}, false, 0));
    packet[0] = 0x46; // Its header has an option: the answer begins later.
    CHECK_FALSE(is_echo_answer(packet, false, 0x1234));
    const std::vector<std::uint8_t> ipv6{129, 0, 0, 0, 0x12, 0x34, 0, 1};
    CHECK_TRUE(is_echo_answer(ipv6, true, 0x1234));
    packet[0] = 0x45;
    packet[20] = 3; // An error that somebody answers.
    CHECK_FALSE(is_echo_answer(packet, false, 0x1234));
}

TEST(Echo, ThisMachineAnswersItself)
{
    boost::asio::io_context io;
    std::optional<Echo::Address> from;
    Echo echo{io, [&](const Echo::Address& address) {
                  from = address;
                  io.stop();
              }};
    const auto self = boost::asio::ip::make_address("127.0.0.1");
    CHECK_TRUE(bool(echo.ask(self)));
    io.run_for(10s);
    CHECK_TRUE(from == self);
}
