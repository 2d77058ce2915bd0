# SPDX-License-Identifier: Apache-2.0
#
# A user's nodes as one environment: what is shown, by pure functions, and the file system.
noinst_LIBRARIES += env/libenv.a
env_libenv_a_SOURCES = \
	env/figures.h env/figures.cc \
	env/container-text.h env/container-text.cc \
	env/groups.h env/groups.cc \
	env/keep-plan.h env/keep-plan.cc \
	env/members.h env/members.cc \
	env/proc-text.h env/proc-text.cc \
	env/range.h env/range.cc \
	env/run-message.h env/run-message.cc \
	env/ticks.h env/ticks.cc

# Containers, and commands in them.
noinst_LIBRARIES += env/libcontainer.a
env_libcontainer_a_SOURCES = \
	env/container.h env/container.cc \
	env/inside.h env/inside.cc \
	env/lxc.h env/lxc.cc \
	env/run-client.h env/run-client.cc \
	env/run-server.h env/run-server.cc
env_libcontainer_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBVIRT_CFLAGS)

check_PROGRAMS += env/tests/env-test
TESTS += env/tests/env-test
env_tests_env_test_SOURCES = \
	env/tests/container-test.cc \
	env/tests/figures-test.cc \
	env/tests/groups-test.cc \
	env/tests/main.cc \
	env/tests/members-test.cc \
	env/tests/proc-text-test.cc \
	env/tests/run-message-test.cc \
	env/tests/values.h
env_tests_env_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
env_tests_env_test_LDADD = env/libenv.a db/libdb.a common/libcommon.a $(CPPUTEST_LIBS) $(SQLITE_LIBS) $(SPDLOG_LIBS)

pkglibexec_PROGRAMS += env/holdfast-env
env_holdfast_env_SOURCES = env/holdfast-env.cc env/proc-fs.h env/proc-fs.cc
env_holdfast_env_CPPFLAGS = $(AM_CPPFLAGS) $(FUSE_CFLAGS) $(LIBVIRT_CFLAGS)
env_holdfast_env_LDADD = env/libcontainer.a env/libenv.a service/libservice.a service/libservice-link.a ctl/libcertificate.a \
	db/libdb.a common/libcommon.a $(FUSE_LIBS) $(LIBVIRT_LIBS) $(OPENSSL_LIBS) $(SQLITE_LIBS) $(SPDLOG_LIBS)

dist_man_MANS += env/holdfast-env.8
