# SPDX-License-Identifier: Apache-2.0
#
# How a service hands its sockets over: the library for services, and the agent's side.
include_HEADERS += handoff/holdfast-handoff.h handoff/holdfast-handoff.hpp
lib_LIBRARIES += handoff/libholdfast-handoff.a
handoff_libholdfast_handoff_a_SOURCES = \
	handoff/channel.h handoff/channel.c \
	handoff/holdfast-handoff.h handoff/holdfast-handoff.c \
	handoff/holdfast-handoff.hpp \
	handoff/wire.h handoff/wire.c

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = handoff/holdfast-handoff.pc

# The agent's side; needs libholdfast-handoff.a, whose messages it shares, after itself.
noinst_LIBRARIES += handoff/libhandoff-agent.a
handoff_libhandoff_agent_a_SOURCES = \
	handoff/agent.h handoff/agent.cc \
	handoff/plain.h handoff/plain.cc

# The example of a service, and an agent without a network, for tests.
noinst_PROGRAMS += handoff/counter handoff/tests/agent-try
handoff_counter_SOURCES = handoff/counter.c handoff/counter-talk.h handoff/counter-talk.c
handoff_counter_LDADD = handoff/libholdfast-handoff.a
handoff_tests_agent_try_SOURCES = handoff/tests/agent-try.cc
handoff_tests_agent_try_LDADD = handoff/libhandoff-agent.a handoff/libholdfast-handoff.a common/libcommon.a

check_PROGRAMS += handoff/tests/handoff-test
TESTS += handoff/tests/handoff-test
handoff_tests_handoff_test_SOURCES = \
	handoff/tests/agent-test.cc \
	handoff/tests/main.cc \
	handoff/tests/plain-test.cc \
	handoff/tests/wire-test.cc
handoff_tests_handoff_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
handoff_tests_handoff_test_LDADD = handoff/libhandoff-agent.a handoff/libholdfast-handoff.a common/libcommon.a $(CPPUTEST_LIBS) -lpthread

dist_man_MANS += handoff/holdfast-handoff.3
EXTRA_DIST += doc/handoff.md
