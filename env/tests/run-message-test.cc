// SPDX-License-Identifier: Apache-2.0
//
// What is said of a command that another node runs.
#include <config.h>

#include "env/run-message.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::env;

TEST_GROUP(RunMessage){};

TEST(RunMessage, OrderIsReadAsItWasWritten)
{
    const RunOrder order{"ann", {"sh", "-c", "echo \"a b\"", ""}};
    CHECK_TRUE(*run_order_of(payload_of(order)) == order);
}

TEST(RunMessage, OrderThatIsNoneIsRefused)
{
    CHECK_FALSE(bool(run_order_of(payload_of({"ann", {}}))));
    CHECK_FALSE(bool(run_order_of(payload_of({"ann", {""}}))));
    for (const std::string text : {"", "{}", "[1]", R"({"user":"ann","command":"ls"})"})
        CHECK_TRUE(run_order_of(std::vector<std::uint8_t>{text.begin(), text.end()}).error().code ==
                   Errc::damaged);
}
