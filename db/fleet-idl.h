/* SPDX-License-Identifier: Apache-2.0
 *
 * db/fleet-idl: the replica of the fleet database, by Open vSwitch's IDL, as plain C rows.
 *
 * The IDL's own headers do not compile as C++; this one does.  Used by db/fleet only.
 * Thread: the loop's (common/ovs-loop).  Strings and lists are the replica's: they are good
 * until the next fleet_idl_run(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ovsdb_idl;

/* An ordered list: a map from the place to the value, sorted by the place; or a set. */
struct fleet_list {
    char** values;
    size_t n;
};

/* Named numbers. */
struct fleet_numbers {
    char** names;
    const int64_t* values;
    size_t n;
};

/* One struct a table, one member a column; db/rows.h says what they mean. */
struct fleet_hypervisor {
    int64_t number;
    const char *name, *id, *vtep, *bridge, *resources;
    bool drained;
    int64_t capacity, load, period_load;
};

struct fleet_vm {
    uint32_t uuid[4];   /* OVSDB's own name of the row. */
    unsigned int seqno; /* Changes when the row does. */
    const char *id, *name, *kind, *service, *hypervisor, *state, *health;
    int64_t label, epoch;
    bool protect;
    struct fleet_list ips;
    struct fleet_list ports; /* Each a JSON object. */
};

struct fleet_chain {
    const char *name, *match, *match_reverse, *dead, *probe, *change;
    int64_t spi, rspi, priority;
    bool symmetric, open;
    struct fleet_list hops; /* Each a JSON object. */
};

struct fleet_balancer {
    const char *name, *vip, *protocol, *director, *policy, *gateway, *mac_prefix, *mac_layout;
    const char *vip_mac, *sorry, *sorry_mac, *check, *check_target;
    int64_t port, persistence, slow_start, sorry_port, number;
    int64_t check_expect, interval_ms, timeout_ms, rise, fall;
    struct fleet_list directors; /* A set: sorted. */
    struct fleet_list servers;   /* Each a JSON object. */
};

struct fleet_health {
    const char *balancer, *address, *hypervisor, *state, *text;
    int64_t since, cpu, memory, answer_us;
};

struct fleet_service {
    const char *id, *name, *user, *mac, *gateway, *directory, *hypervisor, *state, *mode, *exit;
    int64_t vlan, pid, epoch;
    bool pinned;
    struct fleet_list ips, command, environment;
};

struct fleet_specification {
    const char *id, *hypervisor;
    int64_t epoch, cpus, memory, disk;
    bool shared_disks;
    struct fleet_list elements; /* Each a JSON array. */
    int64_t lease;
    const char* xml;
};

struct fleet_recovery_policy {
    const char *name, *ways, *measure, *versions, *required, *pinned;
    const char* automatic;
    int64_t threshold;
    bool forbidden;
    struct fleet_numbers weights;
};

struct fleet_recovery {
    const char *id, *vm, *hypervisor, *failure, *state, *way, *replacement, *target, *by, *text;
    int64_t attempts, since, changed;
};

struct fleet_lease {
    const char *name, *holder, *spare, *balance;
    int64_t term, beat, decided, reviewed, accounted;
};

struct fleet_quota {
    const char* name;
    int64_t amount, low_reviews, accounted;
    bool administrator;
    struct fleet_numbers share, given, used;
    struct fleet_list borrowed, in_use; /* Sets: sorted. */
};

struct fleet_move {
    const char *id, *role, *vm, *hypervisor, *peer, *state;
    struct fleet_numbers times, figures;
};

struct fleet_task {
    const char *id, *hypervisor, *asked_by, *verb, *arguments, *state, *reply;
    int64_t deadline;
};

/* Called once a row. */
struct fleet_visitor {
    void (*hypervisor)(void* aux, const struct fleet_hypervisor*);
    void (*vm)(void* aux, const struct fleet_vm*);
    void (*chain)(void* aux, const struct fleet_chain*);
    void (*balancer)(void* aux, const struct fleet_balancer*);
    void (*health)(void* aux, const struct fleet_health*);
    void (*service)(void* aux, const struct fleet_service*);
    void (*specification)(void* aux, const struct fleet_specification*);
    void (*recovery_policy)(void* aux, const struct fleet_recovery_policy*);
    void (*recovery)(void* aux, const struct fleet_recovery*);
    void (*lease)(void* aux, const struct fleet_lease*);
    void (*quota)(void* aux, const struct fleet_quota*);
    void (*move)(void* aux, const struct fleet_move*);
    void (*task)(void* aux, const struct fleet_task*);
    void* aux;
};

/* Starts to replicate from `remote` ("tcp:...", several with commas); never null. */
struct ovsdb_idl* fleet_idl_open(const char* remote);
void fleet_idl_close(struct ovsdb_idl* idl);
/* Which rows to replicate, see Fleet::set_interest; an empty `own` stands for none. */
void fleet_idl_set_interest(struct ovsdb_idl* idl, const char* own, bool all_vms);
void fleet_idl_run(struct ovsdb_idl* idl);
void fleet_idl_wait(struct ovsdb_idl* idl);
/* Whether the connection is up; and whether the whole of the database has been there once. */
bool fleet_idl_connected(const struct ovsdb_idl* idl);
bool fleet_idl_complete(const struct ovsdb_idl* idl);
/* Whether the server's hypervisors have a capacity and loads: that of an older program has none. */
bool fleet_idl_has_loads(const struct ovsdb_idl* idl);
/* The same of their resources, which came later. */
bool fleet_idl_has_resources(const struct ovsdb_idl* idl);
/* Changes when a row does. */
unsigned int fleet_idl_seqno(const struct ovsdb_idl* idl);
void fleet_idl_visit(struct ovsdb_idl* idl, const struct fleet_visitor* visitor);

/* PEM files for ssl: connections; global to the process. */
void fleet_set_ssl(const char* private_key, const char* certificate, const char* ca_certificate);

#ifdef __cplusplus
}
#endif
