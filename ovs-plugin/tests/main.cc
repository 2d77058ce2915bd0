// SPDX-License-Identifier: Apache-2.0
//
// Runs the module's unit tests.
#include <CppUTest/CommandLineTestRunner.h>

int main(int argc, char** argv)
{
    return CommandLineTestRunner::RunAllTests(argc, argv);
}
