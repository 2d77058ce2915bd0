# SPDX-License-Identifier: Apache-2.0
noinst_PROGRAMS += lab/probe lab/guest/hop

lab_probe_SOURCES = lab/probe.cc lab/probe-report.cc lab/probe-report.h lab/probe-packet.h
lab_probe_LDADD = -lpthread

# Static: the guests have no libraries.
lab_guest_hop_SOURCES = lab/guest/hop.cc lab/guest/forward.cc lab/guest/serve.cc \
	lab/guest/frame.cc lab/guest/frame.h lab/guest/counts.cc lab/guest/counts.h \
	lab/guest/roles.h lab/guest/storm.cc lab/guest/storm.h lab/probe-packet.h
lab_guest_hop_CXXFLAGS = -std=c++20 -Wall -Wextra -Werror -O2 -g0
lab_guest_hop_LDFLAGS = -static

check_PROGRAMS += lab/tests/lab-test
TESTS += lab/tests/lab-test
lab_tests_lab_test_SOURCES = lab/tests/main.cc lab/tests/probe-report-test.cc \
	lab/tests/guest-test.cc lab/probe-report.cc lab/probe-report.h \
	lab/guest/frame.cc lab/guest/frame.h lab/guest/counts.cc lab/guest/counts.h \
	lab/guest/storm.cc lab/guest/storm.h
lab_tests_lab_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
lab_tests_lab_test_LDADD = $(CPPUTEST_LIBS)

EXTRA_DIST += lab/lab lab/demo lab/fault-matrix lab/service-matrix lab/kernel-check \
	lab/guest/switch-init lab/guest/switch-modules lab/guest/make-switch-image \
	lab/guest/director-modules lab/guest/make-director-image \
	lab/guest/init lab/guest/count lab/guest/make-image lab/guest/fetch-kernel \
	lab/labkit/__init__.py lab/labkit/aftermath.py lab/labkit/base.py lab/labkit/clean.py \
	lab/labkit/debian.py \
	lab/labkit/guest.py lab/labkit/halting-service lab/labkit/halts.py lab/labkit/hypervisor.py \
	lab/labkit/hypervisor-init.sh lab/labkit/image.py lab/labkit/kernel.py lab/labkit/matrix.py \
	lab/labkit/measure.py \
	lab/labkit/network.py lab/labkit/offload.py lab/labkit/ovn.py \
	lab/labkit/parties.py lab/labkit/passages.py lab/labkit/plain-init.sh \
	lab/labkit/scene.py lab/labkit/service_after.py lab/labkit/service_halts.py \
	lab/labkit/service_parties.py lab/labkit/spaces.py
