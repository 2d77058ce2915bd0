// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/director: see the header.
#include "ovs-plugin/director.h"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>

#include "ovs-plugin/reply.h"
#include "ovs-plugin/secret-hash.h"
#include "ovs-plugin/translate.h"

namespace holdfast::plugin {

namespace {

using Span = std::span<std::uint8_t>;

// How long a silent connection is held (as Linux's connection tracking has it).
constexpr std::int64_t tcp_ms = 432'000'000, begun_ms = 60'000, ended_ms = 120'000,
                       udp_ms = 300'000;
// What connections may take: an eighth of the machine's memory.  More than 16 million would take a
// switch that starts too long to read.
constexpr std::size_t of_memory = 8, room_max = 1 << 24;
// Of these, those that only begin or have ended, and UDP's: beyond it one of them gives its place
// to a new one, so that a flood leaves the others alone.
constexpr std::size_t of_connections = 4;
// Of TCP, by what the client says; after `reset` it may go on, since anybody can forge one.
constexpr std::uint8_t begun = 0, established = 1, ended = 2, reset = 3;
// How often the policy `dynamic` looks at loads, in seconds.
constexpr unsigned feed_back_every = 5;

/// As many connections as the machine's memory lets one director hold.  Many have a server here,
/// too, whose port knows them; and the files are memory.
std::size_t connections_for_memory()
{
    const auto connection_size =
        Director::connection_size() + Translator::connection_size() + 2 * Kept::size_in_file;
    const auto pages = static_cast<std::size_t>(std::max(sysconf(_SC_PHYS_PAGES), 1L));
    const auto page = static_cast<std::size_t>(std::max(sysconf(_SC_PAGESIZE), 1L));
    return std::clamp<std::size_t>(pages * page / of_memory / connection_size, 1 << 16, room_max);
}

std::int64_t limit_of(std::uint8_t protocol, std::uint8_t state)
{
    if (protocol == IPPROTO_UDP)
        return udp_ms;
    return state == established ? tcp_ms : state == begun ? begun_ms : ended_ms;
}

/// IPVS's meaning: what is established is active, and a datagram's connection always is.
bool is_active(std::uint8_t protocol, std::uint8_t state)
{
    return protocol == IPPROTO_UDP || state == established;
}

bool is_weak(std::uint8_t protocol, std::uint8_t state)
{
    return protocol == IPPROTO_UDP || state != established;
}

std::uint8_t state_after(std::uint8_t state, std::uint8_t flags)
{
    if (flags & (tcp_fin | tcp_rst))
        return flags & tcp_rst ? reset : ended;
    const bool goes_on = (flags & (tcp_syn | tcp_ack)) == tcp_ack;
    return goes_on && state != ended ? established : state;
}

/// Whether a policy chooses by addresses and ports, whatever came before.
bool by_packet_alone(const std::string& policy)
{
    return policy == "mh" || policy == "dh" || policy == "sh";
}

void send_to(Span frame, const Mac& mac)
{
    std::ranges::copy(mac, frame.begin());
}

} // namespace

Director::Director() : Director{connections_for_memory()} {}

Director::Key::Key(const Ip& from, const Ip& to, std::uint16_t from_port, std::uint16_t to_port,
                   std::uint8_t by)
    : hash{secret_hash(from, number16(to, 14) ^ (static_cast<std::uint64_t>(by) << 48 |
                                                 static_cast<std::uint64_t>(from_port) << 32 |
                                                 static_cast<std::uint64_t>(to_port) << 16))},
      client{from}, vip{to}, client_port{from_port}, vip_port{to_port}, protocol{by}
{
}

std::size_t Director::ClientHash::operator()(const Ip& client) const noexcept
{
    return secret_hash(client, 0);
}

// --- Services. ---

void Director::use(std::shared_ptr<const Directed> directed, std::int64_t wall_ns)
{
    const std::lock_guard lock{mutex_};
    if (directed == directed_.load())
        return;
    directed_ = directed;
    auto before = std::exchange(services_, {});
    if (directed)
        for (const auto& service : directed->services) {
            const VipPort ports{service.vip, service.port, service.protocol};
            if (services_.contains(ports))
                continue; // The one that the store names first has them.
            const auto known = before.extract(ports);
            auto* running = known ? known.mapped() : &running_.emplace_back();
            if (!running->scheduler || running->service != service)
                refresh(*running, service);
            weigh(*running, wall_ns, false);
            services_.emplace(ports, running);
        }
    for (auto& [ports, running] : before)
        running->gone = true;
    std::erase_if(running_, [](const Running& one) { return one.gone && !one.connections; });
}

void Director::refresh(Running& running, const Service& service)
{
    if (running.service.policy != service.policy || !running.scheduler)
        running.scheduler = make_scheduler(service.policy);
    if (running.service.name != service.name) // Another balancer with the same address.
        running.refused = running.sorry = 0;
    const auto same = [](const Backend& a, const Backend& b) {
        return a.address == b.address && a.weight == b.weight;
    };
    if (!std::ranges::equal(running.service.backends, service.backends, same))
        running.dynamic.clear();
    running.service = service;
    for (auto& [address, target] : running.targets)
        target.gone = true;
    const auto none = service.backends.size();
    const auto add = [&](const Backend& backend, std::size_t place) {
        auto& target = running.targets[backend.address];
        target.backend = backend;
        target.figures.address = backend.address;
        target.figures.takes = false; // weigh() says otherwise of those that are chosen from.
        target.figures.weight = 0;
        target.place = place;
        target.gone = false;
        return &target;
    };
    if (service.sorry) // First: one that is a server, too, can be chosen.
        running.sorry_target = add(*service.sorry, none);
    else
        running.sorry_target = nullptr;
    running.leaving.clear();
    for (const auto& backend : service.leaving)
        running.leaving.push_back(add(backend, none));
    running.by_place.clear();
    for (const auto& backend : service.backends)
        running.by_place.push_back(add(backend, running.by_place.size()));
    std::erase_if(running.targets, [](const auto& one) { return one.second.unused(); });
}

/// Each server's weight as it is now.
void Director::weigh(Running& running, std::int64_t wall_ns, bool feed_back)
{
    const auto& service = running.service;
    const bool dynamic = service.policy == "dynamic";
    if (dynamic && (feed_back || running.dynamic.empty())) {
        std::vector<std::uint32_t> base;
        std::vector<Load> loads;
        for (const auto* target : running.by_place) {
            base.push_back(target->backend.weight);
            loads.push_back(target->backend.load);
            if (target->backend.limit)
                loads.back().connections =
                    double(target->figures.active + target->figures.inactive) /
                    target->backend.limit;
        }
        running.dynamic = dynamic_weights(base, running.dynamic, loads);
    }
    std::vector<Server> servers;
    for (std::size_t i = 0; i < running.by_place.size(); ++i) {
        const auto& backend = running.by_place[i]->backend;
        auto& figures = running.by_place[i]->figures;
        const auto whole = dynamic ? running.dynamic[i] : backend.weight;
        figures.weight = started_weight(whole, backend.up_since_ns / 1'000'000, wall_ns / 1'000'000,
                                        service.slow_start_ms);
        figures.takes = backend.takes;
        servers.push_back({backend.address, backend.weight, figures.weight, backend.takes,
                           figures.active, figures.inactive, backend.limit});
    }
    const auto same = [](const Server& a, const Server& b) {
        return a.id == b.id && a.base == b.base && a.weight == b.weight;
    };
    if (!std::ranges::equal(servers, running.servers, same))
        ++running.version;
    running.servers = std::move(servers);
    running.all_well = running.servers;
    for (auto& server : running.all_well) {
        server.takes = true;
        server.weight = server.base;
        server.active = server.inactive = server.limit = 0;
    }
}

// --- Frames. ---

Director::Fate Director::direct(Span frame, std::size_t& size, bool held_only, bool may_choose,
                                std::int64_t now_ms)
{
    size = frame.size();
    if (frame.size() < ethernet_size)
        return Fate::pass;
    const auto to = mac_at(frame, 0);
    const auto directed = directed_.load();
    if (!directed)
        return Fate::pass;
    if (!std::ranges::binary_search(held_only ? directed->held_macs : directed->vip_macs, to))
        return may_choose || !std::ranges::binary_search(directed->server_macs, to) ? Fate::pass
                                                                                    : Fate::drop;
    auto packet = IpPacket::in(frame);
    // A VIP speaks nothing else; what asks for it was answered before.
    if (!packet || !directed->answers->find(packet.destination()) || frame[6] & 1)
        return Fate::drop;
    const std::lock_guard lock{mutex_};
    if (packet.is_icmp())
        return icmp(frame, size, packet, now_ms);
    if (packet.is_later())
        return later_fragment(frame, packet);
    return packet.has_ports() ? place(frame, size, packet, now_ms) : Fate::drop;
}

Director::Fate Director::place(Span frame, std::size_t& size, IpPacket& packet, std::int64_t now_ms)
{
    const Key key{packet.source(), packet.destination(), packet.source_port(),
                  packet.destination_port(), packet.protocol()};
    const auto flags = packet.flags();
    auto* at = find(key, flags, now_ms);
    if (at) {
        set_state(key, at->second, state_after(at->second.state, flags));
    } else {
        const bool begins = key.protocol == IPPROTO_UDP || (flags & (tcp_syn | tcp_ack)) == tcp_syn;
        const auto service = services_.find({key.vip, key.vip_port, key.protocol});
        auto* target = service == services_.end() || flags & tcp_rst || !has_room(now_ms)
                           ? nullptr
                           : choose(*service->second, key, begins, now_ms);
        if (!target) {
            if (service != services_.end())
                ++service->second->refused;
            size = make_reset(frame, packet);
            return size ? Fate::back : Fate::drop;
        }
        // Whatever its first packet says: of those anybody can send any number.
        at = &add(*service->second, key, *target, begun, now_ms);
    }
    auto& placed = at->second;
    auto& figures = placed.target->figures;
    ++figures.packets;
    figures.bytes += frame.size();
    placed.seen_ms = now_ms;
    if (packet.is_fragment())
        fragments_[next_fragment_++ % fragments_.size()] = {
            key.client, key.vip, packet.id(), key.protocol, placed.target->backend.synthetic, true};
    send_to(frame, placed.target->backend.synthetic);
    return Fate::pass;
}

/// The connection of a packet, if it is held and its packet does not begin another one.
Director::Entry* Director::find(const Key& key, std::uint8_t flags, std::int64_t now_ms)
{
    auto* at = connections_.find(key);
    if (!at || goes_on(key, at->second, flags))
        return at;
    forget(key, now_ms);
    return nullptr;
}

/// Whether a packet with these flags is one of that connection, and begins no other one.
bool Director::goes_on(const Key& key, const Placed& placed, std::uint8_t flags)
{
    const auto& [running, target, client, state, seen_ms, kept] = placed;
    const bool begins = (flags & (tcp_syn | tcp_ack)) == tcp_syn;
    const bool anew = key.protocol == IPPROTO_UDP
                          ? !target->backend.works
                          : begins && (state == ended || state == reset || !target->backend.works ||
                                       (state == begun && !target->backend.takes));
    return !running->gone && !target->gone && !anew;
}

/// The server for a connection that is not held; none if it is refused.
Director::Target* Director::choose(Running& running, const Key& key, bool begins,
                                   std::int64_t now_ms)
{
    const auto& service = running.service;
    const NewConnection connection{key.client,   key.vip,      key.client_port,
                                   key.vip_port, key.protocol, now_ms};
    if (!begins)
        return placed_elsewhere(running, connection);
    if (auto* target = by_client(running, key, now_ms))
        return target;
    if (const auto chosen = running.scheduler->choose(
            {running.servers, running.version, service.table.get()}, connection))
        return running.by_place[*chosen];
    for (auto* target : running.by_place)
        target->figures.refused += is_full(running.servers[target->place]);
    running.sorry += running.sorry_target != nullptr;
    return running.sorry_target;
}

/// The server of a connection that another director has placed, or this one before it lost all it
/// knew: where each computes the same, that where it would be if all servers were well; else none.
Director::Target* Director::placed_elsewhere(Running& running, const NewConnection& connection)
{
    if (running.service.policy != "mh")
        return nullptr;
    const auto there = running.scheduler->choose(
        {running.all_well, running.version, running.service.table.get()}, connection);
    return there ? running.by_place[*there] : nullptr;
}

/// The server that the client has already, where it is to keep one, and that server takes more.
Director::Target* Director::by_client(Running& running, const Key& key, std::int64_t now_ms)
{
    const auto* at = running.service.persistence_ms ? running.clients.find(key.client) : nullptr;
    if (!at)
        return nullptr;
    const auto& client = at->second;
    const bool over = !client.connections && client.until_ms <= now_ms;
    const bool listed = !client.target->gone && client.target->place < running.servers.size();
    return listed && !over && usable(running.servers[client.target->place]) ? client.target
                                                                            : nullptr;
}

Director::Entry& Director::add(Running& running, const Key& key, Target& target, std::uint8_t state,
                               std::int64_t now_ms)
{
    Placed placed{&running, &target, nullptr, state, now_ms, Kept::none};
    if (running.service.persistence_ms && &target != running.sorry_target &&
        (running.clients.size() < clients_max || running.clients.find(key.client))) {
        auto& client = running.clients.add(key.client, {}).second;
        keep(client, &target);
        ++client.connections;
        placed.client = &client;
    }
    ++target.figures.connections;
    ++running.connections;
    count(placed, key, 1);
    n_weak_ += is_weak(key.protocol, state);
    if (kept_)
        placed.kept = kept_->put(record_of(key, placed));
    return connections_.add(key, placed);
}

void Director::set_state(const Key& key, Placed& placed, std::uint8_t state)
{
    if (key.protocol != IPPROTO_TCP || state == placed.state)
        return;
    count(placed, key, -1);
    n_weak_ -= is_weak(key.protocol, placed.state);
    placed.state = state;
    n_weak_ += is_weak(key.protocol, state);
    count(placed, key, 1);
    if (kept_)
        kept_->change(placed.kept, record_of(key, placed));
}

/// In the figures, and in what the next one is chosen by.
void Director::count(const Placed& placed, const Key& key, int by)
{
    auto& [running, target, client, state, seen_ms, kept] = placed;
    const bool active = is_active(key.protocol, state);
    auto& figures = target->figures;
    (active ? figures.active : figures.inactive) += static_cast<std::uint32_t>(by);
    if (!target->gone && !running->gone && target->place < running->servers.size()) {
        auto& server = running->servers[target->place];
        server.active = figures.active;
        server.inactive = figures.inactive;
    }
}

/// Of one that is held.
void Director::forget(const Key& key, std::int64_t now_ms)
{
    auto& placed = connections_.find(key)->second;
    auto& running = *placed.running;
    count(placed, key, -1);
    n_weak_ -= is_weak(key.protocol, placed.state);
    --running.connections;
    if (kept_)
        kept_->drop(placed.kept);
    if (placed.client && --placed.client->connections == 0)
        placed.client->until_ms = now_ms + running.service.persistence_ms;
    if (placed.target->unused())
        running.targets.erase(Ip{placed.target->figures.address});
    connections_.remove(key);
}

/// From now on the client keeps this server; null: none.
void Director::keep(Client& client, Target* target)
{
    if (client.target)
        --client.target->clients;
    client.target = target;
    if (target)
        ++target->clients;
}

/// For one more connection.
bool Director::has_room(std::int64_t now_ms)
{
    return (n_weak_ < room_ / of_connections && connections_.size() < room_) || make_room(now_ms);
}

/// A weak one gives its place to a new one; false if none is near.
bool Director::make_room(std::int64_t now_ms)
{
    std::optional<Key> weak;
    connections_.look_at_next(64, [&](const Entry& one) {
        if (is_weak(one.first.protocol, one.second.state))
            weak = one.first;
        return !weak;
    });
    if (weak)
        forget(*weak, now_ms);
    return weak.has_value();
}

/// An error is for who sent what it is about (spec B13); the VIP answers a ping.
Director::Fate Director::icmp(Span frame, std::size_t& size, IpPacket& packet,
                              std::int64_t now_ms) const
{
    if (packet.is_error()) {
        const auto about = packet.about();
        if (!about || !about.has_ports())
            return Fate::drop;
        const Key key{about.destination(), about.source(), about.destination_port(),
                      about.source_port(), about.protocol()};
        const auto* at = connections_.find(key);
        const auto service = services_.find({key.vip, key.vip_port, key.protocol});
        const Target* target = at ? at->second.target : nullptr;
        if (!at && service != services_.end())
            target = placed_elsewhere(*service->second, {key.client, key.vip, key.client_port,
                                                         key.vip_port, key.protocol, now_ms});
        if (!target)
            return Fate::drop;
        send_to(frame, target->backend.synthetic);
        return Fate::pass;
    }
    size = make_echo_reply(frame, packet);
    return size ? Fate::back : Fate::drop;
}

Director::Fate Director::later_fragment(Span frame, const IpPacket& packet) const
{
    const auto source = packet.source();
    const auto vip = packet.destination();
    for (std::size_t back = 1; back <= fragments_.size(); ++back) { // Ids come again.
        const auto& one = fragments_[(next_fragment_ - back) % fragments_.size()];
        if (one.known && one.id == packet.id() && one.client == source && one.vip == vip &&
            one.protocol == packet.protocol()) {
            send_to(frame, one.server);
            return Fate::pass;
        }
    }
    return Fate::drop;
}

// --- By the clock. ---

void Director::weigh(std::int64_t wall_ns)
{
    const std::lock_guard lock{mutex_};
    const bool feed_back = ++seconds_ % feed_back_every == 0;
    for (auto& [ports, running] : services_)
        weigh(*running, wall_ns, feed_back);
}

void Director::tidy(std::int64_t now_ms)
{
    const std::lock_guard lock{mutex_};
    for (auto& [ports, running] : services_)
        tidy_clients(*running, now_ms);
    std::vector<Key> silent;
    connections_.look_at_next(connections_.n_in_turn(), [&](const Entry& one) {
        const auto& [key, placed] = one;
        if (placed.running->gone || placed.target->gone ||
            now_ms - placed.seen_ms > limit_of(key.protocol, placed.state))
            silent.push_back(key);
        return true;
    });
    for (const auto& key : silent)
        forget(key, now_ms);
    std::erase_if(running_, [](const Running& one) { return one.gone && !one.connections; });
}

void Director::tidy_clients(Running& running, std::int64_t now_ms)
{
    auto& clients = running.clients;
    std::vector<Ip> over;
    clients.look_at_next(clients.n_in_turn(), [&](const auto& one) {
        const auto& [client, kept] = one;
        if (!kept.connections && (kept.until_ms <= now_ms || kept.target->gone))
            over.push_back(client);
        return true;
    });
    for (const auto& client : over) {
        keep(clients.find(client)->second, nullptr);
        clients.remove(client);
    }
}

// --- What a new process takes up. ---

Kept::Record Director::record_of(const Key& key, const Placed& placed)
{
    Kept::Record record{};
    record[0] = key.protocol;
    record[1] = placed.state;
    put16(record, 2, key.client_port);
    put16(record, 4, key.vip_port);
    std::ranges::copy(key.client, record.begin() + 6);
    std::ranges::copy(key.vip, record.begin() + 22);
    std::ranges::copy(placed.target->figures.address, record.begin() + 38);
    return record;
}

void Director::keep_in(std::unique_ptr<Kept> file, std::int64_t now_ms)
{
    const std::lock_guard lock{mutex_};
    file->each([&](Kept::Place place, const Kept::Record& record) {
        const Key key{v6_from(record, 6), v6_from(record, 22), number16(record, 2),
                      number16(record, 4), record[0]};
        const auto service = services_.find({key.vip, key.vip_port, key.protocol});
        const auto target = service == services_.end()
                                ? decltype(Running::targets)::iterator{}
                                : service->second->targets.find(v6_from(record, 38));
        if (service == services_.end() || target == service->second->targets.end() ||
            connections_.find(key)) {
            file->drop(place);
            return;
        }
        add(*service->second, key, target->second, record[1], now_ms).second.kept = place;
    });
    kept_ = std::move(file);
}

// --- Figures. ---

std::vector<ServiceFigures> Director::figures() const
{
    const std::lock_guard lock{mutex_};
    std::vector<ServiceFigures> all;
    for (const auto& [ports, running] : services_) {
        ServiceFigures figures{running->service.name, running->refused, running->sorry, {}};
        for (const auto* targets : {&running->by_place, &running->leaving})
            for (const auto* target : *targets)
                figures.backends.push_back(target->figures);
        all.push_back(std::move(figures));
    }
    return all;
}

std::optional<Whereabouts> Director::where(const NewConnection& connection) const
{
    using How = Whereabouts::How;
    const std::lock_guard lock{mutex_};
    const Key key{connection.client, connection.vip, connection.client_port, connection.vip_port,
                  connection.protocol};
    const auto service = services_.find({key.vip, key.vip_port, key.protocol});
    if (service == services_.end())
        return std::nullopt;
    auto& running = *service->second;
    const auto only = [](How how, const Target& target) {
        return Whereabouts{how, {target.figures.address}};
    };
    if (const auto* at = connections_.find(key); at && goes_on(key, at->second, tcp_syn))
        return only(How::held, *at->second.target);
    if (const auto* target = by_client(running, key, connection.now_ms))
        return only(How::client, *target);
    if (by_packet_alone(running.service.policy)) {
        // Its table follows from the servers: to look there changes no choice.
        if (const auto chosen = running.scheduler->choose(
                {running.servers, running.version, running.service.table.get()}, connection))
            return only(How::chosen, *running.by_place[*chosen]);
    } else {
        Whereabouts open{How::open, {}};
        for (const auto& server : running.servers)
            if (usable(server))
                open.servers.push_back(server.id);
        if (!open.servers.empty())
            return open;
    }
    return running.sorry_target ? only(How::sorry, *running.sorry_target) : Whereabouts{};
}

bool Director::holds(const VipPort& at, const std::optional<Ip>& server) const
{
    const std::lock_guard lock{mutex_};
    const auto service = services_.find(at);
    if (service == services_.end() || !server)
        return service != services_.end() && service->second->connections > 0;
    const auto target = service->second->targets.find(*server);
    if (target == service->second->targets.end())
        return false;
    const auto& figures = target->second.figures;
    return figures.active + figures.inactive > 0;
}

std::size_t Director::connection_size()
{
    return Connections::entry_cost;
}

std::size_t Director::size() const
{
    const std::lock_guard lock{mutex_};
    return connections_.size();
}

} // namespace holdfast::plugin
