// SPDX-License-Identifier: Apache-2.0
//
// db/store-rows: the store's tables, read into rows and written from them.
//
// Reading all VMs costs about 5 microseconds and 0.5 KiB a VM; a put about 150 microseconds
// outside a transaction, 15 inside.  Events and ended moves are kept up to a number, so that
// the file stays below some 50 MiB whatever its age.
#include <config.h>

#include <nlohmann/json.hpp>

#include "common/text.h"
#include "db/row-check.h"
#include "db/store-impl.h"

namespace holdfast::db {
namespace {

using nlohmann::json;

constexpr std::int64_t n_events_kept = 100'000;
constexpr std::int64_t n_moves_kept = 10'000;

template <class T>
T from_json(const std::string& text, const std::string& what)
{
    try {
        return json::parse(text).get<T>();
    } catch (const json::exception&) {
        throw BadRow{what + " is " + one_line(text, 40) + ": it is to be JSON of its kind"};
    }
}

template <class Row>
using Rows = std::vector<Row>;
using Damages = std::vector<Damage>;

/// All rows but those with a column that is not of its kind, which are noted.
/// Shape:   the query's first column is what people find the row by.
template <class Row>
Rows<Row> read_all(Use& query, Row (*read)(Statement&), const char* table, Damages& damaged)
{
    Rows<Row> rows;
    while (query->step()) {
        try {
            rows.push_back(read(*query));
        } catch (const BadRow& bad) {
            damaged.push_back({table, query->first(), bad.what()});
        }
    }
    return rows;
}

/// Gives rows their parts, which are sorted by the row's key as they are: one pass.  A row with a
/// part that is damaged is noted.
/// Shape:   the query's first column is the row's key.
template <class Row>
void read_parts(Use& query, Rows<Row>& rows, void (*take)(Statement&, Row&), const char* table,
                Damages& damaged)
{
    auto row = rows.begin();
    while (query->step()) {
        const auto key = query->text();
        while (row != rows.end() && key_of(*row) < key)
            ++row;
        if (row == rows.end())
            break;
        if (key_of(*row) != key)
            continue;
        try {
            take(*query, *row);
        } catch (const BadRow& bad) {
            if (!is_damaged(damaged, table, key)) // One line a row.
                damaged.push_back({table, key, bad.what()});
        }
    }
}

constexpr std::string_view hypervisor_columns =
    "SELECT name, number, id, vtep, bridge, self, seen, drained, lost, answers, capacity, load, "
    "period_load, resources FROM hypervisor ORDER BY name";

Hypervisor read_hypervisor(Statement& from)
{
    Hypervisor row;
    row.name = from.text();
    row.number = from.number<int>();
    row.id = from.text();
    row.vtep = from.text();
    row.bridge = from.text();
    row.self = from.integer() != 0;
    row.seen = from.integer();
    row.drained = from.integer() != 0;
    row.lost = from.integer() != 0;
    row.answers = from.integer() != 0;
    row.capacity = from.integer();
    row.load = from.number<int>();
    row.period_load = from.number<int>();
    row.resources = from.text();
    return row;
}

Rows<Hypervisor> read_hypervisors(Connection& store)
{
    Rows<Hypervisor> rows;
    auto query = store.use(hypervisor_columns);
    while (query->step())
        rows.push_back(read_hypervisor(*query));
    return rows;
}

Vm read_vm(Statement& from)
{
    Vm row;
    row.id = from.text();
    row.name = from.text();
    row.label = from.number<std::uint32_t>();
    row.kind = from.text();
    row.service = from.text();
    row.hypervisor = from.text();
    row.state = from.text();
    row.ips = from_json<std::vector<std::string>>(from.text(), "ips");
    row.epoch = from.integer();
    row.protect = from.integer() != 0;
    row.health = from.text();
    return row;
}

void take_port(Statement& from, Vm& vm)
{
    VmPort port;
    port.mac = from.text();
    port.iface_id = from.text();
    port.bridge = from.text();
    port.interface = from.text();
    port.ofport = from.number<int>();
    port.fabric = from.text();
    port.entry = from.text();
    vm.ports.push_back(std::move(port));
}

Rows<Vm> read_vms(Connection& store, Damages& damaged)
{
    auto query = store.use("SELECT id, name, label, kind, service, hypervisor, state, ips, epoch, "
                           "protect, health FROM vm ORDER BY id");
    auto rows = read_all(query, read_vm, "vm", damaged);
    auto ports = store.use("SELECT vm, mac, iface_id, bridge, interface, ofport, fabric, entry "
                           "FROM vm_port ORDER BY vm, place");
    read_parts(ports, rows, take_port, "vm", damaged);
    std::erase_if(rows, [&](const Vm& row) { return is_damaged(damaged, "vm", row.id); });
    return rows;
}

std::optional<Vm> read_one_vm(Connection& store, const std::string& id_or_name)
{
    auto query = store.use("SELECT id, name, label, kind, service, hypervisor, state, ips, epoch, "
                           "protect, health FROM vm WHERE id = ?1 OR name = ?1 "
                           "ORDER BY id = ?1 DESC, id LIMIT 1");
    query->bind(id_or_name);
    if (!query->step())
        return std::nullopt;
    auto row = read_vm(*query);
    auto ports = store.use("SELECT mac, iface_id, bridge, interface, ofport, fabric, entry "
                           "FROM vm_port WHERE vm = ? ORDER BY place");
    ports->bind(row.id);
    while (ports->step())
        take_port(*ports, row);
    return row;
}

/// One member of a place; the first begins the place.  What is damaged is a hop that nobody knows:
/// traffic is dropped there, and does not pass by.
void take_hop(Statement& from, Chain& chain)
{
    const Hop nobody{{"?"}, "pass", true};
    Hop hop;
    try {
        const bool begins = from.integer() == 0;
        hop.vms = {from.text()};
        hop.kind = from.text();
        hop.led = from.integer() != 0;
        if (!begins && chain.hops.empty())
            throw BadRow{"chain_hop: a place has no first member"};
        if (begins)
            chain.hops.emplace_back();
    } catch (const BadRow&) {
        chain.hops.push_back(nobody);
        throw;
    }
    chain.hops.back().vms.push_back(hop.vms[0]);
    chain.hops.back().kind = hop.kind;
    chain.hops.back().led = hop.led;
}

Chain read_chain(Statement& from)
{
    Chain row;
    row.name = from.text();
    row.spi = from.number<std::uint32_t>();
    row.rspi = from.number<std::uint32_t>();
    row.match = from.text();
    row.match_reverse = from.text();
    row.priority = from.number<int>();
    row.symmetric = from.integer() != 0;
    row.dead = from.text();
    row.probe = from.text();
    row.open = from.integer() != 0;
    row.change = from.text();
    return row;
}

Rows<Chain> read_chains(Connection& store, Damages& damaged)
{
    auto query = store.use("SELECT name, spi, rspi, match, match_reverse, priority, symmetric, "
                           "dead, probe, open, change FROM chain ORDER BY name");
    auto rows = read_all(query, read_chain, "chain", damaged);
    auto hops = store.use("SELECT chain, member, vm, kind, led FROM chain_hop "
                          "ORDER BY chain, place, member");
    read_parts(hops, rows, take_hop, "chain", damaged);
    return rows;
}

void take_server(Statement& from, Balancer& balancer)
{
    RealServer server;
    server.address = from.text();
    server.port = from.number<int>();
    server.weight = from.number<int>();
    server.state = from.text();
    server.mac = from.text();
    server.limit = from.number<int>();
    server.way = from.text();
    balancer.servers.push_back(std::move(server));
}

Balancer read_balancer(Statement& from)
{
    Balancer row;
    row.name = from.text();
    row.vip = from.text();
    row.port = from.number<int>();
    row.protocol = from.text();
    row.director = from.text();
    row.directors = from_json<std::vector<std::string>>(from.text(), "directors");
    row.policy = from.text();
    row.gateway = from.text();
    row.mac_prefix = from.text();
    row.mac_layout = from.text();
    row.vip_mac = from.text();
    row.persistence = from.number<int>();
    row.slow_start = from.number<int>();
    row.sorry = from.text();
    row.sorry_port = from.number<int>();
    row.sorry_mac = from.text();
    row.check = from.text();
    row.check_target = from.text();
    row.check_expect = from.number<int>();
    row.interval_ms = from.number<int>();
    row.timeout_ms = from.number<int>();
    row.rise = from.number<int>();
    row.fall = from.number<int>();
    row.number = from.number<int>();
    return row;
}

Rows<Balancer> read_balancers(Connection& store, Damages& damaged)
{
    auto query = store.use(
        "SELECT name, vip, port, protocol, director, directors, policy, "
        "gateway, mac_prefix, mac_layout, vip_mac, persistence, slow_start, "
        "sorry, sorry_port, sorry_mac, check_kind AS \"check\", check_target, check_expect, "
        "interval_ms, timeout_ms, rise, fall, number FROM balancer ORDER BY name");
    auto rows = read_all(query, read_balancer, "balancer", damaged);
    auto servers = store.use(
        "SELECT balancer, address, port, weight, state, mac, connections_max AS \"limit\", way "
        "FROM balancer_server ORDER BY balancer, place");
    read_parts(servers, rows, take_server, "balancer", damaged);
    leave_out_damaged(rows, "balancer", damaged);
    return rows;
}

ServerHealth read_one_health(Statement& from)
{
    ServerHealth row;
    row.balancer = from.text();
    row.address = from.text();
    row.hypervisor = from.text();
    row.state = from.text();
    row.since = from.integer();
    row.text = from.text();
    row.cpu = from.number<int>();
    row.memory = from.number<int>();
    row.answer_us = from.number<int>();
    return row;
}

Rows<ServerHealth> read_health(Connection& store, Damages& damaged)
{
    auto query = store.use("SELECT balancer, address, hypervisor, state, since, text, cpu, memory, "
                           "answer_us FROM server_health ORDER BY balancer, address, hypervisor");
    auto rows = read_all(query, read_one_health, "server_health", damaged);
    leave_out_damaged(rows, "server_health", damaged);
    return rows;
}

Service read_service(Statement& from)
{
    using Texts = std::vector<std::string>;
    Service row;
    row.name = from.text();
    row.id = from.text();
    row.user = from.text();
    row.ips = from_json<Texts>(from.text(), "ips");
    row.mac = from.text();
    row.vlan = from.number<int>();
    row.gateway = from.text();
    row.command = from_json<Texts>(from.text(), "command");
    row.directory = from.text();
    row.environment = from_json<Texts>(from.text(), "environment");
    row.hypervisor = from.text();
    row.state = from.text();
    row.pinned = from.integer() != 0;
    row.mode = from.text();
    row.pid = from.number<int>();
    row.exit = from.text();
    row.epoch = from.integer();
    return row;
}

Rows<Service> read_services(Connection& store, Damages& damaged)
{
    auto query = store.use("SELECT name, id, user, ips, mac, vlan, gateway, command, directory, "
                           "environment, hypervisor, state, pinned, mode, pid, exit, epoch "
                           "FROM service ORDER BY name, id");
    auto rows = read_all(query, read_service, "service", damaged);
    leave_out_damaged(rows, "service", damaged);
    return rows;
}

Rows<Lease> read_leases(Connection& store)
{
    Rows<Lease> rows;
    auto query =
        store.use("SELECT name, holder, term, beat, decided, spare, reviewed, accounted, balance "
                  "FROM lease ORDER BY name");
    while (query->step()) {
        auto& row = rows.emplace_back();
        row.name = query->text();
        row.holder = query->text();
        row.term = query->integer();
        row.beat = query->integer();
        row.decided = query->integer();
        row.spare = query->text();
        row.reviewed = query->integer();
        row.accounted = query->integer();
        row.balance = query->text();
    }
    return rows;
}

Quota read_quota(Statement& from)
{
    using Texts = std::vector<std::string>;
    using Numbers = std::map<std::string, std::int64_t>;
    Quota row;
    row.name = from.text();
    row.amount = from.integer();
    row.administrator = from.integer() != 0;
    row.share = from_json<Numbers>(from.text(), "share");
    row.given = from_json<Numbers>(from.text(), "given");
    row.borrowed = from_json<Texts>(from.text(), "borrowed");
    row.in_use = from_json<Texts>(from.text(), "in_use");
    row.low_reviews = from.number<int>();
    row.used = from_json<Numbers>(from.text(), "used");
    row.accounted = from.integer();
    return row;
}

Rows<Quota> read_quotas(Connection& store, Damages& damaged)
{
    auto query = store.use("SELECT name, amount, administrator, share, given, borrowed, in_use, "
                           "low_reviews, used, accounted FROM quota ORDER BY name");
    auto rows = read_all(query, read_quota, "quota", damaged);
    leave_out_damaged(rows, "quota", damaged);
    return rows;
}

Rows<Move> read_moves(Use& query)
{
    Rows<Move> rows;
    while (query->step()) {
        auto& row = rows.emplace_back();
        row.id = query->text();
        row.role = query->text();
        row.vm = query->text();
        row.hypervisor = query->text();
        row.peer = query->text();
        row.state = query->text();
        row.times = from_json<decltype(row.times)>(query->text(), "move.times of " + row.id);
        row.figures = from_json<decltype(row.figures)>(query->text(), "move.figures of " + row.id);
    }
    return rows;
}

/// The destination's part has ended with `active`, the source's with `cleaned` or `back`.
Rows<Move> read_open_moves(Connection& store)
{
    auto query =
        store.use("SELECT id, role, vm, hypervisor, peer, state, times, figures FROM move "
                  "WHERE state NOT IN ('active', 'back', 'cleaned', 'failed') ORDER BY serial");
    return read_moves(query);
}

std::int64_t read_version(Connection& store)
{
    auto query = store.use("SELECT version FROM change");
    return query->step() ? query->integer() : 0;
}

void write_vm(Connection& store, const Vm& row)
{
    auto vm = store.use("INSERT INTO vm VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO "
                        "UPDATE SET name = excluded.name, label = excluded.label, "
                        "kind = excluded.kind, service = excluded.service, "
                        "hypervisor = excluded.hypervisor, state = excluded.state, "
                        "ips = excluded.ips, epoch = excluded.epoch, protect = excluded.protect, "
                        "health = excluded.health");
    vm->bind(row.id).bind(row.name).bind(row.label).bind(row.kind).bind(row.service);
    vm->bind(row.hypervisor).bind(row.state).bind(json(row.ips).dump());
    vm->bind(row.epoch).bind(row.protect).bind(row.health).run();

    auto clear = store.use("DELETE FROM vm_port WHERE vm = ?");
    clear->bind(row.id).run();
    std::int64_t place = 0;
    for (const auto& port : row.ports) {
        auto add = store.use("INSERT INTO vm_port VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        add->bind(row.id).bind(place++).bind(port.mac).bind(port.iface_id).bind(port.bridge);
        add->bind(port.interface).bind(port.ofport).bind(port.fabric).bind(port.entry).run();
    }
}

void write_chain(Connection& store, const Chain& row)
{
    auto chain = store.use("INSERT OR REPLACE INTO chain VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    chain->bind(row.name).bind(row.spi).bind(row.rspi).bind(row.match).bind(row.match_reverse);
    chain->bind(row.priority).bind(row.symmetric).bind(row.dead).bind(row.probe);
    chain->bind(row.open).bind(row.change).run();

    auto clear = store.use("DELETE FROM chain_hop WHERE chain = ?");
    clear->bind(row.name).run();
    std::int64_t place = 0;
    for (const auto& hop : row.hops) {
        std::int64_t member = 0;
        for (const auto& vm : hop.vms) {
            auto add = store.use("INSERT INTO chain_hop VALUES (?, ?, ?, ?, ?, ?)");
            add->bind(row.name).bind(place).bind(member++).bind(vm).bind(hop.kind);
            add->bind(hop.led).run();
        }
        ++place;
    }
}

void write_balancer(Connection& store, const Balancer& row)
{
    auto balancer =
        store.use("INSERT OR REPLACE INTO balancer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                  "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    balancer->bind(row.name).bind(row.vip).bind(row.port).bind(row.protocol).bind(row.director);
    balancer->bind(json(row.directors).dump()).bind(row.policy).bind(row.gateway);
    balancer->bind(row.mac_prefix).bind(row.mac_layout).bind(row.vip_mac).bind(row.persistence);
    balancer->bind(row.slow_start).bind(row.sorry).bind(row.sorry_port).bind(row.sorry_mac);
    balancer->bind(row.check).bind(row.check_target).bind(row.check_expect).bind(row.interval_ms);
    balancer->bind(row.timeout_ms).bind(row.rise).bind(row.fall).bind(row.number).run();

    auto clear = store.use("DELETE FROM balancer_server WHERE balancer = ?");
    clear->bind(row.name).run();
    std::int64_t place = 0;
    for (const auto& server : row.servers) {
        auto add = store.use("INSERT INTO balancer_server VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        add->bind(row.name).bind(place++).bind(server.address).bind(server.port);
        add->bind(server.weight).bind(server.state).bind(server.mac).bind(server.limit);
        add->bind(server.way).run();
    }

    auto forget = store.use("DELETE FROM server_health WHERE balancer = ?1 AND address NOT IN "
                            "(SELECT address FROM balancer_server WHERE balancer = ?1)");
    forget->bind(row.name).run();
}

void write_move(Connection& store, const Move& row)
{
    auto move =
        store.use("INSERT INTO move (id, role, vm, hypervisor, peer, state, times, figures) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, role) DO UPDATE SET "
                  "vm = excluded.vm, hypervisor = excluded.hypervisor, "
                  "peer = excluded.peer, state = excluded.state, "
                  "times = excluded.times, figures = excluded.figures");
    move->bind(row.id).bind(row.role).bind(row.vm).bind(row.hypervisor).bind(row.peer);
    move->bind(row.state).bind(json(row.times).dump()).bind(json(row.figures).dump()).run();

    auto prune = store.use("DELETE FROM move WHERE serial <= (SELECT max(serial) FROM move) - ? "
                           "AND state IN ('active', 'back', 'cleaned', 'failed')");
    prune->bind(n_moves_kept).run();
}

/// `DELETE ... WHERE key = ?` for one row of a table.
void erase(Connection& store, std::string_view sql, const std::string& key)
{
    auto statement = store.use(sql);
    statement->bind(key).run();
}

/// The rows that are not damaged, for who does not ask which are.
template <class Row>
auto unnoted(Rows<Row> (*read)(Connection& store, Damages& damaged))
{
    return [read](Connection& store) {
        Damages damaged;
        return read(store, damaged);
    };
}

} // namespace

Result<Snapshot> Store::snapshot()
{
    return impl_->read([](Connection& store) {
        Snapshot all;
        all.version = read_version(store);
        all.hypervisors = read_hypervisors(store);
        all.vms = read_vms(store, all.damaged);
        all.chains = read_chains(store, all.damaged);
        all.balancers = read_balancers(store, all.damaged);
        all.health = read_health(store, all.damaged);
        all.moves = read_open_moves(store);
        return all;
    });
}

Result<std::int64_t> Store::version()
{
    return impl_->read(read_version);
}

Result<std::vector<Hypervisor>> Store::hypervisors()
{
    return impl_->read(read_hypervisors);
}

Result<std::optional<Hypervisor>> Store::self()
{
    return impl_->read([](Connection& store) -> std::optional<Hypervisor> {
        for (auto& row : read_hypervisors(store))
            if (row.self)
                return row;
        return std::nullopt;
    });
}

Result<void> Store::put(const Hypervisor& row)
{
    return impl_->write([&](Connection& store) {
        if (row.self) { // Another name than before: there is one self.
            auto former = store.use("UPDATE hypervisor SET self = 0 WHERE self = 1 AND name <> ?");
            former->bind(row.name).run();
        }
        auto put = store.use("INSERT OR REPLACE INTO hypervisor VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
                             "?, ?, ?, ?, ?)");
        put->bind(row.name).bind(row.number).bind(row.id).bind(row.vtep).bind(row.bridge);
        put->bind(row.self).bind(row.seen).bind(row.drained).bind(row.lost).bind(row.answers);
        put->bind(row.capacity).bind(row.load).bind(row.period_load);
        put->bind(row.resources).run();
    });
}

Result<void> Store::remove_hypervisor(const std::string& name)
{
    return impl_->write([&](Connection& store) {
        erase(store, "DELETE FROM server_health WHERE hypervisor = ?", name);
        erase(store, "DELETE FROM hypervisor WHERE name = ?", name);
    });
}

Result<std::vector<Vm>> Store::vms()
{
    return impl_->read(unnoted(read_vms));
}

Result<std::optional<Vm>> Store::find_vm(const std::string& id_or_name)
{
    return impl_->read([&](Connection& store) { return read_one_vm(store, id_or_name); });
}

Result<void> Store::put(const Vm& row)
{
    return impl_->write([&](Connection& store) { write_vm(store, row); });
}

Result<void> Store::remove_vm(const std::string& id)
{
    return impl_->write([&](Connection& store) {
        erase(store, "DELETE FROM vm_port WHERE vm = ?", id);
        erase(store, "DELETE FROM vm WHERE id = ?", id);
    });
}

Result<std::vector<Chain>> Store::chains()
{
    return impl_->read(unnoted(read_chains));
}

Result<void> Store::put(const Chain& row)
{
    return impl_->write([&](Connection& store) { write_chain(store, row); });
}

Result<void> Store::remove_chain(const std::string& name)
{
    return impl_->write([&](Connection& store) {
        erase(store, "DELETE FROM chain_hop WHERE chain = ?", name);
        erase(store, "DELETE FROM chain WHERE name = ?", name);
    });
}

Result<std::vector<Balancer>> Store::balancers()
{
    return impl_->read(unnoted(read_balancers));
}

Result<void> Store::put(const Balancer& row)
{
    return impl_->write([&](Connection& store) { write_balancer(store, row); });
}

Result<void> Store::remove_balancer(const std::string& name)
{
    return impl_->write([&](Connection& store) {
        erase(store, "DELETE FROM server_health WHERE balancer = ?", name);
        erase(store, "DELETE FROM balancer_server WHERE balancer = ?", name);
        erase(store, "DELETE FROM balancer WHERE name = ?", name);
    });
}

Result<std::vector<ServerHealth>> Store::health()
{
    return impl_->read(unnoted(read_health));
}

Result<void> Store::put(const ServerHealth& row)
{
    return impl_->write([&](Connection& store) {
        auto put =
            store.use("INSERT OR REPLACE INTO server_health VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        put->bind(row.balancer).bind(row.address).bind(row.hypervisor).bind(row.state);
        put->bind(row.since).bind(row.text).bind(row.cpu).bind(row.memory).bind(row.answer_us);
        put->run();
    });
}

Result<void> Store::remove_health(const HealthKey& key)
{
    return impl_->write([&](Connection& store) {
        auto remove = store.use("DELETE FROM server_health WHERE balancer = ? AND address = ? "
                                "AND hypervisor = ?");
        remove->bind(key.balancer).bind(key.address).bind(key.hypervisor).run();
    });
}

Result<std::vector<Service>> Store::services(std::vector<Damage>* damaged)
{
    return impl_->read([&](Connection& store) {
        Damages ignored;
        return read_services(store, damaged ? *damaged : ignored);
    });
}

Result<void> Store::put(const Service& row)
{
    return impl_->write([&](Connection& store) {
        auto put = store.use("INSERT OR REPLACE INTO service VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                             "?, ?, ?, ?, ?, ?, ?)");
        put->bind(row.id).bind(row.name).bind(row.user).bind(json(row.ips).dump()).bind(row.mac);
        put->bind(row.vlan).bind(row.gateway).bind(json(row.command).dump()).bind(row.directory);
        put->bind(json(row.environment).dump()).bind(row.hypervisor).bind(row.state);
        put->bind(row.pinned).bind(row.mode).bind(row.pid).bind(row.exit).bind(row.epoch).run();
    });
}

Result<void> Store::remove_service(const std::string& id)
{
    return impl_->write(
        [&](Connection& store) { erase(store, "DELETE FROM service WHERE id = ?", id); });
}

Result<std::vector<Lease>> Store::leases()
{
    return impl_->read(read_leases);
}

Result<void> Store::put(const Lease& row)
{
    return impl_->write([&](Connection& store) {
        auto put = store.use("INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        put->bind(row.name).bind(row.holder).bind(row.term).bind(row.beat).bind(row.decided);
        put->bind(row.spare).bind(row.reviewed).bind(row.accounted).bind(row.balance).run();
    });
}

Result<void> Store::remove_lease(const std::string& name)
{
    return impl_->write(
        [&](Connection& store) { erase(store, "DELETE FROM lease WHERE name = ?", name); });
}

Result<std::vector<Quota>> Store::quotas(std::vector<Damage>* damaged)
{
    return impl_->read([&](Connection& store) {
        Damages ignored;
        return read_quotas(store, damaged ? *damaged : ignored);
    });
}

Result<void> Store::put(const Quota& row)
{
    return impl_->write([&](Connection& store) {
        auto put = store.use("INSERT OR REPLACE INTO quota VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        put->bind(row.name).bind(row.amount).bind(row.administrator).bind(json(row.share).dump());
        put->bind(json(row.given).dump()).bind(json(row.borrowed).dump());
        put->bind(json(row.in_use).dump()).bind(row.low_reviews).bind(json(row.used).dump());
        put->bind(row.accounted).run();
    });
}

Result<void> Store::remove_quota(const std::string& name)
{
    return impl_->write(
        [&](Connection& store) { erase(store, "DELETE FROM quota WHERE name = ?", name); });
}

Result<ShareRows> Store::share_rows()
{
    return impl_->read([](Connection& store) {
        Damages ignored;
        return ShareRows{read_leases(store), read_quotas(store, ignored), read_hypervisors(store),
                         read_services(store, ignored)};
    });
}

Result<std::vector<PathHop>> Store::paths()
{
    return impl_->read([](Connection& store) {
        Rows<PathHop> rows;
        auto query = store.use("SELECT spi, si, chain, vm, hypervisor, bridge, in_port, out_port "
                               "FROM path ORDER BY chain, spi, si DESC, vm");
        while (query->step()) {
            auto& row = rows.emplace_back();
            row.spi = query->number<std::uint32_t>();
            row.si = query->number<int>();
            row.chain = query->text();
            row.vm = query->text();
            row.hypervisor = query->text();
            row.bridge = query->text();
            row.in_port = query->number<int>();
            row.out_port = query->number<int>();
        }
        return rows;
    });
}

Result<void> Store::put_paths(const std::vector<PathHop>& rows)
{
    return impl_->write([&](Connection& store) {
        store.run("DELETE FROM path");
        for (const auto& row : rows) {
            auto put = store.use("INSERT INTO path VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
            put->bind(row.spi).bind(row.si).bind(row.chain).bind(row.vm).bind(row.hypervisor);
            put->bind(row.bridge).bind(row.in_port).bind(row.out_port).run();
        }
    });
}

Result<void> Store::change_paths(const std::vector<PathHop>& put, const std::vector<PathHop>& gone)
{
    return impl_->write([&](Connection& store) {
        for (const auto& row : gone) {
            auto erase = store.use("DELETE FROM path WHERE spi = ? AND si = ? AND vm = ?");
            erase->bind(row.spi).bind(row.si).bind(row.vm).run();
        }
        for (const auto& row : put) {
            auto put_one = store.use("INSERT OR REPLACE INTO path VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
            put_one->bind(row.spi).bind(row.si).bind(row.chain).bind(row.vm).bind(row.hypervisor);
            put_one->bind(row.bridge).bind(row.in_port).bind(row.out_port).run();
        }
    });
}

Result<std::vector<Move>> Store::moves(int limit)
{
    return impl_->read([&](Connection& store) {
        auto query = store.use("SELECT id, role, vm, hypervisor, peer, state, times, figures FROM "
                               "(SELECT * FROM move ORDER BY serial DESC LIMIT ?) ORDER BY serial");
        query->bind(limit);
        return read_moves(query);
    });
}

Result<void> Store::put(const Move& row)
{
    return impl_->write([&](Connection& store) { write_move(store, row); });
}

Result<void> Store::remove_move(const std::string& id, const std::string& role)
{
    return impl_->write([&](Connection& store) {
        auto remove = store.use("DELETE FROM move WHERE id = ? AND role = ?");
        remove->bind(id).bind(role).run();
    });
}

Result<void> Store::add(const Event& row)
{
    return impl_->write([&](Connection& store) {
        auto add = store.use("INSERT INTO event (time, hypervisor, kind, vm, chain, text) "
                             "VALUES (?, ?, ?, ?, ?, ?)");
        add->bind(row.time).bind(row.hypervisor).bind(row.kind).bind(row.vm).bind(row.chain);
        add->bind(row.text).run();
        auto prune = store.use("DELETE FROM event WHERE id <= ?");
        prune->bind(store.last_id() - n_events_kept).run();
    });
}

Result<std::vector<Event>> Store::events_after(std::int64_t id, int limit)
{
    return impl_->read([&](Connection& store) {
        Rows<Event> rows;
        auto query = store.use("SELECT id, time, hypervisor, kind, vm, chain, text FROM event "
                               "WHERE id > ? ORDER BY id LIMIT ?");
        query->bind(id).bind(limit);
        while (query->step()) {
            auto& row = rows.emplace_back();
            row.id = query->integer();
            row.time = query->integer();
            row.hypervisor = query->text();
            row.kind = query->text();
            row.vm = query->text();
            row.chain = query->text();
            row.text = query->text();
        }
        return rows;
    });
}

Result<std::vector<Task>> Store::tasks()
{
    return impl_->read([](Connection& store) {
        Rows<Task> rows;
        auto query = store.use("SELECT id, hypervisor, asked_by, verb, arguments, state, reply, "
                               "deadline FROM task ORDER BY deadline, id");
        while (query->step()) {
            auto& row = rows.emplace_back();
            row.id = query->text();
            row.hypervisor = query->text();
            row.asked_by = query->text();
            row.verb = query->text();
            row.arguments = query->text();
            row.state = query->text();
            row.reply = query->text();
            row.deadline = query->integer();
        }
        return rows;
    });
}

Result<void> Store::put(const Task& row)
{
    return impl_->write([&](Connection& store) {
        auto put = store.use("INSERT OR REPLACE INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        put->bind(row.id).bind(row.hypervisor).bind(row.asked_by).bind(row.verb);
        put->bind(row.arguments).bind(row.state).bind(row.reply).bind(row.deadline).run();
    });
}

Result<void> Store::remove_task(const std::string& id)
{
    return impl_->write(
        [&](Connection& store) { erase(store, "DELETE FROM task WHERE id = ?", id); });
}

} // namespace holdfast::db
