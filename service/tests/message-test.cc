// SPDX-License-Identifier: Apache-2.0
//
// Tests of service/message: what the two sides of a move say is understood, or refused.
#include <config.h>

#include "service/message.h"

#include <random>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::service;

namespace {

std::vector<MovedSocket> two()
{
    return {{"listen:10.0.0.5:80", {1, 2, 3}, {}}, {"connection", {0, 0xff}, {7}}};
}

Hello hello()
{
    Hello h;
    h.move = "m1";
    h.home = "hv1";
    h.mode = "handoff";
    h.speaks = true;
    h.service = "s1";
    h.name = "web";
    return h;
}

} // namespace

TEST_GROUP(Message){};

TEST(Message, HelloComesThrough)
{
    auto payload = payload_of(to_json(hello()));
    auto json = parse_payload(payload);
    CHECK_TRUE(bool(json));
    auto read = hello_of(*json);
    CHECK_TRUE(bool(read));
    CHECK_TRUE(*read == hello());
}

TEST(Message, HelloOfAnotherVersionSaysWhatToDo)
{
    auto json = to_json(hello());
    json["version"] = 3;
    auto read = hello_of(json);
    CHECK_FALSE(bool(read));
    STRCMP_EQUAL("the other side moves services by version 3, this one by 2: bring both to one "
                 "version of Holdfast",
                 read.error().message.c_str());
}

TEST(Message, HelloWithoutItsMoveIsDamaged)
{
    auto json = to_json(hello());
    json.erase("move");
    CHECK_TRUE(hello_of(json).error().code == Errc::damaged);
}

TEST(Message, PayloadThatIsNoObjectIsDamaged)
{
    for (const char* text : {"", "[]", "{", "\xff\xfe", "7"}) {
        std::string payload{text};
        auto json =
            parse_payload({reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()});
        CHECK_FALSE(bool(json));
    }
}

TEST(Message, SocketsComeThrough)
{
    auto read = decode_sockets(encode(two()));
    CHECK_TRUE(bool(read));
    CHECK_TRUE(*read == two());
    CHECK_TRUE(decode_sockets({})->empty());
}

TEST(Message, SocketsThatAreCutShortAreDamaged)
{
    const auto whole = encode(two());
    const auto sockets = two();
    const std::size_t first = encode(std::span{sockets}.first(1)).size();
    for (std::size_t size = 1; size < whole.size(); ++size) {
        if (size != first)
            CHECK_FALSE(bool(decode_sockets(std::span{whole}.first(size))));
    }
}

TEST(Message, FilePartComesThrough)
{
    FilePart part{"pages-1.img", 3, true, {1, 2, 3}};
    auto read = decode_part(encode(part));
    CHECK_TRUE(bool(read));
    CHECK_TRUE(*read == part);
}

TEST(Message, FileIsNeverOutsideOfItsFolder)
{
    for (const char* name : {"", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "a b", "a\n"})
        CHECK_FALSE(bool(decode_part(encode(FilePart{name, 0, false, {}}))));
}

TEST(Message, NonsenseIsNeverTakenForMore)
{
    std::mt19937 random{5};
    for (int i = 0; i < 20000; ++i) {
        std::vector<std::uint8_t> bytes(random() % 40);
        for (auto& byte : bytes)
            byte = static_cast<std::uint8_t>(random() % 4 ? random() % 6 : random());
        std::size_t size = 0;
        if (auto sockets = decode_sockets(bytes)) {
            for (const MovedSocket& socket : *sockets)
                size += 12 + socket.name.size() + socket.image.size() + socket.state.size();
            LONGS_EQUAL(bytes.size(), size);
        }
        if (auto part = decode_part(bytes))
            LONGS_EQUAL(bytes.size(), 9 + part->name.size() + part->bytes.size());
    }
}

TEST(Message, PlaceOfASocketComesThrough)
{
    const Held held{12, 5};
    STRCMP_EQUAL("12/5", text(held).c_str());
    auto read = parse_held("12/5");
    CHECK_TRUE(bool(read));
    CHECK_TRUE(*read == held);
    for (const char* wrong :
         {"", "/", "12", "12/", "/5", "0/5", "12/-1", "12/5/1", "99999999999/1"})
        CHECK_TRUE(parse_held(wrong).error().code == Errc::damaged);
}

TEST(Message, NeighboursComeThrough)
{
    const std::vector<sockets::Neighbour> two{{"10.0.0.1", "02:00:00:00:00:01"},
                                              {"fd00::1", "02:00:00:00:00:02"}};
    CHECK_TRUE(neighbours_of(to_json(two)) == two);
    CHECK_TRUE(neighbours_of(nlohmann::json::array()).empty());
    CHECK_THROWS(nlohmann::json::exception,
                 neighbours_of(nlohmann::json::parse("[{\"ip\": \"10.0.0.1\"}]")));
}
