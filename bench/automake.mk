# SPDX-License-Identifier: Apache-2.0
noinst_PROGRAMS += bench/frames

bench_frames_SOURCES = \
	bench/connect.cc \
	bench/connect.h \
	bench/frames.cc \
	bench/link.cc \
	bench/link.h

noinst_PROGRAMS += bench/decisions
bench_decisions_SOURCES = \
	bench/decisions.cc \
	bench/month.cc \
	bench/month.h \
	bench/workload.cc \
	bench/workload.h
bench_decisions_LDADD = schedd/libschedd.a common/libcommon.a $(SPDLOG_LIBS)

noinst_PROGRAMS += bench/peers
bench_peers_SOURCES = \
	bench/conversation.cc \
	bench/conversation.h \
	bench/peers.cc
bench_peers_LDADD = common/libcommon.a $(SPDLOG_LIBS)

noinst_PROGRAMS += bench/candidates
bench_candidates_SOURCES = bench/candidates.cc
bench_candidates_LDADD = recovery/librecovery.a common/libcommon.a $(SPDLOG_LIBS)
