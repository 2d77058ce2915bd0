/* SPDX-License-Identifier: Apache-2.0
 *
 * common/flow-match: reads a classifier as ovs-ofctl does, by Open vSwitch's own parser.
 *
 * C, because Open vSwitch's headers are.  Used by hookd (to refuse a bad classifier
 * before it is stored) and by nobody in a packet's way.  Any thread. */
#ifndef HOLDFAST_FLOW_MATCH_H
#define HOLDFAST_FLOW_MATCH_H 1

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads 'text', e.g. "tcp,nw_dst=10.0.0.5,tp_dst=80".
 * On success returns NULL; '*normalized' is the match in Open vSwitch's own spelling,
 * '*reversed' the same with source and destination exchanged and without in_port, or NULL
 * if nothing in the match has a direction.  On failure returns one line that says what is
 * wrong and where, and the results are NULL.
 * The caller frees everything returned, with free().
 * Source: spec C8; the grammar is ovs-ofctl(8)'s. */
char *flow_match_parse(const char *text, char **normalized, char **reversed);

/* How the frames of two classifiers lie to each other, each as flow_match_parse() normalized it:
 * '*meet' says whether one frame can be of both, '*within' whether each of 'a' is one of 'b'.
 * Frames from a host to itself are none: but for them, the way back of a chain to a host would meet
 * the way there of every other chain to it.
 * On failure returns one line, and both are false; the caller frees it, with free(). */
char *flow_match_relate(const char *a, const char *b, bool *meet, bool *within);

/* Whether 'a' takes frames of 'b' that are not its own once nothing is known of in_port, as it is
 * behind a hop: '*mistakes'.  Shape and errors as flow_match_relate(). */
char *flow_match_mistakes(const char *a, const char *b, bool *mistakes);

#ifdef __cplusplus
}
#endif
#endif
