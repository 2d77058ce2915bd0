// SPDX-License-Identifier: Apache-2.0
//
// Tests of handoff/plain.
#include <config.h>

#include "handoff/plain.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::handoff;

TEST_GROUP(Plain){};

TEST(Plain, TheEnvironmentNamesEachSocketInItsOrder)
{
    std::vector<Socket> sockets(2);
    sockets[0].name = "listen";
    sockets[1].name = "connection";
    std::vector<std::string> environment{"PATH=/bin", "LISTEN_FDS=9", "LISTEN_FDNAMES=old", "A=b",
                                         "LISTEN_PID=1"};
    std::vector<std::string> expected{"PATH=/bin", "A=b", "LISTEN_FDS=2", "LISTEN_PID=7",
                                      "LISTEN_FDNAMES=listen:connection"};
    CHECK_TRUE(expected == plain_environment(environment, sockets, 7));
}

TEST(Plain, WithoutSocketsNothingIsSaidOfThem)
{
    std::vector<std::string> environment{"LISTEN_FDS=9", "A=b"};
    CHECK_TRUE(std::vector<std::string>{"A=b"} == plain_environment(environment, {}, 7));
}
