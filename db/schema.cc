// SPDX-License-Identifier: Apache-2.0
//
// db/schema: see schema.h.  A step is added at the end and never edited afterwards.
#include <config.h>

#include "db/schema.h"

#include <array>
#include <string>

namespace holdfast::db {
namespace {

/// Step i takes the schema from version i to i + 1.
constexpr std::array steps{
    R"sql(
CREATE TABLE change (        -- One row: how often the store changed.
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL -- Rises with each commit; readers poll it.
);
INSERT INTO change VALUES (1, 0);

CREATE TABLE hypervisor (            -- A machine with our daemons.  Owner: itself.
    name TEXT PRIMARY KEY NOT NULL,  -- Unique in the fleet.
    number INTEGER NOT NULL,         -- 1 to 2047, unique in the fleet.
    id TEXT NOT NULL,                -- UUID of the installation.
    vtep TEXT NOT NULL,              -- IP address of the tunnel's end, or empty.
    bridge TEXT NOT NULL,            -- Where its VMs are plugged.
    self INTEGER NOT NULL,           -- 1 for this machine.
    seen INTEGER NOT NULL            -- When it last said that it lives, ns since the epoch.
) WITHOUT ROWID;
CREATE UNIQUE INDEX hypervisor_self ON hypervisor (self) WHERE self = 1;

CREATE TABLE vm (                    -- A VM record.  Owner: its hypervisor.
    id TEXT PRIMARY KEY NOT NULL,    -- libvirt's UUID, or the iface-id.
    name TEXT NOT NULL,              -- The domain's name.
    label INTEGER NOT NULL,          -- 23 bits, for life.
    kind TEXT NOT NULL,              -- "domain" or "port".
    service TEXT NOT NULL,           -- Service id, or empty.
    hypervisor TEXT NOT NULL,        -- Name of the one it runs on.
    state TEXT NOT NULL,             -- "running" or "stopped".
    ips TEXT NOT NULL,               -- JSON array of addresses.
    epoch INTEGER NOT NULL,          -- Up by one at each take-over.
    protect INTEGER NOT NULL         -- 1: drop what it sends with another's address.
) WITHOUT ROWID;
CREATE INDEX vm_name ON vm (name);

CREATE TABLE vm_port (               -- A virtual port.  Owner: as its VM.
    vm TEXT NOT NULL,                -- The VM's id.
    place INTEGER NOT NULL,          -- From 0, in the order of the domain's XML.
    mac TEXT NOT NULL,               -- Lower case, with colons.
    iface_id TEXT NOT NULL,          -- external_ids:iface-id.
    bridge TEXT NOT NULL,            -- Empty if not plugged.
    interface TEXT NOT NULL,         -- Empty if not plugged.
    ofport INTEGER NOT NULL,         -- 0 if not plugged.
    PRIMARY KEY (vm, place)
) WITHOUT ROWID;

CREATE TABLE chain (                 -- A chain as given.  Shared, owned by none.
    name TEXT PRIMARY KEY NOT NULL,  -- Unique.
    spi INTEGER NOT NULL,            -- 24 bits, the path's number.
    rspi INTEGER NOT NULL,           -- The way back's; 0 if not symmetric.
    match TEXT NOT NULL,             -- The classifier, normalised.
    match_reverse TEXT NOT NULL,     -- Empty if not symmetric.
    priority INTEGER NOT NULL,       -- 0 to 65535.
    symmetric INTEGER NOT NULL,      -- 1: the way back passes the hops too.
    dead TEXT NOT NULL               -- "drop" or "bypass".
) WITHOUT ROWID;

CREATE TABLE chain_hop (             -- The VMs of a chain, in order.
    chain TEXT NOT NULL,             -- The chain's name.
    place INTEGER NOT NULL,          -- From 0.
    vm TEXT NOT NULL,                -- The VM's id.
    PRIMARY KEY (chain, place)
) WITHOUT ROWID;
CREATE INDEX chain_hop_vm ON chain_hop (vm);

CREATE TABLE path (                  -- Computed hops (RFC 7665).  Owner: this store.
    spi INTEGER NOT NULL,            -- The path.
    si INTEGER NOT NULL,             -- The place on it, falling from 255.
    chain TEXT NOT NULL,             -- The chain's name.
    vm TEXT NOT NULL,                -- The VM's id.
    hypervisor TEXT NOT NULL,        -- Whose switch; empty if unknown.
    bridge TEXT NOT NULL,            -- The bridge on it.
    in_port INTEGER NOT NULL,        -- ofport to the VM; 0 while pending.
    out_port INTEGER NOT NULL,       -- ofport from the VM; 0 while pending.
    PRIMARY KEY (spi, si)
) WITHOUT ROWID;
CREATE INDEX path_vm ON path (vm);

CREATE TABLE move (                  -- One side's view of a move.  Owner: its hypervisor.
    serial INTEGER PRIMARY KEY,      -- The order in which the rows came.
    id TEXT NOT NULL,                -- The move's UUID.
    role TEXT NOT NULL,              -- "source" or "destination".
    vm TEXT NOT NULL,                -- The VM's id.
    hypervisor TEXT NOT NULL,        -- Whose row.
    peer TEXT NOT NULL,              -- The other side, or empty.
    state TEXT NOT NULL,             -- See db/rows.h.
    times TEXT NOT NULL,             -- JSON object: what happened when, ns since the epoch.
    figures TEXT NOT NULL,           -- JSON object: what was counted.
    UNIQUE (id, role)
);
CREATE INDEX move_open ON move (serial)
    WHERE state NOT IN ('active', 'back', 'cleaned', 'failed');

CREATE TABLE event (                 -- The time line.  Owner: the hypervisor named.
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- Rises, and is never used twice.
    time INTEGER NOT NULL,           -- ns since the epoch.
    hypervisor TEXT NOT NULL,        -- Where.
    kind TEXT NOT NULL,              -- staged, turned, chain-added, ...
    vm TEXT NOT NULL,                -- The VM's id, or empty.
    chain TEXT NOT NULL,             -- The chain's name, or empty.
    text TEXT NOT NULL               -- One line for people.
);

CREATE TABLE task (                  -- An action asked for.  Owner: the hypervisor asked.
    id TEXT PRIMARY KEY NOT NULL,    -- UUID made by the one who asks.
    hypervisor TEXT NOT NULL,        -- Who is to do it.
    asked_by TEXT NOT NULL,          -- Who asks.
    verb TEXT NOT NULL,              -- trace-step, check, migrate, ...
    arguments TEXT NOT NULL,         -- JSON.
    state TEXT NOT NULL,             -- "asked", "running", "done" or "failed".
    reply TEXT NOT NULL,             -- JSON when done, one line when failed.
    deadline INTEGER NOT NULL        -- Not begun after this, ns since the epoch.
) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE vm ADD COLUMN health TEXT NOT NULL DEFAULT ''; -- Why it does no work as a hop.
ALTER TABLE chain ADD COLUMN probe TEXT NOT NULL DEFAULT '';  -- A packet that hops let through.
ALTER TABLE chain ADD COLUMN open INTEGER NOT NULL DEFAULT 1; -- 0: no frame enters it.
ALTER TABLE chain ADD COLUMN change TEXT NOT NULL DEFAULT ''; -- Who is changing it, and how.

ALTER TABLE chain_hop RENAME TO chain_vm;
CREATE TABLE chain_hop (             -- The places of a chain, in order.
    chain TEXT NOT NULL,             -- The chain's name.
    place INTEGER NOT NULL,          -- From 0.
    member INTEGER NOT NULL,         -- From 0, where several VMs share one place.
    vm TEXT NOT NULL,                -- The VM's id.
    kind TEXT NOT NULL,              -- "pass", "wire" or "tap".
    led INTEGER NOT NULL,            -- 0: nothing is led here; what comes out goes on.
    PRIMARY KEY (chain, place, member)
) WITHOUT ROWID;
INSERT INTO chain_hop SELECT chain, place, 0, vm, 'pass', 1 FROM chain_vm;
DROP TABLE chain_vm;                 -- And its index.
CREATE INDEX chain_hop_vm ON chain_hop (vm);

DROP TABLE path;                     -- Computed anew at the next start.
CREATE TABLE path (                  -- Computed hops (RFC 7665).  Owner: this store.
    spi INTEGER NOT NULL,            -- The path.
    si INTEGER NOT NULL,             -- The place on it, falling from 255.
    chain TEXT NOT NULL,             -- The chain's name.
    vm TEXT NOT NULL,                -- The VM's id.
    hypervisor TEXT NOT NULL,        -- Whose switch; empty if unknown.
    bridge TEXT NOT NULL,            -- The bridge on it.
    in_port INTEGER NOT NULL,        -- ofport to the VM; 0 while pending.
    out_port INTEGER NOT NULL,       -- ofport from the VM; 0 while pending.
    PRIMARY KEY (spi, si, vm)
) WITHOUT ROWID;
CREATE INDEX path_vm ON path (vm);
)sql",
    R"sql(
ALTER TABLE hypervisor               -- 1: no VM is to come, its own are led away.
    ADD COLUMN drained INTEGER NOT NULL DEFAULT 0;
)sql",
    R"sql(
CREATE TABLE balancer (              -- A balanced address.  Shared, owned by none.
    name TEXT PRIMARY KEY NOT NULL,  -- Unique.
    vip TEXT NOT NULL,               -- The public address.
    port INTEGER NOT NULL,           -- The public port.
    protocol TEXT NOT NULL,          -- "tcp" or "udp".
    director TEXT NOT NULL,          -- Who chooses: "external".
    directors TEXT NOT NULL,         -- JSON array of their VM ids.
    policy TEXT NOT NULL,            -- Of a built-in director, or empty.
    gateway TEXT NOT NULL,           -- Of the routed way, or empty.
    mac_prefix TEXT NOT NULL,        -- The two bytes that are no address.
    mac_layout TEXT NOT NULL         -- "prefix", "suffix", "split" or "table".
) WITHOUT ROWID;

CREATE TABLE balancer_server (       -- The machines behind it, in order.
    balancer TEXT NOT NULL,          -- The balancer's name.
    place INTEGER NOT NULL,          -- From 0.
    address TEXT NOT NULL,           -- Without prefix length.
    port INTEGER NOT NULL,           -- 1 to 65535.
    weight INTEGER NOT NULL,         -- 0 to 65535.
    state TEXT NOT NULL,             -- "active" or "draining".
    mac TEXT NOT NULL,               -- The synthetic one, lower case, with colons.
    PRIMARY KEY (balancer, place)
) WITHOUT ROWID;
)sql",
    R"sql(
