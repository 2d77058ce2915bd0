// SPDX-License-Identifier: Apache-2.0
//
// Runs the tests of handoff/.
#include <CppUTest/CommandLineTestRunner.h>

int main(int argc, char** argv)
{
    return CommandLineTestRunner::RunAllTests(argc, argv);
}
