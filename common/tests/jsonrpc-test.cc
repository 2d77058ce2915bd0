// SPDX-License-Identifier: Apache-2.0
//
// Tests of common/jsonrpc.
#include <config.h>

#include "common/jsonrpc.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::jsonrpc;

namespace {

/// What a framer has to say about `text`: its objects joined by '|', then "!" for an error.
std::string cut(Framer& framer, const std::string& text)
{
    framer.feed(text);
    std::string all;
    for (;;) {
        auto object = framer.next();
        if (!object)
            return all + "!";
        if (!*object)
            return all;
        all += **object + "|";
    }
}

std::string cut(const std::string& text)
{
    Framer framer;
    return cut(framer, text);
}

} // namespace

TEST_GROUP(JsonRpc){};

TEST(JsonRpc, RequestSurvivesTheWire)
{
    Request request{7, "holdfast/turn", {"a\"b\\c", "", "\n{]"}};
    auto back = parse_request(encode(request));
    CHECK_TRUE(bool(back));
    CHECK_TRUE(*back == request);
}

TEST(JsonRpc, ReplySurvivesTheWire)
{
    for (bool ok : {true, false}) {
        Reply reply{-3, ok, "two\nlines }{"};
        auto back = parse_reply(encode(reply));
        CHECK_TRUE(bool(back));
        CHECK_TRUE(*back == reply);
    }
}

TEST(JsonRpc, TextThatIsNotUtf8IsSentAllTheSame)
{
    CHECK_TRUE(bool(parse_request(encode(Request{1, "m", {"\xff\xfe"}}))));
}

TEST(JsonRpc, ReplyOfOpenVswitchIsUnderstood)
{
    auto reply = parse_reply(R"({"error":null,"id":0,"result":"3.1.0\n"})");
    CHECK_TRUE(bool(reply));
    CHECK_TRUE((*reply == Reply{0, true, "3.1.0\n"}));
}

TEST(JsonRpc, MalformedMessagesAreErrors)
{
    for (const char* text :
         {"", "{", "[]", "7", "{}", R"({"id":1})", R"({"id":"x","result":"a","error":null})",
          R"({"id":1,"result":null,"error":null})", R"({"id":1,"result":"a","error":"b"})",
          R"({"id":1,"result":{},"error":null})", R"({"id":1.5,"result":"a","error":null})"}) {
        auto reply = parse_reply(text);
        CHECK_FALSE(bool(reply));
        CHECK_TRUE(reply.error().code == Errc::damaged);
    }
    for (const char* text :
         {R"({"id":1,"method":3,"params":[]})", R"({"id":1,"method":"m","params":"x"})",
          R"({"id":1,"method":"m","params":[1]})", R"({"method":"m","params":[]})"})
        CHECK_FALSE(bool(parse_request(text)));
}

TEST(JsonRpc, StreamIsCutIntoItsObjects)
{
    CHECK_EQUAL(std::string(R"({"a":1}|{"b":[{}]}|)"), cut(" {\"a\":1}\n{\"b\":[{}]} "));
    CHECK_EQUAL(std::string(R"({"a":"}\"{\\"}|)"), cut(R"({"a":"}\"{\\"})"));
}

TEST(JsonRpc, AnySplitOfTheBytesGivesTheSameObjects)
{
    const std::string stream = R"({"a":"}\"{\\"}{"b":[1,{"c":"]"}]})";
    for (std::size_t at = 0; at <= stream.size(); ++at) {
        Framer framer;
        std::string first = cut(framer, stream.substr(0, at));
        CHECK_EQUAL(cut(stream), first + cut(framer, stream.substr(at)));
        CHECK_TRUE(framer.idle());
    }
}

TEST(JsonRpc, AnUnfinishedObjectIsNotIdle)
{
    Framer framer;
    CHECK_EQUAL(std::string(), cut(framer, " {"));
    CHECK_FALSE(framer.idle());
}

TEST(JsonRpc, JunkIsAnError)
{
    CHECK_EQUAL(std::string("!"), cut("hello"));
    CHECK_EQUAL(std::string("{}|!"), cut("{}]"));
    CHECK_EQUAL(std::string("!"), cut("[1]"));
}

TEST(JsonRpc, AnObjectBeyondTheLimitIsAnError)
{
    Framer framer{100};
    CHECK_EQUAL(std::string("!"), cut(framer, "{\"a\":\"" + std::string(200, 'x')));
}

TEST(JsonRpc, AHugeObjectInSmallPiecesIsCutOnce)
{
    const std::string huge = encode(Reply{1, true, std::string(3'000'000, 'x')});
    Framer framer;
    std::string all;
    for (std::size_t at = 0; at < huge.size(); at += 1000)
        all += cut(framer, huge.substr(at, 1000));
    CHECK_EQUAL(huge.size() + 1, all.size());
}
