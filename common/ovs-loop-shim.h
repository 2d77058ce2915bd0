/* SPDX-License-Identifier: Apache-2.0
 *
 * common/ovs-loop-shim: what common/ovs-loop uses of Open vSwitch's library.
 *
 * Types of Open vSwitch stop in the .c file.  Thread: the loop's. */
#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct unixctl_conn;
struct unixctl_server;

/* Called for each request of a registered command; `argv[0]` is the command's name. */
typedef void ovs_loop_command_cb(struct unixctl_conn* conn, int argc, const char** argv, void* aux);

/* Names the program, sets up its log, and opens the control socket `socket`.
 * 0, or a positive errno; `*server` is untouched on failure. */
int ovs_loop_open(const char* name, const char* version, const char* socket, const char* log_file,
                  struct unixctl_server** server);
/* Closes the socket and every connection. */
void ovs_loop_close(struct unixctl_server* server);
/* Serves what has come. */
void ovs_loop_serve(struct unixctl_server* server);
/* Registers what to wake up for: requests, and `wake_fd` becoming readable. */
void ovs_loop_wait(struct unixctl_server* server, int wake_fd);
/* Sleeps until something registered happens. */
void ovs_loop_block(void);
/* Adds a command for the process's life; `usage` and `aux` must stay.  A second time does nothing.
 */
void ovs_loop_register(const char* name, const char* usage, int min, int max,
                       ovs_loop_command_cb* cb, void* aux);
/* Answers the request that `conn` has sent. */
void ovs_loop_reply(struct unixctl_conn* conn, const char* text, bool failed);
/* Where ovs-appctl looks for pid files, unless told otherwise. */
const char* ovs_loop_rundir(void);

#ifdef __cplusplus
}
#endif
