/* SPDX-License-Identifier: Apache-2.0
 *
 * db/fleet-session: the connection that carries transactions to the fleet database.
 *
 * Apart from the replica's, since the IDL writes its own operations and only over rows that
 * it replicates; ours name rows by their keys and let the server check.  Used by db/fleet
 * only.  Thread: the loop's (common/ovs-loop). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct jsonrpc_session;

/* An answer: to which request, whether the request as such was refused, and its JSON. */
struct fleet_answer {
    int64_t id;
    bool refused;
    char* text; /* The receiver's: fleet_answer_free(). */
};

/* Starts to connect to one of `remote` ("tcp:...", several with commas), and keeps at it. */
struct jsonrpc_session* fleet_session_open(const char* remote);
void fleet_session_close(struct jsonrpc_session* session);
void fleet_session_run(struct jsonrpc_session* session);
void fleet_session_wait(struct jsonrpc_session* session);
bool fleet_session_connected(const struct jsonrpc_session* session);
/* Changes when the connection comes or goes: what was asked before is not answered. */
unsigned int fleet_session_seqno(const struct jsonrpc_session* session);
/* Sends `transact` with these parameters, a JSON array; the request's number, -1 if refused. */
int64_t fleet_session_send(struct jsonrpc_session* session, const char* params);
/* Takes the next answer; false if there is none yet. */
bool fleet_session_receive(struct jsonrpc_session* session, struct fleet_answer* answer);
void fleet_answer_free(struct fleet_answer* answer);

/* Milliseconds of a steady clock, and a time to wake up at. */
int64_t fleet_now_ms(void);
void fleet_wake_at(int64_t ms);

#ifdef __cplusplus
}
#endif
