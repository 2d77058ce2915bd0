/* SPDX-License-Identifier: Apache-2.0
 *
 * db/fleet-idl: see fleet-idl.h. */
#include "common/ovs-config.h"

#include "db/fleet-idl.h"

#include "db/fleet-rows-idl.h"
#include "ovsdb-idl.h"
#include "stream-ssl.h"

struct ovsdb_idl* fleet_idl_open(const char* remote)
{
    struct ovsdb_idl* idl = ovsdb_idl_create_unconnected(&holdfast_idl_class, true);

    /* N hypervisors would wake N others at each heartbeat. */
    ovsdb_idl_omit(idl, &holdfast_hypervisor_col_seen);
    ovsdb_idl_set_leader_only(idl, false);
    ovsdb_idl_set_shuffle_remotes(idl, true);
    fleet_idl_set_interest(idl, "", false);
    ovsdb_idl_set_remote(idl, remote, true);
    return idl;
}

void fleet_idl_close(struct ovsdb_idl* idl)
{
    ovsdb_idl_destroy(idl);
}

void fleet_idl_set_interest(struct ovsdb_idl* idl, const char* own, bool all_vms)
{
    /* A condition without a clause holds for no row. */
    struct ovsdb_idl_condition vms = OVSDB_IDL_CONDITION_INIT(&vms);
    struct ovsdb_idl_condition moves = OVSDB_IDL_CONDITION_INIT(&moves);
    struct ovsdb_idl_condition tasks = OVSDB_IDL_CONDITION_INIT(&tasks);

    if (all_vms) {
        ovsdb_idl_condition_add_clause_true(&vms);
        ovsdb_idl_condition_add_clause_true(&moves);
    } else if (own[0]) {
        holdfast_vm_add_clause_hypervisor(&vms, OVSDB_F_EQ, own);
        holdfast_move_add_clause_hypervisor(&moves, OVSDB_F_EQ, own);
        holdfast_move_add_clause_peer(&moves, OVSDB_F_EQ, own);
    }
    if (own[0]) {
        holdfast_task_add_clause_hypervisor(&tasks, OVSDB_F_EQ, own);
        holdfast_task_add_clause_asked_by(&tasks, OVSDB_F_EQ, own);
    }
    holdfast_vm_set_condition(idl, &vms);
    holdfast_move_set_condition(idl, &moves);
    holdfast_task_set_condition(idl, &tasks);
    ovsdb_idl_condition_destroy(&vms);
    ovsdb_idl_condition_destroy(&moves);
    ovsdb_idl_condition_destroy(&tasks);
}

void fleet_idl_run(struct ovsdb_idl* idl)
{
    ovsdb_idl_run(idl);
}

void fleet_idl_wait(struct ovsdb_idl* idl)
{
    ovsdb_idl_wait(idl);
}

bool fleet_idl_connected(const struct ovsdb_idl* idl)
{
    return ovsdb_idl_is_connected(idl);
}

bool fleet_idl_complete(const struct ovsdb_idl* idl)
{
    return ovsdb_idl_has_ever_connected(idl);
}

bool fleet_idl_has_loads(const struct ovsdb_idl* idl)
{
    return holdfast_server_has_hypervisor_table_col_capacity(idl);
}

bool fleet_idl_has_resources(const struct ovsdb_idl* idl)
{
    return holdfast_server_has_hypervisor_table_col_resources(idl);
}

unsigned int fleet_idl_seqno(const struct ovsdb_idl* idl)
{
    return ovsdb_idl_get_seqno(idl);
}

static unsigned int newest_change(const struct ovsdb_idl_row* row)
{
    unsigned int inserted = ovsdb_idl_row_get_seqno(row, OVSDB_IDL_CHANGE_INSERT);
    unsigned int modified = ovsdb_idl_row_get_seqno(row, OVSDB_IDL_CHANGE_MODIFY);

    return inserted > modified ? inserted : modified;
}

static void visit_vms(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_vm* row;

    HOLDFAST_VM_FOR_EACH(row, idl)
    {
        const struct uuid* uuid = &row->header_.uuid;
        const struct fleet_vm vm = {
            .uuid = {uuid->parts[0], uuid->parts[1], uuid->parts[2], uuid->parts[3]},
            .seqno = newest_change(&row->header_),
            .id = row->id,
            .name = row->name,
            .kind = row->kind,
            .service = row->service,
            .hypervisor = row->hypervisor,
            .state = row->state,
            .label = row->label,
            .epoch = row->epoch,
            .protect = row->protect,
            .health = row->health,
            .ips = {row->value_ips, row->n_ips},
            .ports = {row->value_ports, row->n_ports},
        };
        visitor->vm(visitor->aux, &vm);
    }
}

