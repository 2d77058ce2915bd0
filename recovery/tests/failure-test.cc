// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/failure: spec R8.
#include <config.h>

#include "recovery/failure.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::recovery;
using namespace std::chrono_literals;

TEST_GROUP(R8Failure)
{
    Signs signs;

    std::string found() const
    {
        return std::string{name_of(diagnose(signs, {}))};
    }
};

TEST(R8Failure, NoSignIsNoFailure)
{
    STRCMP_EQUAL("none", found().c_str());
    signs.agent_silent = signs.service_silent = 0s;
    STRCMP_EQUAL("none", found().c_str());
    signs.agent_silent = 29s;
    signs.service_silent = 9s;
    STRCMP_EQUAL("none", found().c_str());
}

TEST(R8Failure, AQemuThatCrashedAndAGuestPausedByAnErrorAreToldApart)
{
    signs.domain = DomainState::crashed;
    STRCMP_EQUAL("crashed", found().c_str());
    signs.domain = DomainState::halted;
    STRCMP_EQUAL("halted", found().c_str());
}

TEST(R8Failure, WhatSomebodyPausedOrEndedIsNoFailure)
{
    signs.agent_silent = signs.service_silent = 1h;
    signs.domain = DomainState::paused;
    STRCMP_EQUAL("none", found().c_str());
    signs.domain = DomainState::off;
    STRCMP_EQUAL("none", found().c_str());
    signs.domain = DomainState::runs;
    signs.moving = true;
    STRCMP_EQUAL("none", found().c_str());
}

TEST(R8Failure, AGuestHangsIfNothingInItAnswersAnyMore)
{
    signs.agent_silent = 30s;
    STRCMP_EQUAL("hung", found().c_str());
    signs.service_silent = 0s; // The agent alone has ended.
    STRCMP_EQUAL("none", found().c_str());
    signs.service_silent = 10s;
    STRCMP_EQUAL("hung", found().c_str());
    signs.agent_silent = 1s; // The service alone has.
    STRCMP_EQUAL("service-down", found().c_str());
    signs.agent_silent.reset(); // Nobody tells more than the service.
    STRCMP_EQUAL("hung", found().c_str());
}

TEST(R8Failure, ADeadHypervisorAndOneThatIsCutOffAreToldApart)
{
    signs.domain = DomainState::crashed; // Heard before: it may be so no more.
    signs.hypervisor_heard = false;
    STRCMP_EQUAL("cut-off", found().c_str());
    signs.hypervisor_answers = false;
    STRCMP_EQUAL("hypervisor-dead", found().c_str());
    signs.known_to_answer = false; // As behind a firewall.
    STRCMP_EQUAL("cut-off", found().c_str());
}

TEST(R8Failure, AVmThatMayRunIsNotRecoveredByItself)
{
    for (Failure one : {Failure::crashed, Failure::halted, Failure::hung, Failure::hypervisor_dead})
        CHECK_TRUE(is_recovered(one));
    for (Failure one : {Failure::none, Failure::service_down, Failure::cut_off})
        CHECK_FALSE(is_recovered(one));
}