-- Of a built-in director.
ALTER TABLE balancer ADD COLUMN vip_mac TEXT NOT NULL DEFAULT '';      -- Synthetic, or empty.
ALTER TABLE balancer ADD COLUMN persistence INTEGER NOT NULL DEFAULT 0; -- Seconds; 0: none.
ALTER TABLE balancer ADD COLUMN slow_start INTEGER NOT NULL DEFAULT 0; -- Seconds; 0: none.
ALTER TABLE balancer ADD COLUMN sorry TEXT NOT NULL DEFAULT '';        -- Its address, or empty.
ALTER TABLE balancer ADD COLUMN sorry_port INTEGER NOT NULL DEFAULT 0; -- Its port, or 0.
ALTER TABLE balancer ADD COLUMN sorry_mac TEXT NOT NULL DEFAULT '';    -- Synthetic, or empty.
ALTER TABLE balancer ADD COLUMN check_kind TEXT NOT NULL DEFAULT 'none'; -- See db/rows.h, check.
ALTER TABLE balancer ADD COLUMN check_target TEXT NOT NULL DEFAULT ''; -- Path or program.
ALTER TABLE balancer ADD COLUMN check_expect INTEGER NOT NULL DEFAULT 0; -- HTTP status; 0: any.
ALTER TABLE balancer ADD COLUMN interval_ms INTEGER NOT NULL DEFAULT 2000; -- Between probes.
ALTER TABLE balancer ADD COLUMN timeout_ms INTEGER NOT NULL DEFAULT 1000;  -- Of one probe.
ALTER TABLE balancer ADD COLUMN rise INTEGER NOT NULL DEFAULT 2;       -- Good ones to live again.
ALTER TABLE balancer ADD COLUMN fall INTEGER NOT NULL DEFAULT 3;       -- Bad ones to be dead.
ALTER TABLE balancer_server              -- Connections at a time; 0: no limit.
    ADD COLUMN connections_max INTEGER NOT NULL DEFAULT 0;

