// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/features: spec R2; and of the table that ships.
#include <config.h>

#include "recovery/features.h"

#include <fstream>
#include <sstream>

#include <CppUTest/TestHarness.h>

using namespace holdfast::recovery;

TEST_GROUP(R2Features){static FeatureTable shipped(){std::ifstream file{FEATURES};
std::stringstream text;
text << file.rdbuf();
FeatureTable table;
const auto done = table.add(text.str(), "features.conf");
STRCMP_EQUAL("", done ? "" : done.error().message.c_str());
return table;
}
static std::string refused(const std::string& text)
{
    FeatureTable table;
    const auto done = table.add(text, "f");
    return done ? "taken" : done.error().message;
}
}
;

TEST(R2Features, TheCommonOnesShip)
{
    const FeatureTable table = shipped();
    CHECK_TRUE((Element{"language", "Node.js", "18.2"}) == table.software("nodejs", "18.2"));
    CHECK_TRUE((Element{"database", "MySQL", ""}) == table.software("MySQL", ""));
    CHECK_TRUE((Element{"database", "PostgreSQL", ""}) == table.software("POSTGRES", ""));
    CHECK_TRUE((Element{"web-server", "nginx", ""}) == table.software("nginx", ""));
    CHECK_TRUE((Element{"web-server", "Apache", ""}) == table.software("httpd", ""));
    for (const char* one :
         {"language", "database", "web-server", "os", "cpu", "memory", "disk", "data", "software"})
        CHECK_TRUE(table.features().contains(one));
}

TEST(R2Features, WhatNoTableKnowsIsSoftware)
{
    const FeatureTable table;
    CHECK_TRUE((Element{"software", "Frob", "1"}) == table.software("Frob", "1"));
    CHECK_TRUE((Element{"database", "Frob", "1"}) == table.software("Frob", "1", "database"));
}

TEST(R2Features, AnOperatorsFileAddsAndIsRightWhereTheyDiffer)
{
    FeatureTable table = shipped();
    CHECK_TRUE(
        static_cast<bool>(table.add("# ours\n[cache]\n  Redis = redis-server\nFrob\n", "f")));
    CHECK_TRUE((Element{"cache", "Redis", ""}) == table.software("redis-server", ""));
    CHECK_TRUE((Element{"cache", "Frob", ""}) == table.software("frob", ""));
    CHECK_TRUE((Element{"database", "MySQL", ""}) == table.software("mysqld", ""));
    CHECK_TRUE(table.features().contains("cache"));
}

TEST(R2Features, BadLinesAreRefusedInOneLineAndAddNothing)
{
    STRCMP_EQUAL("f:2: \"[Web Server]\" is no feature: write [FEATURE], in small letters",
                 refused("\n[Web Server]\n").c_str());
    STRCMP_EQUAL("f:1: \"[\" is no feature: write [FEATURE], in small letters",
                 refused("[").c_str());
    STRCMP_EQUAL("f:1: \"nginx\" is of no feature: write [FEATURE] on a line before it",
                 refused("nginx").c_str());
    STRCMP_EQUAL("f:2: \"A = b,,c\" has an empty name: write NAME, or NAME = OTHER NAME, several "
                 "with commas",
                 refused("[x]\nA = b,,c").c_str());
    FeatureTable table;
    CHECK_FALSE(static_cast<bool>(table.add("[x]\nA\n= b\n", "f")));
    CHECK_TRUE((Element{"software", "A", ""}) == table.software("A", ""));
    CHECK_FALSE(table.features().contains("x"));
}