static void visit_chains(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_chain* row;

    HOLDFAST_CHAIN_FOR_EACH(row, idl)
    {
        const struct fleet_chain chain = {
            .name = row->name,
            .match = row->match,
            .match_reverse = row->match_reverse,
            .dead = row->dead,
            .probe = row->probe,
            .change = row->change,
            .spi = row->spi,
            .rspi = row->rspi,
            .priority = row->priority,
            .symmetric = row->symmetric,
            .open = !row->closed,
            .hops = {row->value_hops, row->n_hops},
        };
        visitor->chain(visitor->aux, &chain);
    }
}

static void visit_balancers(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_balancer* row;

    HOLDFAST_BALANCER_FOR_EACH(row, idl)
    {
        const struct fleet_balancer balancer = {
            .name = row->name,
            .vip = row->vip,
            .protocol = row->protocol,
            .director = row->director,
            .policy = row->policy,
            .gateway = row->gateway,
            .mac_prefix = row->mac_prefix,
            .mac_layout = row->mac_layout,
            .vip_mac = row->vip_mac,
            .sorry = row->sorry,
            .sorry_mac = row->sorry_mac,
            .check = row->check,
            .check_target = row->check_target,
            .port = row->port,
            .number = row->number,
            .persistence = row->persistence,
            .slow_start = row->slow_start,
            .sorry_port = row->sorry_port,
            .check_expect = row->check_expect,
            .interval_ms = row->interval_ms,
            .timeout_ms = row->timeout_ms,
            .rise = row->rise,
            .fall = row->fall,
            .directors = {row->directors, row->n_directors},
            .servers = {row->value_servers, row->n_servers},
        };
        visitor->balancer(visitor->aux, &balancer);
    }
}

static void visit_health(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_server_health* row;

    HOLDFAST_SERVER_HEALTH_FOR_EACH(row, idl)
    {
        const struct fleet_health health = {
            .balancer = row->balancer,
            .address = row->address,
            .hypervisor = row->hypervisor,
            .state = row->state,
            .text = row->text,
            .since = row->since,
            .cpu = row->cpu,
            .memory = row->memory,
            .answer_us = row->answer_us,
        };
        visitor->health(visitor->aux, &health);
    }
}

static void visit_services(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_service* row;

    HOLDFAST_SERVICE_FOR_EACH(row, idl)
    {
        const struct fleet_service service = {
            .id = row->id,
            .name = row->name,
            .user = row->user,
            .mac = row->mac,
            .gateway = row->gateway,
            .directory = row->directory,
            .hypervisor = row->hypervisor,
            .state = row->state,
            .mode = row->mode,
            .exit = row->exit,
            .vlan = row->vlan,
            .pid = row->pid,
            .epoch = row->epoch,
            .pinned = row->pinned,
            .ips = {row->value_ips, row->n_ips},
            .command = {row->value_command, row->n_command},
            .environment = {row->value_environment, row->n_environment},
        };
        visitor->service(visitor->aux, &service);
    }
}

static void visit_specifications(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_specification* row;

    HOLDFAST_SPECIFICATION_FOR_EACH(row, idl)
    {
        const struct fleet_specification specification = {
            .id = row->id,
            .hypervisor = row->hypervisor,
            .epoch = row->epoch,
            .cpus = row->cpus,
            .memory = row->memory,
            .disk = row->disk,
            .shared_disks = row->shared_disks,
            .elements = {row->value_elements, row->n_elements},
            .lease = row->lease,
            .xml = row->xml,
        };
        visitor->specification(visitor->aux, &specification);
    }
}

static void visit_recovery_policies(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_recovery_policy* row;

    HOLDFAST_RECOVERY_POLICY_FOR_EACH(row, idl)
    {
        const struct fleet_recovery_policy policy = {
            .name = row->name,
            .ways = row->ways,
            .measure = row->measure,
            .versions = row->versions,
            .required = row->required,
            .pinned = row->pinned,
            .automatic = row->automatic,
            .threshold = row->threshold,
            .forbidden = row->forbidden,
            .weights = {row->key_weights, row->value_weights, row->n_weights},
        };
        visitor->recovery_policy(visitor->aux, &policy);
    }
}

