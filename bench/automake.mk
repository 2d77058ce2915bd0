# SPDX-License-Identifier: Apache-2.0
noinst_PROGRAMS += bench/frames

bench_frames_SOURCES = \
	bench/connect.cc \
	bench/connect.h \
	bench/frames.cc \
	bench/link.cc \
	bench/link.h
