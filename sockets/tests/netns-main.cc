// SPDX-License-Identifier: Apache-2.0
//
// Runs the tests of sockets/ in namespaces, all in one set of these.
#include <config.h>

#include <cstdio>
#include <exception>

#include "sockets/tests/world.h"

#include <CppUTest/CommandLineTestRunner.h>

int main(int argc, char** argv)
{
    using namespace holdfast::sockets::tests;
    try {
        Wires wires;
        World::wires = &wires;
        return CommandLineTestRunner::RunAllTests(argc, argv);
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "netns-test: %s\n", failed.what());
        return 1;
    }
}