static void visit_recoveries(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_recovery* row;

    HOLDFAST_RECOVERY_FOR_EACH(row, idl)
    {
        const struct fleet_recovery recovery = {
            .id = row->id,
            .vm = row->vm,
            .hypervisor = row->hypervisor,
            .failure = row->failure,
            .state = row->state,
            .way = row->way,
            .replacement = row->replacement,
            .target = row->target,
            .by = row->by,
            .text = row->text,
            .attempts = row->attempts,
            .since = row->since,
            .changed = row->changed,
        };
        visitor->recovery(visitor->aux, &recovery);
    }
}

static void visit_leases(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_lease* row;

    HOLDFAST_LEASE_FOR_EACH(row, idl)
    {
        const struct fleet_lease lease = {
            .name = row->name,
            .holder = row->holder,
            .spare = row->spare,
            .term = row->term,
            .beat = row->beat,
            .decided = row->decided,
            .reviewed = row->reviewed,
            .accounted = row->accounted,
            .balance = row->balance,
        };
        visitor->lease(visitor->aux, &lease);
    }
}

static void visit_quotas(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_quota* row;

    HOLDFAST_QUOTA_FOR_EACH(row, idl)
    {
        const struct fleet_quota quota = {
            .name = row->name,
            .amount = row->amount,
            .low_reviews = row->low_reviews,
            .accounted = row->accounted,
            .administrator = row->administrator,
            .share = {row->key_share, row->value_share, row->n_share},
            .given = {row->key_given, row->value_given, row->n_given},
            .used = {row->key_used, row->value_used, row->n_used},
            .borrowed = {row->borrowed, row->n_borrowed},
            .in_use = {row->in_use, row->n_in_use},
        };
        visitor->quota(visitor->aux, &quota);
    }
}

static void visit_moves(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_move* row;

    HOLDFAST_MOVE_FOR_EACH(row, idl)
    {
        const struct fleet_move move = {
            .id = row->id,
            .role = row->role,
            .vm = row->vm,
            .hypervisor = row->hypervisor,
            .peer = row->peer,
            .state = row->state,
            .times = {row->key_times, row->value_times, row->n_times},
            .figures = {row->key_figures, row->value_figures, row->n_figures},
        };
        visitor->move(visitor->aux, &move);
    }
}

static void visit_tasks(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_task* row;

    HOLDFAST_TASK_FOR_EACH(row, idl)
    {
        const struct fleet_task task = {
            .id = row->id,
            .hypervisor = row->hypervisor,
            .asked_by = row->asked_by,
            .verb = row->verb,
            .arguments = row->arguments,
            .state = row->state,
            .reply = row->reply,
            .deadline = row->deadline,
        };
        visitor->task(visitor->aux, &task);
    }
}

void fleet_idl_visit(struct ovsdb_idl* idl, const struct fleet_visitor* visitor)
{
    const struct holdfast_hypervisor* row;
    const bool loads = fleet_idl_has_loads(idl);

    HOLDFAST_HYPERVISOR_FOR_EACH(row, idl)
    {
        const struct fleet_hypervisor hypervisor = {
            .number = row->number,
            .name = row->name,
            .id = row->id,
            .vtep = row->vtep,
            .bridge = row->bridge,
            .drained = row->drained,
            .capacity = row->capacity,
            .load = loads ? row->load : -1, /* Not known. */
            .period_load = loads ? row->period_load : -1,
            .resources = row->resources,
        };
        visitor->hypervisor(visitor->aux, &hypervisor);
    }
    visit_vms(idl, visitor);
    visit_chains(idl, visitor);
    visit_balancers(idl, visitor);
    visit_health(idl, visitor);
    visit_services(idl, visitor);
    visit_specifications(idl, visitor);
    visit_recovery_policies(idl, visitor);
    visit_recoveries(idl, visitor);
    visit_leases(idl, visitor);
    visit_quotas(idl, visitor);
    visit_moves(idl, visitor);
    visit_tasks(idl, visitor);
}

void fleet_set_ssl(const char* private_key, const char* certificate, const char* ca_certificate)
{
    stream_ssl_set_key_and_cert(private_key, certificate);
    stream_ssl_set_ca_cert_file(ca_certificate, false);
}
