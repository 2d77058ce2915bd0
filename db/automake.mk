# SPDX-License-Identifier: Apache-2.0
#
# The store: libdb.a, to be followed by $(SQLITE_LIBS).
noinst_LIBRARIES += db/libdb.a
db_libdb_a_SOURCES = \
	db/balancer.h db/balancer.cc \
	db/chain-order.h \
	db/entry-port.h \
	db/election.h db/election.cc \
	db/recovery-json.h db/recovery-json.cc \
	db/find.h db/find.cc \
	db/row-check.h db/row-check.cc \
	db/recovery-rows.h \
	db/resources.h db/resources.cc \
	db/rows.h \
	db/schema.h db/schema.cc \
	db/service-text.h db/service-text.cc \
	db/share-json.h db/share-json.cc \
	db/sqlite.h db/sqlite.cc \
	db/store.h db/store.cc \
	db/store-impl.h db/store-recovery.cc db/store-rows.cc
db_libdb_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)

check_PROGRAMS += db/tests/store-test
TESTS += db/tests/store-test
db_tests_store_test_SOURCES = db/tests/balancer-test.cc db/tests/election-test.cc db/tests/resources-test.cc db/tests/row-check-test.cc db/tests/service-text-test.cc \
	db/tests/store-test.cc db/tests/folder.h db/tests/share-rows.h
db_tests_store_test_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS) $(CPPUTEST_CFLAGS)
db_tests_store_test_LDADD = db/libdb.a common/libcommon.a $(SQLITE_LIBS) $(CPPUTEST_LIBS)

# The control loop and the fleet database: libfleet.a, to be followed by $(OVS_LIBS).
noinst_LIBRARIES += db/libfleet.a
db_libfleet_a_SOURCES = \
	common/ovs-loop.h common/ovs-loop.cc \
	common/ovs-loop-shim.h common/ovs-loop-shim.c \
	db/fleet.h db/fleet.cc \
	db/fleet-idl.h db/fleet-idl.c \
	db/fleet-ops.h db/fleet-ops.cc \
	db/fleet-server.h db/fleet-server.cc \
	db/fleet-session.h db/fleet-session.c
nodist_db_libfleet_a_SOURCES = $(FLEET_IDL)
db_libfleet_a_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CPPFLAGS)

# Open vSwitch's generator makes the replica's rows from the schema.
FLEET_IDL = db/fleet-rows-idl.h db/fleet-rows-idl.c
BUILT_SOURCES += $(FLEET_IDL)
CLEANFILES += $(FLEET_IDL) db/fleet-rows.ovsidl
OVSDB_IDLC = PYTHONPATH=$(OVS_SOURCE)/python python3 $(OVS_SOURCE)/ovsdb/ovsdb-idlc.in
db/fleet-rows.ovsidl: db/fleet.ovsschema db/fleet-rows.ann
	$(AM_V_GEN)$(MKDIR_P) db && $(OVSDB_IDLC) annotate $(srcdir)/db/fleet.ovsschema \
		$(srcdir)/db/fleet-rows.ann >$@.tmp && mv $@.tmp $@
db/fleet-rows-idl.h: db/fleet-rows.ovsidl
	$(AM_V_GEN)$(OVSDB_IDLC) c-idl-header db/fleet-rows.ovsidl >$@.tmp && mv $@.tmp $@
# The generated file asks for <config.h> and means Open vSwitch's.
db/fleet-rows-idl.c: db/fleet-rows.ovsidl
	$(AM_V_GEN)$(OVSDB_IDLC) c-idl-source db/fleet-rows.ovsidl \
		| sed 's,<config.h>,"common/ovs-config.h",' >$@.tmp && mv $@.tmp $@
db/libfleet_a-fleet-idl.$(OBJEXT): db/fleet-rows-idl.h

pkgdata_DATA += db/fleet.ovsschema
EXTRA_DIST += db/fleet.ovsschema db/fleet-rows.ann

check_PROGRAMS += db/tests/ovs-loop-test
TESTS += db/tests/ovs-loop-test
db_tests_ovs_loop_test_SOURCES = db/tests/ovs-loop-test.cc db/tests/folder.h
db_tests_ovs_loop_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
db_tests_ovs_loop_test_LDADD = db/libfleet.a common/libcommon.a $(OVS_LIBS) $(CPPUTEST_LIBS)

check_PROGRAMS += db/tests/fleet-test
TESTS += db/tests/fleet-test
db_tests_fleet_test_SOURCES = db/tests/fleet-test.cc db/tests/folder.h db/tests/share-rows.h
db_tests_fleet_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS) \
	-DFLEET_SCHEMA=\"$(abs_top_srcdir)/db/fleet.ovsschema\"
db_tests_fleet_test_LDADD = db/libfleet.a db/libdb.a common/libcommon.a $(OVS_LIBS) $(CPPUTEST_LIBS)
