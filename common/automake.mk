# SPDX-License-Identifier: Apache-2.0
#
# What all programs share.  A new pair of files is added with +=.
noinst_LIBRARIES += common/libcommon.a
common_libcommon_a_SOURCES = common/boot-clock.h common/descriptor.h common/result.h common/run-directory.h common/ovs-config.h

# Configuration, log, words.
common_libcommon_a_SOURCES += \
	common/config.h common/config.cc \
	common/decide.h \
	common/log.h common/log.cc \
	common/probe.h \
	common/memory-limit.h \
	common/process-tree.h common/process-tree.cc \
	common/run-tool.h common/run-tool.cc \
	common/synthetic-mac.h common/synthetic-mac.cc \
	common/text.h common/text.cc \
	common/unix-address.h common/unix-address.cc
common_libcommon_a_CPPFLAGS = $(AM_CPPFLAGS) $(SPDLOG_CFLAGS)

check_PROGRAMS += common/tests/config-test
TESTS += common/tests/config-test
common_tests_config_test_SOURCES = common/tests/config-test.cc
common_tests_config_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
common_tests_config_test_LDADD = common/libcommon.a $(CPPUTEST_LIBS) $(SPDLOG_LIBS)

# The classifier's parser: needs Open vSwitch's library ($(OVS_LIBS)).
noinst_LIBRARIES += common/libflowmatch.a
common_libflowmatch_a_SOURCES = common/flow-match.h common/flow-match.c
common_libflowmatch_a_CPPFLAGS = $(OVS_CPPFLAGS) $(AM_CPPFLAGS)

# Control sockets: Open vSwitch's unixctl protocol, the caller's side.
common_libcommon_a_SOURCES += \
	common/control-client-async.cc \
	common/control-client-detail.h \
	common/control-client.h common/control-client.cc \
	common/json-command.h \
	common/json-text.h \
	common/jsonrpc.h common/jsonrpc.cc

check_PROGRAMS += common/tests/control-test
TESTS += common/tests/control-test
common_tests_control_test_SOURCES = \
	common/tests/control-client-test.cc \
	common/tests/control-server.h common/tests/control-server.cc \
	common/tests/jsonrpc-test.cc \
	common/tests/main.cc
common_tests_control_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
common_tests_control_test_LDADD = common/libcommon.a $(CPPUTEST_LIBS) $(SPDLOG_LIBS) -lpthread