CREATE TABLE server_health (         -- How a server does.  Owner: the hypervisor that probes it.
    balancer TEXT NOT NULL,          -- The balancer's name.
    address TEXT NOT NULL,           -- The server's.
    hypervisor TEXT NOT NULL,        -- Who probed it.
    state TEXT NOT NULL,             -- "up" or "down".
    since INTEGER NOT NULL,          -- When it became so, ns since the epoch.
    text TEXT NOT NULL,              -- Why, one line.
    cpu INTEGER NOT NULL,            -- Thousandths; -1: not known.
    memory INTEGER NOT NULL,         -- Thousandths; -1: not known.
    answer_us INTEGER NOT NULL,      -- Of a probe; -1: not known.
    PRIMARY KEY (balancer, address, hypervisor)
) WITHOUT ROWID;
CREATE INDEX server_health_hypervisor ON server_health (hypervisor);
)sql",
    R"sql(
ALTER TABLE balancer                 -- The VIP's on the routed way, 1 to 63; 0: none.
    ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE balancer_server          -- How it is reached: "tunnel" or "routed".
    ADD COLUMN way TEXT NOT NULL DEFAULT 'tunnel';
)sql",
    R"sql(
CREATE TABLE service (               -- A process tree with a port.  Owner: its hypervisor.
    id TEXT PRIMARY KEY NOT NULL,    -- UUID; its VM record has the same.
    name TEXT NOT NULL,              -- Unique in the fleet.
    user TEXT NOT NULL,              -- Whose rights its command has.
    ips TEXT NOT NULL,               -- JSON array of addresses with prefix length.
    mac TEXT NOT NULL,               -- Of its port.
    vlan INTEGER NOT NULL,           -- Of its port; 0: none.
    gateway TEXT NOT NULL,           -- Of its default route, or empty.
    command TEXT NOT NULL,           -- JSON array: the program and its arguments.
    directory TEXT NOT NULL,         -- Where the command begins.
    environment TEXT NOT NULL,       -- JSON array of NAME=VALUE.
    hypervisor TEXT NOT NULL,        -- Name of the one that runs it.
    state TEXT NOT NULL,             -- "running", "stopped" or "moving".
    pinned INTEGER NOT NULL,         -- 1: it stays where it is.
    mode TEXT NOT NULL,              -- "checkpoint" or "handoff".
    pid INTEGER NOT NULL,            -- The first process of its tree; 0: none.
    exit TEXT NOT NULL,              -- Why it is stopped, or empty.
    epoch INTEGER NOT NULL           -- Up by one at each take-over.
) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE hypervisor               -- 1: it is not heard of any more: others hold its VIPs.
    ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hypervisor               -- 1: its vtep answers ICMP echoes.
    ADD COLUMN answers INTEGER NOT NULL DEFAULT 0;
)sql",
    R"sql(
