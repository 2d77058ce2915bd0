// SPDX-License-Identifier: Apache-2.0
//
// Tests of sockets/image: its form on the wire (spec S7).
#include <config.h>

#include <sys/socket.h>

#include <random>

#include "sockets/image.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::sockets;

namespace {

SocketImage connection()
{
    SocketImage image;
    image.kind = Kind::connection;
    image.family = AF_INET6;
    image.local.ip = {0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
    image.local.port = 443;
    image.remote.ip = {0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
    image.remote.port = 40000;
    image.device = "eth0";
    image.non_blocking = true;
    image.user = 33;
    image.group = 34;
    image.receive_buffer = 131072;
    image.send_buffer = 87040;
    image.buffer_lock = 3;
    image.reuse_address = true;
    image.options = {{80, std::string("\1\0\0\0", 4)}, {90, "cubic"}};
    Stream& stream = image.stream;
    stream.state = TcpState::fin_wait1;
    stream.receive_next = 0xfffffff0;
    stream.write_next = 12;
    stream.received = "received";
    stream.unacknowledged = std::string("un\0acknowledged", 15);
    stream.unsent = "unsent";
    stream.mss = 1428;
    stream.window_scaling = stream.sack = stream.timestamps = true;
    stream.send_scale = 7;
    stream.receive_scale = 14;
    stream.timestamp = 0x80000002;
    stream.window = {1, 2, 3, 4, 5};
    stream.window_clamp = 65536;
    return image;
}

SocketImage listener()
{
    SocketImage image;
    image.kind = Kind::listener;
    image.family = AF_INET;
    image.local = {{10, 9, 0, 2}, 80};
    image.backlog = 4096;
    return image;
}

SocketImage datagram()
{
    SocketImage image;
    image.kind = Kind::datagram;
    image.family = AF_INET;
    image.local = {{10, 9, 0, 2}, 53};
    image.datagrams = {{{{10, 9, 0, 9}, 5353}, {{10, 9, 0, 2}, 53}, "question"},
                       {{{10, 9, 0, 8}, 5354}, {{10, 9, 0, 2}, 53}, ""}};
    return image;
}

const SocketImage images[] = {connection(), listener(), datagram()};

} // namespace

TEST_GROUP(Image){};

TEST(Image, DecodesToWhatWasEncoded)
{
    for (const SocketImage& image : images)
        CHECK_TRUE(image == *decode(encode(image)));
}

TEST(Image, EveryShorterOrLongerFormIsDamaged)
{
    for (const SocketImage& image : images) {
        const std::string bytes = encode(image);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            CHECK_FALSE(bool(decode(std::string_view{bytes}.substr(0, size))));
        CHECK_FALSE(bool(decode(bytes + "x")));
    }
}

TEST(Image, DamagedFormIsAnErrorOrAnotherImageAndNeverACrash)
{
    std::mt19937 random{4711};
    for (int i = 0; i < 30000; ++i) {
        std::string bytes = encode(images[static_cast<std::size_t>(i) % 3]);
        for (unsigned n = 1 + random() % 4; n > 0; --n)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        const auto image = decode(bytes);
        if (image) // What it accepts it can say again.
            CHECK_TRUE(*image == *decode(encode(*image)));
        else
            CHECK_FALSE(image.error().message.empty());
    }
}

TEST(Image, LaterVersionIsToldApart)
{
    std::string bytes = encode(listener());
    bytes[4] = 2;
    LONGS_EQUAL(int(Errc::too_new), int(decode(bytes).error().code));
    bytes[0] = 'X';
    LONGS_EQUAL(int(Errc::damaged), int(decode(bytes).error().code));
}

TEST(Image, StatesThatNobodyHoldsAreDamaged)
{
    SocketImage image = connection();
    for (const auto state : {TcpState::time_wait, TcpState::syn_received, TcpState::listening}) {
        image.stream.state = state;
        CHECK_FALSE(bool(decode(encode(image))));
    }
    image = connection();
    image.stream.send_scale = 15; // RFC 7323: 14 at most.
    CHECK_FALSE(bool(decode(encode(image))));
}

TEST(Image, FirstUnacknowledgedIsBeforeDataAndFin)
{
    Stream stream = connection().stream;
    LONGS_EQUAL(12 - 1 - 15 - 6 + 0x100000000, stream.first_unacknowledged());
    stream.state = TcpState::established;
    LONGS_EQUAL(12 - 15 - 6 + 0x100000000, stream.first_unacknowledged());
}

TEST(Image, NameSaysWhatItIs)
{
    STRCMP_EQUAL("TCP [fd09::2]:443 to [fd09::9]:40000 (FIN_WAIT1)", text(connection()).c_str());
    STRCMP_EQUAL("TCP listener 10.9.0.2:80", text(listener()).c_str());
    STRCMP_EQUAL("UDP socket 10.9.0.2:53", text(datagram()).c_str());
    Endpoint mapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 9, 0, 2}, 80};
    STRCMP_EQUAL("10.9.0.2:80", text(AF_INET6, mapped).c_str());
}
