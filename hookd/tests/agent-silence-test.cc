// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/agent-silence: spec R8.
#include <config.h>

#include "hookd/agent-silence.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::hookd;

TEST_GROUP(R8AgentSilence)
{
    using Seconds = AgentSilence::Seconds;
    AgentSilence agents;
    AgentSilence::Time now{Seconds{1000}};

    void ask(AgentSign sign, bool runs = true, int times = 1)
    {
        for (int i = 0; i < times; ++i)
            agents.asked("v", sign, runs, now += Seconds{10});
    }
    /// In seconds; -1: it does not count.
    long silent() const
    {
        const auto silence = agents.of("v", now);
        return silence ? static_cast<long>(silence->count()) : -1;
    }
};

TEST(R8AgentSilence, OnlyWhatHasAnsweredIsMissedAndNotAtOnce)
{
    ask(AgentSign::silent, true, 5);
    CHECK_EQUAL(-1, silent());
    ask(AgentSign::answers);
    ask(AgentSign::silent, true, 2);
    CHECK_EQUAL(0, silent());
    ask(AgentSign::silent);
    CHECK_EQUAL(30, silent());
    CHECK_EQUAL(1U, agents.all(now).size());
    ask(AgentSign::answers);
    CHECK_EQUAL(0, silent());
}

TEST(R8AgentSilence, APauseIsNone)
{
    ask(AgentSign::answers);
    ask(AgentSign::silent, false, 6);
    ask(AgentSign::silent); // It goes on, and its agent needs a moment.
    CHECK_EQUAL(-1, silent());
    ask(AgentSign::answers);
    ask(AgentSign::silent, true, 4);
    agents.forget("v"); // As at an event.
    CHECK_EQUAL(-1, silent());
}

TEST(R8AgentSilence, AnAgentThatWasEndedDoesNotHang)
{
    ask(AgentSign::answers);
    ask(AgentSign::silent, true, 2);
    ask(AgentSign::away, true, 4);
    CHECK_EQUAL(-1, silent());
}

TEST(R8AgentSilence, WhetherItIsConnectedStandsInTheDomain)
{
    const auto channel = [](const std::string& name, const std::string& state) {
        return "<devices><channel type='unix'><source mode='bind' "
               "path='/run/libvirt/qemu/channel/1-v/" +
               name + "'/><target type='virtio' name='" + name + "'" + state +
               "/></channel><channel><target name='other' state='connected'/></channel></devices>";
    };
    CHECK_TRUE(has_agent(channel("org.qemu.guest_agent.0", " state='connected'")));
    CHECK_FALSE(has_agent(channel("org.qemu.guest_agent.0", " state='disconnected'")));
    CHECK_FALSE(has_agent(channel("org.qemu.guest_agent.0", "")));
    CHECK_FALSE(has_agent(channel("com.redhat.spice.0", " state='connected'")));
}
