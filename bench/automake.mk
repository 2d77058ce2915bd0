# SPDX-License-Identifier: Apache-2.0
noinst_PROGRAMS += bench/frames

bench_frames_SOURCES = bench/frames.cc
