/* SPDX-License-Identifier: Apache-2.0
 *
 * db/fleet-session: see fleet-session.h. */
#include "common/ovs-config.h"

#include "db/fleet-session.h"

#include <stdlib.h>

#include "jsonrpc.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/uuid.h"
#include "ovsdb-session.h"
#include "svec.h"
#include "timeval.h"

struct jsonrpc_session* fleet_session_open(const char* remote)
{
    struct svec remotes = SVEC_EMPTY_INITIALIZER;
    struct jsonrpc_session* session;
    struct uuid cluster;

    ovsdb_session_parse_remote(remote, &remotes, &cluster);
    svec_shuffle(&remotes);
    session = jsonrpc_session_open_multiple(&remotes, true);
    svec_destroy(&remotes);
    return session;
}

void fleet_session_close(struct jsonrpc_session* session)
{
    jsonrpc_session_close(session);
}

void fleet_session_run(struct jsonrpc_session* session)
{
    jsonrpc_session_run(session);
}

void fleet_session_wait(struct jsonrpc_session* session)
{
    jsonrpc_session_wait(session);
    jsonrpc_session_recv_wait(session);
}

bool fleet_session_connected(const struct jsonrpc_session* session)
{
    return jsonrpc_session_is_connected(session);
}

unsigned int fleet_session_seqno(const struct jsonrpc_session* session)
{
    return jsonrpc_session_get_seqno(session);
}

int64_t fleet_session_send(struct jsonrpc_session* session, const char* params)
{
    struct json* id;
    struct jsonrpc_msg* request = jsonrpc_create_request("transact", json_from_string(params), &id);
    int64_t number = json_integer(id);

    json_destroy(id);
    return jsonrpc_session_send(session, request) ? -1 : number;
}

bool fleet_session_receive(struct jsonrpc_session* session, struct fleet_answer* answer)
{
    struct jsonrpc_msg* msg;

    while ((msg = jsonrpc_session_recv(session))) {
        bool reply = msg->type == JSONRPC_REPLY || msg->type == JSONRPC_ERROR;

        if (reply && msg->id && msg->id->type == JSON_INTEGER) {
            answer->id = json_integer(msg->id);
            answer->refused = msg->type == JSONRPC_ERROR;
            answer->text = json_to_string(answer->refused ? msg->error : msg->result, 0);
            jsonrpc_msg_destroy(msg);
            return true;
        }
        jsonrpc_msg_destroy(msg);
    }
    return false;
}

void fleet_answer_free(struct fleet_answer* answer)
{
    free(answer->text);
    answer->text = NULL;
}

int64_t fleet_now_ms(void)
{
    return time_msec();
}

void fleet_wake_at(int64_t ms)
{
    poll_timer_wait_until(ms);
}
