/* SPDX-License-Identifier: Apache-2.0
 *
 * common/ovs-loop-shim: see ovs-loop-shim.h. */
#include "common/ovs-config.h"

#include "common/ovs-loop-shim.h"

#include "coverage.h"
#include "dirs.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "unixctl.h"
#include "util.h"

int ovs_loop_open(const char* name, const char* version, const char* socket, const char* log_file,
                  struct unixctl_server** server)
{
    ovs_set_program_name(name, version);
    vlog_init();
    vlog_set_levels(NULL, VLF_SYSLOG, VLL_OFF);
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_WARN);
    if (log_file && log_file[0]) {
        int error = vlog_set_log_file(log_file);
        if (error) {
            return error;
        }
    }
    coverage_init();
    return unixctl_server_create(socket, server);
}

void ovs_loop_close(struct unixctl_server* server)
{
    unixctl_server_destroy(server);
}

void ovs_loop_serve(struct unixctl_server* server)
{
    unixctl_server_run(server);
}

void ovs_loop_wait(struct unixctl_server* server, int wake_fd)
{
    unixctl_server_wait(server);
    poll_fd_wait(wake_fd, POLLIN);
}

void ovs_loop_block(void)
{
    poll_block();
}

void ovs_loop_register(const char* name, const char* usage, int min, int max,
                       ovs_loop_command_cb* cb, void* aux)
{
    unixctl_command_register(name, usage, min, max, cb, aux);
}

void ovs_loop_reply(struct unixctl_conn* conn, const char* text, bool failed)
{
    if (failed) {
        unixctl_command_reply_error(conn, text);
    } else {
        unixctl_command_reply(conn, text);
    }
}

const char* ovs_loop_rundir(void)
{
    return ovs_rundir();
}
