// SPDX-License-Identifier: Apache-2.0
//
// Runs the unit tests of environments, each in a process of its own, so that an
// exception ends one test.
#include <config.h>

#include <vector>

#include <CppUTest/CommandLineTestRunner.h>

int main(int argc, char** argv)
{
    std::vector<const char*> args(argv, argv + argc);
    args.push_back("-p");
    return CommandLineTestRunner::RunAllTests(static_cast<int>(args.size()), args.data());
}
