# SPDX-License-Identifier: Apache-2.0
#
# Tests of the whole, in GNU Autotest.  A new .at file is named here and included by
# testsuite.at.  `make check TESTSUITEFLAGS='-k C15'` runs those with a keyword.
TESTSUITE_AT = \
	testsuite/testsuite.at \
	testsuite/macros.at \
	testsuite/ctl.at \
	testsuite/handoff.at \
	testsuite/ovs.at \
	testsuite/switch.at \
	testsuite/kinds.at \
	testsuite/balancer.at \
	testsuite/director.at \
	testsuite/kernel.at \
	testsuite/input.at \
	testsuite/change.at \
	testsuite/move.at \
	testsuite/service.at \
	testsuite/service-move.at \
	testsuite/quota.at \
	testsuite/env.at \
	testsuite/balance.at \
	testsuite/checkpoint.at \
	testsuite/fault.at \
	testsuite/recovery.at \
	testsuite/sockets.at \
	testsuite/install.at
EXTRA_DIST += $(TESTSUITE_AT) testsuite/atlocal.in \
	testsuite/balanced.sh testsuite/checkpoint.py testsuite/controller.py testsuite/world.sh testsuite/lab.sh testsuite/clients.sh testsuite/handoff.sh testsuite/handoff-agent.py \
	testsuite/handoff-client.py testsuite/damaged-rows.py testsuite/forge.py testsuite/judge.py testsuite/name-client.py \
	testsuite/name-server.py testsuite/never-beside.py testsuite/raw.py testsuite/recovery-plan.py testsuite/servers-are.py testsuite/stream.py \
	testsuite/chatter.py testsuite/count-client.py testsuite/tap-vm.py testsuite/timeline.py testsuite/users.py testsuite/vlan-tap.py

# Used by testsuite/switch.at: a store as hookd would write it.
noinst_PROGRAMS += testsuite/write-store
testsuite_write_store_SOURCES = testsuite/write-store.cc
testsuite_write_store_LDADD = db/libdb.a common/libcommon.a $(SQLITE_LIBS)

CLEANFILES += $(TESTSUITE) $(srcdir)/testsuite/package.m4
DISTCLEANFILES += testsuite/atconfig

TESTSUITE = $(srcdir)/testsuite/testsuite
AUTOTEST = $(SHELL) '$(top_srcdir)/build-aux/missing' autom4te --language=autotest
check_DATA += $(TESTSUITE)

$(TESTSUITE): $(srcdir)/testsuite/package.m4 $(TESTSUITE_AT)
	$(AM_V_GEN)$(AUTOTEST) -I '$(srcdir)/testsuite' -o $@.tmp $(srcdir)/testsuite/testsuite.at && mv $@.tmp $@

$(srcdir)/testsuite/package.m4: $(top_srcdir)/configure.ac
	$(AM_V_GEN)for definition in \
		'AT_PACKAGE_NAME], [$(PACKAGE_NAME)' 'AT_PACKAGE_TARNAME], [$(PACKAGE_TARNAME)' \
		'AT_PACKAGE_VERSION], [$(PACKAGE_VERSION)' 'AT_PACKAGE_STRING], [$(PACKAGE_STRING)' \
		'AT_PACKAGE_BUGREPORT], [$(PACKAGE_BUGREPORT)' 'AT_PACKAGE_URL], [$(PACKAGE_URL)'; \
	do echo "m4_define([$$definition])"; done >$@.tmp && mv $@.tmp $@

check-local: $(TESTSUITE) testsuite/atconfig testsuite/atlocal
	$(SHELL) '$(TESTSUITE)' -C testsuite $(TESTSUITEFLAGS)

clean-local:
	test ! -f '$(TESTSUITE)' || $(SHELL) '$(TESTSUITE)' -C testsuite --clean
