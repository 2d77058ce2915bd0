# SPDX-License-Identifier: Apache-2.0
#
# The sockets of a network namespace: what they are, saved, made again, flushed, woken.
noinst_LIBRARIES += sockets/libsockets.a
sockets_libsockets_a_SOURCES = \
	sockets/arrival.cc \
	sockets/arrival.h \
	sockets/diag.cc \
	sockets/diag.h \
	sockets/flush-state.cc \
	sockets/flush.cc \
	sockets/flush.h \
	sockets/forge.cc \
	sockets/forge.h \
	sockets/guard.cc \
	sockets/guard.h \
	sockets/image-codec.cc \
	sockets/image.cc \
	sockets/image.h \
	sockets/neighbours.cc \
	sockets/neighbours.h \
	sockets/options.cc \
	sockets/options.h \
	sockets/refusal.cc \
	sockets/refusal.h \
	sockets/resend.cc \
	sockets/resend.h \
	sockets/restore.cc \
	sockets/restore.h \
	sockets/save.cc \
	sockets/save.h \
	sockets/space.cc \
	sockets/space.h \
	sockets/survey.cc \
	sockets/survey.h \
	sockets/syscalls.h \
	sockets/verify.cc \
	sockets/wake.cc \
	sockets/wake.h
sockets_libsockets_a_CPPFLAGS = $(AM_CPPFLAGS) $(NFTABLES_CFLAGS) $(MNL_CFLAGS)
# For programs with the library.
SOCKETS_LIBS = sockets/libsockets.a common/libcommon.a $(NFTABLES_LIBS) $(MNL_LIBS)

check_PROGRAMS += sockets/tests/sockets-test
TESTS += sockets/tests/sockets-test
sockets_tests_sockets_test_SOURCES = \
	sockets/tests/flush-state-test.cc \
	sockets/tests/forge-test.cc \
	sockets/tests/image-test.cc \
	sockets/tests/main.cc \
	sockets/tests/refusal-test.cc
sockets_tests_sockets_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
sockets_tests_sockets_test_LDADD = $(SOCKETS_LIBS) $(CPPUTEST_LIBS)

# Real sockets in namespaces: testsuite/sockets.at runs it.
noinst_PROGRAMS += sockets/tests/netns-test
sockets_tests_netns_test_SOURCES = \
	sockets/tests/mover.cc \
	sockets/tests/mover.h \
	sockets/tests/netns-flush-test.cc \
	sockets/tests/netns-kind-test.cc \
	sockets/tests/netns-main.cc \
	sockets/tests/netns-neighbours-test.cc \
	sockets/tests/netns-state-test.cc \
	sockets/tests/netns-survey-test.cc \
	sockets/tests/world.cc \
	sockets/tests/world.h
sockets_tests_netns_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS) $(NFTABLES_CFLAGS)
sockets_tests_netns_test_LDADD = $(SOCKETS_LIBS) $(CPPUTEST_LIBS)

# Microseconds for each connection.
noinst_PROGRAMS += sockets/tests/measure
sockets_tests_measure_SOURCES = \
	sockets/tests/measure.cc \
	sockets/tests/world.cc \
	sockets/tests/world.h
sockets_tests_measure_CPPFLAGS = $(AM_CPPFLAGS) $(NFTABLES_CFLAGS)
sockets_tests_measure_LDADD = $(SOCKETS_LIBS)
