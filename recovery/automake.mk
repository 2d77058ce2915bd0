# SPDX-License-Identifier: Apache-2.0
#
# Which VM can replace which: decisions alone.
noinst_LIBRARIES += recovery/librecovery.a
recovery_librecovery_a_SOURCES = \
	recovery/bit-sum.h recovery/bit-sum.cc \
	recovery/index.h recovery/index.cc \
	recovery/policy.h recovery/policy.cc \
	recovery/similarity.h recovery/similarity.cc \
	recovery/specification.h

check_PROGRAMS += recovery/tests/recovery-test
TESTS += recovery/tests/recovery-test
recovery_tests_recovery_test_SOURCES = \
	recovery/tests/index-test.cc \
	recovery/tests/main.cc \
	recovery/tests/policy-test.cc \
	recovery/tests/similarity-test.cc \
	recovery/tests/values.h
recovery_tests_recovery_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
recovery_tests_recovery_test_LDADD = recovery/librecovery.a common/libcommon.a $(CPPUTEST_LIBS) $(SPDLOG_LIBS)
