// SPDX-License-Identifier: Apache-2.0
//
// Tests of handoff/wire: the bytes of doc/handoff.md, and what is no message.
#include <config.h>

#include "handoff/wire.h"

#include <random>
#include <string>
#include <vector>

#include <CppUTest/TestHarness.h>

namespace {

std::string packet_of(const handoff_message& message)
{
    std::uint8_t head[HANDOFF_HEADER_SIZE + 8];
    std::size_t size = handoff_encode(&message, head);
    std::string packet{reinterpret_cast<char*>(head), size};
    packet.append(message.text ? message.text : "", message.text_size);
    packet.append(static_cast<const char*>(message.state), message.state_size);
    return packet;
}

std::string wrong_with(const std::string& packet)
{
    handoff_message message;
    const char* wrong = handoff_decode(reinterpret_cast<const std::uint8_t*>(packet.data()),
                                       packet.size(), &message);
    return wrong ? wrong : "";
}

std::string bytes(std::initializer_list<int> values)
{
    return {values.begin(), values.end()};
}

handoff_message socket_message(const std::string& name, const std::string& state,
                               std::uint32_t in_all)
{
    handoff_message message{};
    message.type = HANDOFF_SOCKET;
    message.number = in_all;
    message.text = name.data();
    message.text_size = name.size();
    message.state = state.data();
    message.state_size = state.size();
    return message;
}

} // namespace

TEST_GROUP(Wire){};

TEST(Wire, HelloIsTheBytesOfTheDocument)
{
    handoff_message message{};
    message.type = HANDOFF_HELLO;
    message.number = HOLDFAST_HANDOFF_GIVES | HOLDFAST_HANDOFF_TAKES;
    message.text = "web";
    message.text_size = 3;
    CHECK_TRUE(bytes({1, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 3, 'w', 'e', 'b'}) == packet_of(message));
}

TEST(Wire, SocketIsTheBytesOfTheDocument)
{
    CHECK_TRUE(bytes({1, 3, 0, 0, 0, 0, 0, 12, 0, 1, 0, 2, 0, 0, 0, 1, 'c', 9, 8, 7}) ==
               packet_of(socket_message("c", bytes({9, 8, 7}), 65538)));
}

TEST(Wire, WhatWasEncodedIsDecoded)
{
    const std::string packet = packet_of(socket_message("listen", std::string("a\0b", 3), 3));
    handoff_message read;
    CHECK_TRUE(handoff_decode(reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size(),
                              &read) == nullptr);
    CHECK_EQUAL(HANDOFF_SOCKET, read.type);
    CHECK_EQUAL(3u, read.number);
    CHECK_TRUE(std::string("listen") == std::string(read.text, read.text_size));
    CHECK_TRUE(std::string("a\0b", 3) ==
               std::string(static_cast<const char*>(read.state), read.state_size));
}

TEST(Wire, DamageIsNamed)
{
    const std::string good = packet_of(socket_message("c", "xyz", 3));
    CHECK_EQUAL(std::string(), wrong_with(good));
    auto with = [&](std::size_t at, int value) {
        std::string bad = good;
        bad[at] = static_cast<char>(value);
        return wrong_with(bad);
    };
    CHECK_EQUAL(std::string("it speaks another version of the protocol than 1"), with(0, 2));
    CHECK_EQUAL(std::string("a message has a type that nobody knows"), with(1, 0));
    CHECK_EQUAL(std::string("a message has a type that nobody knows"), with(1, 12));
    CHECK_EQUAL(std::string("a message has bytes set that must be 0"), with(3, 1));
    CHECK_EQUAL(std::string("a message is not as long as it says"), with(7, 11));
    CHECK_EQUAL(std::string("a socket's state is larger than 16 MiB"), with(8, 1 + 1));
    CHECK_EQUAL(std::string("a socket has more state than it said"), with(11, 2));
    CHECK_EQUAL(std::string("a name is longer than its message"), with(15, 5));
    CHECK_EQUAL(std::string("a name is not 1 to 255 printable characters without ':'"),
                with(15, 0));
    CHECK_EQUAL(std::string("a name is not 1 to 255 printable characters without ':'"),
                with(16, ':'));
    CHECK_EQUAL(std::string("a name is not 1 to 255 printable characters without ':'"),
                with(16, 7));
    CHECK_EQUAL(std::string("a message is cut short"), wrong_with(""));
    CHECK_EQUAL(std::string("a message is cut short"), wrong_with(good.substr(0, 7)));
    CHECK_EQUAL(std::string("a message is not as long as it says"), wrong_with(good + "z"));
    CHECK_EQUAL(std::string("a hello has roles that nobody knows"),
                wrong_with(bytes({1, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0, 16, 'w'})));
    CHECK_EQUAL(std::string("a message is longer than it should be"),
                wrong_with(bytes({1, 2, 0, 0, 0, 0, 0, 1, 0})));
    CHECK_EQUAL(std::string("a message is empty"), wrong_with(bytes({1, 4, 0, 0, 0, 0, 0, 0})));
    CHECK_EQUAL(std::string("a reason is not one line of at most 400 printable characters"),
                wrong_with(bytes({1, 11, 0, 0, 0, 0, 0, 2, 'a', '\n'})));
}

TEST(Wire, NoPacketIsReadBeyondItsEnd)
{
    // Each is as long as its memory, so that a sanitizer sees a byte too many.
    std::mt19937 random{7};
    std::string good = packet_of(socket_message("connection", std::string(40, 's'), 100));
    for (int round = 0; round < 20000; ++round) {
        std::vector<std::uint8_t> packet(good.begin(), good.end());
        for (int flip = 0; flip < 3; ++flip)
            packet[random() % packet.size()] = static_cast<std::uint8_t>(random());
        packet.resize(random() % (packet.size() + 1));
        packet.shrink_to_fit();
        handoff_message message;
        if (handoff_decode(packet.data(), packet.size(), &message) != nullptr)
            continue;
        CHECK_TRUE(message.text_size + message.state_size <= packet.size());
    }
}
