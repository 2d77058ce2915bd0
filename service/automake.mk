# SPDX-License-Identifier: Apache-2.0
#
# What makes, runs and takes away services; hookd finds them by service/folder.
noinst_LIBRARIES += service/libservice.a
service_libservice_a_CPPFLAGS = $(AM_CPPFLAGS) $(ARCHIVE_CFLAGS)
service_libservice_a_SOURCES = \
	service/definition.cc \
	service/definition.h \
	service/caught.cc \
	service/caught.h \
	service/checkpoint-out.cc \
	service/checkpoint-out.h \
	service/checkpoint.cc \
	service/checkpoint.h \
	service/criu.cc \
	service/criu.h \
	service/descriptor.h \
	service/folder.cc \
	service/folder.h \
	service/go-on.cc \
	service/handoff-door.cc \
	service/handoff-door.h \
	service/image-files.cc \
	service/image-files.h \
	service/keep.cc \
	service/keep.h \
	service/marks.h \
	service/message.cc \
	service/message.h \
	service/move-in.cc \
	service/move-out.cc \
	service/mounts.cc \
	service/mounts.h \
	service/move.h \
	service/outside.cc \
	service/own-files.cc \
	service/own-files.h \
	service/outside.h \
	service/processes.cc \
	service/processes.h \
	service/progress.cc \
	service/progress.h \
	service/round-plan.cc \
	service/round-plan.h \
	service/space.cc \
	service/space.h \
	service/spawn.cc \
	service/spawn.h \
	service/talk.cc \
	service/talk.h

pkglibexec_PROGRAMS += service/holdfast-service
service_holdfast_service_SOURCES = service/holdfast-service.cc
service_holdfast_service_LDADD = service/libservice.a env/libcontainer.a env/libenv.a handoff/libhandoff-agent.a \
	handoff/libholdfast-handoff.a service/libservice-link.a ctl/libcertificate.a \
	$(SOCKETS_LIBS) $(OPENSSL_LIBS) $(LIBVIRT_LIBS) $(ARCHIVE_LIBS)

check_PROGRAMS += service/tests/service-test
TESTS += service/tests/service-test
service_tests_service_test_SOURCES = service/tests/service-test.cc service/tests/message-test.cc \
	service/tests/criu-test.cc service/tests/outside-test.cc service/tests/round-plan-test.cc \
	service/tests/progress-test.cc service/tests/own-files-test.cc \
	db/tests/folder.h
service_tests_service_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
service_tests_service_test_LDADD = service/libservice.a service/libservice-link.a ctl/libcertificate.a \
	common/libcommon.a $(OPENSSL_LIBS) $(ARCHIVE_LIBS) $(CPPUTEST_LIBS)

# The connection of the two sides of a service's move (S11).
noinst_LIBRARIES += service/libservice-link.a
service_libservice_link_a_SOURCES = service/link.h service/link.cc service/tls.h service/tls.cc

# Used by testsuite/handoff.at: either side of such a connection.
noinst_PROGRAMS += service/tests/link-try
service_tests_link_try_SOURCES = service/tests/link-try.cc
service_tests_link_try_LDADD = service/libservice-link.a ctl/libcertificate.a common/libcommon.a $(OPENSSL_LIBS)
