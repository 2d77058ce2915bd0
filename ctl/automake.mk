# SPDX-License-Identifier: Apache-2.0
#
# The holdfast command: a library of formatting and verbs, so that it can be tested.
bin_PROGRAMS += ctl/holdfast
ctl_holdfast_SOURCES = ctl/holdfast.cc ctl/order.h ctl/order-balancer.cc ctl/order-env.cc ctl/order-quota.cc ctl/order-recovery.cc ctl/order-service.cc
ctl_holdfast_LDADD = ctl/libctl.a env/libenv.a recovery/librecovery.a ctl/libcertificate.a db/libdb.a common/libcommon.a $(SQLITE_LIBS) $(SPDLOG_LIBS) $(OPENSSL_LIBS) -lpthread

noinst_LIBRARIES += ctl/libctl.a
ctl_libctl_a_SOURCES = \
	ctl/answers.h ctl/answers.cc \
	ctl/balancer.h ctl/balancer.cc \
	ctl/balancer-counters.h ctl/balancer-counters.cc \
	ctl/env.h ctl/env.cc \
	ctl/migration.h ctl/migration.cc \
	ctl/move-line.h ctl/move-line.cc \
	ctl/node.h ctl/node.cc \
	ctl/quota.h ctl/quota.cc \
	ctl/recovery.h ctl/recovery.cc \
	ctl/service.h ctl/service.cc \
	ctl/session.h ctl/session.cc \
	ctl/status.h ctl/status.cc \
	ctl/store-watch.h ctl/store-watch.cc \
	ctl/table.h ctl/table.cc \
	ctl/verb-balancer.cc \
	ctl/verb-certificate.cc \
	ctl/verb-chain.cc \
	ctl/verb-env.cc \
	ctl/verb-events.cc \
	ctl/verb-fleet.cc \
	ctl/verb-migrate.cc \
	ctl/verb-node.cc \
	ctl/verb-quota.cc \
	ctl/verb-recovery.cc \
	ctl/verb-service.cc \
	ctl/verb-status.cc \
	ctl/verb-vm.cc \
	ctl/verbs.h \
	ctl/view.h ctl/view.cc ctl/view-time.cc

# The fleet's CA and certificates of hypervisors.
noinst_LIBRARIES += ctl/libcertificate.a
ctl_libcertificate_a_SOURCES = ctl/certificate.h ctl/certificate.cc

check_PROGRAMS += ctl/tests/ctl-test
TESTS += ctl/tests/ctl-test
ctl_tests_ctl_test_SOURCES = \
	ctl/tests/balancer-test.cc \
	ctl/tests/env-test.cc \
	ctl/tests/main.cc \
	ctl/tests/quota-test.cc \
	ctl/tests/rows.h \
	ctl/tests/status-test.cc \
	ctl/tests/view-test.cc
ctl_tests_ctl_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
ctl_tests_ctl_test_LDADD = ctl/libctl.a env/libenv.a recovery/librecovery.a ctl/libcertificate.a db/libdb.a common/libcommon.a $(CPPUTEST_LIBS) $(SPDLOG_LIBS) $(OPENSSL_LIBS)

# Used by testsuite/ctl.at: a store to read, and a stand-in for hookd to talk to.
noinst_PROGRAMS += ctl/tests/make-store ctl/tests/answer
ctl_tests_make_store_SOURCES = ctl/tests/make-store.cc ctl/tests/rows.h
ctl_tests_make_store_LDADD = db/libdb.a common/libcommon.a $(SQLITE_LIBS)
ctl_tests_answer_SOURCES = ctl/tests/answer.cc \
	common/tests/control-server.h common/tests/control-server.cc
ctl_tests_answer_LDADD = common/libcommon.a -lpthread

dist_man_MANS += ctl/holdfast.1 doc/holdfast.conf.5 doc/holdfast.7

# bash-completion looks for a file with the command's name.
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA = ctl/completions/holdfast
EXTRA_DIST += ctl/holdfast.bash
CLEANFILES += ctl/completions/holdfast

ctl/completions/holdfast: ctl/holdfast.bash
	$(AM_V_GEN)$(MKDIR_P) ctl/completions && cp $(srcdir)/ctl/holdfast.bash $@
