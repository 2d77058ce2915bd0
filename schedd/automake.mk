# SPDX-License-Identifier: Apache-2.0
#
# The decisions of quotas and balance.  Used by the daemon, and by bench/decisions.
noinst_LIBRARIES += schedd/libschedd.a
schedd_libschedd_a_SOURCES = \
	schedd/amount.h schedd/amount.cc \
	schedd/averages.h schedd/averages.cc \
	schedd/balance.h schedd/balance.cc \
	schedd/consolidate.cc \
	schedd/environment.h \
	schedd/even.cc \
	schedd/headroom.cc \
	schedd/join.cc \
	schedd/leader.cc \
	schedd/main-nodes.h schedd/main-nodes.cc \
	schedd/maximum.cc \
	schedd/plan.h schedd/plan.cc \
	schedd/policy.h schedd/policy.cc \
	schedd/pool.h schedd/pool.cc \
	schedd/review.h schedd/review.cc \
	schedd/spare.h schedd/spare.cc \
	schedd/stand-in.cc \
	schedd/steps.h \
	schedd/units.h schedd/units.cc \
	schedd/use.h schedd/use.cc

check_PROGRAMS += schedd/tests/schedd-test
TESTS += schedd/tests/schedd-test
schedd_tests_schedd_test_SOURCES = \
	schedd/tests/amount-test.cc \
	schedd/tests/averages-test.cc \
	schedd/tests/balance-test.cc \
	schedd/tests/balance-property-test.cc \
	schedd/tests/consolidate-test.cc \
	schedd/tests/failure-test.cc \
	schedd/tests/fleet.h \
	schedd/tests/join-test.cc \
	schedd/tests/leader-test.cc \
	schedd/tests/main.cc \
	schedd/tests/main-nodes-test.cc \
	schedd/tests/maximum-test.cc \
	schedd/tests/pool-test.cc \
	schedd/tests/pool-property-test.cc \
	schedd/tests/review-test.cc \
	schedd/tests/spare-test.cc \
	schedd/tests/values.h
schedd_tests_schedd_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
schedd_tests_schedd_test_LDADD = schedd/libschedd.a common/libcommon.a $(CPPUTEST_LIBS) $(SPDLOG_LIBS)

# The daemon: all but main() is a library.
noinst_LIBRARIES += schedd/libscheddaemon.a
schedd_libscheddaemon_a_SOURCES = \
	schedd/balance-memory.h schedd/balance-memory.cc \
	schedd/balance-rows.h schedd/balance-rows.cc \
	schedd/cpu-source.h schedd/cpu-source.cc \
	schedd/daemon.h schedd/daemon.cc schedd/daemon-balance.cc \
	schedd/decisions.h schedd/decisions.cc \
	schedd/decisions-review.cc \
	schedd/load-meter.h schedd/load-meter.cc \
	schedd/recent.h schedd/recent.cc \
	schedd/settings.h schedd/settings.cc \
	schedd/share-rows.h schedd/share-rows.cc
schedd_libscheddaemon_a_CPPFLAGS = $(AM_CPPFLAGS) $(SPDLOG_CFLAGS)

sbin_PROGRAMS += schedd/holdfast-schedd
schedd_holdfast_schedd_SOURCES = schedd/schedd.cc
schedd_holdfast_schedd_CPPFLAGS = $(AM_CPPFLAGS) $(SPDLOG_CFLAGS)
schedd_holdfast_schedd_LDADD = schedd/libscheddaemon.a schedd/libschedd.a db/libfleet.a db/libdb.a \
	common/libcommon.a $(OVS_LIBS) $(SQLITE_LIBS) $(SPDLOG_LIBS)

check_PROGRAMS += schedd/tests/daemon-test
TESTS += schedd/tests/daemon-test
schedd_tests_daemon_test_SOURCES = \
	schedd/tests/balance-rows-test.cc \
	schedd/tests/cpu-source-test.cc \
	schedd/tests/decisions-test.cc \
	schedd/tests/load-meter-test.cc \
	schedd/tests/main.cc \
	schedd/tests/settings-test.cc
schedd_tests_daemon_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
schedd_tests_daemon_test_LDADD = schedd/libscheddaemon.a schedd/libschedd.a db/libdb.a \
	common/libcommon.a $(CPPUTEST_LIBS) $(SQLITE_LIBS) $(SPDLOG_LIBS)

dist_man_MANS += schedd/holdfast-schedd.8
EXTRA_DIST += schedd/holdfast-schedd.service.in

nodist_systemunit_DATA += schedd/holdfast-schedd.service
CLEANFILES += schedd/holdfast-schedd.service
schedd/holdfast-schedd.service: schedd/holdfast-schedd.service.in
	$(AM_V_GEN)$(MKDIR_P) schedd && sed 's,[@]sbindir[@],$(sbindir),' $< > $@.tmp && mv $@.tmp $@