CREATE TABLE specification (         -- What a VM is made of.  Owner: its hypervisor.
    id TEXT PRIMARY KEY NOT NULL,    -- The VM's.
    hypervisor TEXT NOT NULL,        -- Name of the one whose VM it is.
    epoch INTEGER NOT NULL,          -- The VM's record's.
    cpus INTEGER NOT NULL,           -- 0: not known, also below.
    memory INTEGER NOT NULL,         -- MiB.
    disk INTEGER NOT NULL,           -- MiB, of all its disks.
    shared_disks INTEGER NOT NULL,   -- 1: other hypervisors reach them.
    elements TEXT NOT NULL           -- JSON, [[feature, name, version]..].
) WITHOUT ROWID;

CREATE TABLE recovery_policy (       -- How VMs are recovered.  Shared, owned by none.
    name TEXT PRIMARY KEY NOT NULL,  -- "fleet", or the id of the VM it is for.
    ways TEXT NOT NULL,              -- "restart,adopt,clone", or empty.
    weights TEXT NOT NULL,           -- JSON, {feature: millionths}.
    threshold INTEGER NOT NULL,      -- Millionths.
    measure TEXT NOT NULL,           -- "jaccard" or "coverage"; of a VM's empty.
    versions TEXT NOT NULL,          -- "ignore", "major" or "exact"; of a VM's empty.
    required TEXT NOT NULL,          -- "cpu,memory,disk" as far as they are conditions.
    pinned TEXT NOT NULL,            -- The id of the VM that is to replace it, or empty.
    forbidden INTEGER NOT NULL       -- 1: it replaces no other.
) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE hypervisor               -- For all users, thousandths of a unit; 0: nothing.
    ADD COLUMN capacity INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hypervisor               -- Of the last hour, thousandths; -1: not known.
    ADD COLUMN load INTEGER NOT NULL DEFAULT -1;
ALTER TABLE hypervisor               -- Of a review's period, thousandths; -1: not known.
    ADD COLUMN period_load INTEGER NOT NULL DEFAULT -1;

