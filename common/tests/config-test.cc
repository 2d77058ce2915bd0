// SPDX-License-Identifier: Apache-2.0
//
// Tests of common/config and common/text.
#include <config.h>

#include "common/config.h"
#include "common/text.h"

#include <CppUTest/CommandLineTestRunner.h>
#include <CppUTest/TestHarness.h>

using namespace holdfast;

TEST_GROUP(Config){std::string error(const char* text){auto config = parse_config(text, "h.conf");
return config ? "" : config.error().message;
}
}
;

TEST(Config, ReadsKeysAndForgivesCommentsAndBlanks)
{
    auto config = parse_config("# all of it\n\n  hypervisor = hv7   # mine\nbridge=br-int\r\n"
                               "libvirt_uri = test:///a#b\nvtep =\n",
                               "h.conf");
    CHECK_TRUE(bool(config));
    CHECK_EQUAL(std::string("hv7"), config->hypervisor);
    CHECK_EQUAL(std::string("br-int"), config->bridge);
    CHECK_EQUAL(std::string("test:///a#b"), config->libvirt_uri);
    CHECK_TRUE(config->vtep.empty());
}

TEST(Config, UnknownKeyNamesFileLineAndNearestKey)
{
    CHECK_EQUAL(std::string("h.conf, line 2: unknown key \"brigde\": did you mean \"bridge\"?"),
                error("\nbrigde = br0\n"));
}

TEST(Config, KeyFarFromAllListsThoseKnown)
{
    CHECK_TRUE(error("colour_of_sky = blue").find("known are hypervisor bridge") !=
               std::string::npos);
}

TEST(Config, KeySetTwiceIsRefused)
{
    CHECK_EQUAL(std::string("h.conf, line 2: bridge is set twice: keep one of the lines"),
                error("bridge = a\nbridge = b"));
}

TEST(Config, LineWithoutEqualsIsRefused)
{
    CHECK_EQUAL(std::string("h.conf, line 1: \"bridge br0\" is not \"key = value\""),
                error("bridge br0"));
}

TEST(Config, EmptyValueIsRefusedWhereOneIsNeeded)
{
    CHECK_EQUAL(std::string("h.conf, line 1: bridge has no value: give one, or take the line away"),
                error("bridge ="));
}

TEST(Config, LogLevelIsOneOfFive)
{
    CHECK_EQUAL(std::string("h.conf, line 1: log_level is \"loud\": give trace, debug, info, "
                            "warning or error"),
                error("log_level = loud"));
}

TEST(Config, NumbersAndRatesOfQuotasHaveTheirRanges)
{
    auto config = parse_config("capacity = 90\nrate_gib = 3/2\n", "h.conf");
    CHECK_EQUAL(90, config->capacity);
    CHECK_EQUAL(std::string("h.conf, line 1: quota_base is \"0\": give 1 to 1000000"),
                error("quota_base = 0"));
    CHECK_EQUAL(std::string("h.conf, line 1: capacity is \"x\": give 0 to 4000000"),
                error("capacity = x"));
    CHECK_EQUAL(std::string("h.conf, line 1: capacity has no value: give one, or take the line "
                            "away"),
                error("capacity ="));
    CHECK_EQUAL(std::string("h.conf, line 1: unknown key \"capazity\": did you mean \"capacity\"?"),
                error("capazity = 3"));
    for (const char* rate : {"x", "1/0", "-1", "1/", "1/2/3", "2000000"})
        CHECK_EQUAL("h.conf, line 1: rate_gib is \"" + std::string{rate} +
                        "\": give UNITS or UNITS/QUANTITY, of 0 to 1000000 and 1 to 10000",
                    error(("rate_gib = " + std::string{rate}).c_str()));
}

TEST(Config, MissingFileGivesDefaults)
{
    auto config = load_config("/nonexistent/holdfast.conf");
    CHECK_TRUE(bool(config));
    CHECK_TRUE(config->file.empty());
    CHECK_FALSE(config->hypervisor.empty());
}

TEST_GROUP(Text){};

TEST(Text, NearestIsEmptyWhenNothingIsNear)
{
    CHECK_EQUAL(std::string(), nearest("zebra", {"fw", "ids", "web-filter"}));
    CHECK_EQUAL(std::string("ids"), nearest("idz", {"fw", "ids"}));
    CHECK_EQUAL(std::string(), nearest(std::string(100000, 'x'), {"fw"}));
}

TEST(Text, OneLineHasNoControlCharactersAndAnEnd)
{
    CHECK_EQUAL(std::string("a b"), one_line("a\nb\n"));
    CHECK_EQUAL(std::string("aaa..."), one_line("aaaaaa", 3));
}

TEST(Text, Utf8IsToldFromNonsense)
{
    CHECK_TRUE(is_utf8("plain, \xc3\xa4, \xe2\x82\xac, \xf0\x9f\x98\x80"));
    CHECK_FALSE(is_utf8("\xff"));
    CHECK_FALSE(is_utf8("\xc3"));
    CHECK_FALSE(is_utf8("\xc0\x80"));
    CHECK_FALSE(is_utf8("\xed\xa0\x80"));
    CHECK_FALSE(is_utf8("\xf4\x90\x80\x80"));
}

TEST(Text, NumberIsWholeAndNothingElse)
{
    CHECK_EQUAL(-12, *parse_number("-12"));
    for (const char* bad : {"", " 1", "1 ", "1x", "0x1", "+1", "1.0", "99999999999999999999"})
        CHECK_FALSE(parse_number(bad).has_value());
}

TEST(Text, PortIsFrom1To65535)
{
    CHECK_EQUAL(65535, *parse_port("65535"));
    for (const char* bad : {"0", "65536", "-1", "http", ""})
        CHECK_FALSE(parse_port(bad).has_value());
}

TEST(Text, LowerChangesLettersOfAsciiOnly)
{
    CHECK_EQUAL(std::string("ae:48 \xc3\x84"), lower("AE:48 \xc3\x84"));
}

int main(int argc, char** argv)
{
    std::vector<const char*> args(argv, argv + argc);
    args.push_back("-p");
    return CommandLineTestRunner::RunAllTests(int(args.size()), args.data());
}
