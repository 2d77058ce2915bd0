# SPDX-License-Identifier: Apache-2.0
#
# Which VM can replace which: decisions alone.
noinst_LIBRARIES += recovery/librecovery.a
recovery_librecovery_a_SOURCES = \
	recovery/bit-sum.h recovery/bit-sum.cc \
	recovery/decide.h recovery/decide.cc \
	recovery/failure.h recovery/failure.cc \
	recovery/features.h recovery/features.cc \
	recovery/fence.h recovery/fence.cc \
	recovery/index.h recovery/index.cc \
	recovery/lateness.h recovery/lateness.cc \
	recovery/limits.h recovery/limits.cc \
	recovery/place.h recovery/place.cc \
	recovery/plan.h recovery/plan.cc \
	recovery/policy.h recovery/policy.cc \
	recovery/read-rows.h recovery/read-rows.cc \
	recovery/rows.h recovery/rows.cc \
	recovery/similarity.h recovery/similarity.cc \
	recovery/specification.h

# Which software is of which feature.
pkgdata_DATA += recovery/features.conf
EXTRA_DIST += recovery/features.conf

check_PROGRAMS += recovery/tests/recovery-test
TESTS += recovery/tests/recovery-test
recovery_tests_recovery_test_SOURCES = \
	recovery/tests/decide-test.cc \
	recovery/tests/failure-test.cc \
	recovery/tests/features-test.cc \
	recovery/tests/fence-test.cc \
	recovery/tests/index-test.cc \
	recovery/tests/lateness-test.cc \
	recovery/tests/limits-test.cc \
	recovery/tests/main.cc \
	recovery/tests/place-test.cc \
	recovery/tests/plan-test.cc \
	recovery/tests/policy-test.cc \
	recovery/tests/rows-test.cc \
	recovery/tests/similarity-test.cc \
	recovery/tests/values.h
recovery_tests_recovery_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS) \
	-DFEATURES=\"$(abs_top_srcdir)/recovery/features.conf\"
recovery_tests_recovery_test_LDADD = recovery/librecovery.a common/libcommon.a $(CPPUTEST_LIBS) $(SPDLOG_LIBS)