CREATE TABLE lease (                 -- Who may decide.  Shared, changed by compare and swap.
    name TEXT PRIMARY KEY NOT NULL,  -- What for: "schedd".
    holder TEXT NOT NULL,            -- The hypervisor, or empty.
    term INTEGER NOT NULL,           -- Up by one with each holder.
    beat INTEGER NOT NULL,           -- Up by one each time that it says it lives.
    decided INTEGER NOT NULL,        -- Up by one with each decision.
    spare TEXT NOT NULL,             -- The hypervisor in reserve, or empty.
    reviewed INTEGER NOT NULL,       -- Since when the period runs, ns since the epoch.
    accounted INTEGER NOT NULL       -- Until when use is accounted, likewise.
) WITHOUT ROWID;

CREATE TABLE quota (                 -- What a user has of the fleet.  Shared.
    name TEXT PRIMARY KEY NOT NULL,  -- The user's.
    amount INTEGER NOT NULL,         -- What he may have, thousandths of a unit.
    administrator INTEGER NOT NULL,  -- 1: he has all hypervisors.
    share TEXT NOT NULL,             -- JSON object: thousandths of a unit, by hypervisor.
    given TEXT NOT NULL,             -- JSON object: since when, by hypervisor.
    borrowed TEXT NOT NULL,          -- JSON array of spares lent to him.
    in_use TEXT NOT NULL,            -- JSON array of hypervisors that he uses.
    low_reviews INTEGER NOT NULL,    -- Reviews in a row that found too little.
    used TEXT NOT NULL               -- JSON object: unit-seconds in thousandths, by hypervisor.
) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE vm_port                  -- Of a service: the network that its addresses are in.
    ADD COLUMN fabric TEXT NOT NULL DEFAULT '';
ALTER TABLE vm_port                  -- The hypervisor that stands in for it there, or empty.
    ADD COLUMN entry TEXT NOT NULL DEFAULT '';
ALTER TABLE hypervisor               -- JSON object (db/resources.h), or empty: not known.
    ADD COLUMN resources TEXT NOT NULL DEFAULT '';
ALTER TABLE specification            -- Seconds after which it is paused where it is cut off; 0: not.
    ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;
ALTER TABLE specification            -- Its definition, where another may have to start it.
    ADD COLUMN xml TEXT NOT NULL DEFAULT '';
ALTER TABLE recovery_policy          -- "on", "off" or empty.
    ADD COLUMN automatic TEXT NOT NULL DEFAULT '';

CREATE TABLE recovery (              -- A VM's failure, and what became of it.  Shared.
    id TEXT PRIMARY KEY NOT NULL,    -- UUID.
    vm TEXT NOT NULL,                -- The VM's id.
    hypervisor TEXT NOT NULL,        -- Where it failed.
    failure TEXT NOT NULL,           -- "crashed", "halted", "hung", ...
    state TEXT NOT NULL,             -- "failed", "running", "recovered", "given-up", "over", "allowed".
    way TEXT NOT NULL,               -- "restart", "adopt", "clone" or empty.
    replacement TEXT NOT NULL,       -- The id of the VM that has its place, or empty.
    target TEXT NOT NULL,            -- The hypervisor of that.
    by_hypervisor TEXT NOT NULL,     -- Who does it, or did.
    text TEXT NOT NULL,              -- What is being done, or why nothing is.
    attempts INTEGER NOT NULL,       -- That have failed.
    since INTEGER NOT NULL,          -- When it was seen, ns since the epoch.
    changed INTEGER NOT NULL         -- When the state became so, likewise.
) WITHOUT ROWID;
ALTER TABLE lease                    -- What one round of balance leaves for the next, JSON.
    ADD COLUMN balance TEXT NOT NULL DEFAULT '';
ALTER TABLE quota                    -- Until when use is accounted, if after the lease's.
    ADD COLUMN accounted INTEGER NOT NULL DEFAULT 0;
)sql",
};

} // namespace

std::int64_t schema_version()
{
    return static_cast<std::int64_t>(steps.size());
}

void migrate(Connection& store)
{
    store.run("BEGIN IMMEDIATE");
    try {
        auto version = store.integer("PRAGMA user_version");
        for (; version < schema_version(); ++version)
            store.run(steps[static_cast<std::size_t>(version)]);
        store.run("PRAGMA application_id = " + std::to_string(application_id));
        store.run("PRAGMA user_version = " + std::to_string(version));
        store.run("COMMIT");
    } catch (const SqliteError&) {
        store.roll_back();
        throw;
    }
}

} // namespace holdfast::db
