// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/translate: see the header.
#include "ovs-plugin/translate.h"

#include <netinet/in.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "ovs-plugin/secret-hash.h"

namespace holdfast::plugin {

namespace {

// How long a silent connection is remembered: TCP as Linux's connection tracking does.
constexpr std::int64_t tcp_ms = 432'000'000, begun_ms = 60'000, ended_ms = 120'000,
                       udp_ms = 180'000;

using Span = std::span<std::uint8_t>;

Kept::Record record_of(const Connection& connection)
{
    Kept::Record record{};
    record[0] = connection.protocol;
    record[1] = connection.state;
    put16(record, 2, connection.client_port);
    put16(record, 4, connection.server_port);
    put16(record, 6, connection.vip_port);
    std::ranges::copy(connection.client, record.begin() + 8);
    std::ranges::copy(connection.server, record.begin() + 24);
    std::ranges::copy(connection.vip, record.begin() + 40);
    return record;
}

Connection connection_in(const Kept::Record& record)
{
    return {record[0],           record[1],           v6_from(record, 8),  number16(record, 2),
            v6_from(record, 24), number16(record, 4), v6_from(record, 40), number16(record, 6)};
}

bool has_ended(std::uint8_t state)
{
    constexpr std::uint8_t both = connection_client_ended | connection_server_ended;
    return state & (connection_reset | connection_refused) || (state & both) == both;
}

std::int64_t limit_of(std::uint8_t protocol, std::uint8_t state)
{
    if (protocol == IPPROTO_UDP)
        return udp_ms;
    if (has_ended(state))
        return ended_ms;
    return state & connection_established ? tcp_ms : begun_ms;
}

} // namespace

std::size_t Translator::Hash::operator()(const Key& key) const noexcept
{
    return secret_hash(key.client, static_cast<std::uint64_t>(key.protocol) << 32 |
                                       static_cast<std::uint64_t>(key.client_port) << 16 |
                                       key.server_port);
}

const Public* Face::public_of(const Ip& vip, std::uint8_t protocol, std::uint16_t port) const
{
    for (const auto& one : publics)
        if (one.vip == vip && one.protocol == protocol && one.port == port)
            return &one;
    return nullptr;
}

bool Face::serves(std::uint8_t protocol, std::uint16_t server_port) const
{
    return std::ranges::any_of(publics, [&](const Public& one) {
        return one.protocol == protocol && one.server_port == server_port;
    });
}

bool Face::has_vip(const Ip& vip) const
{
    return std::ranges::any_of(publics, [&](const Public& one) { return one.vip == vip; });
}

const Ip* Face::routed_from(const IpPacket& packet) const
{
    const auto at =
        packet.dscp() ? std::ranges::find(publics, packet.dscp(), &Public::number) : publics.end();
    if (at == publics.end())
        return nullptr;
    // The number alone does not tell: others set DSCP, too.
    const auto is = [&](std::uint8_t protocol, std::uint16_t port) {
        return public_of(at->vip, protocol, port) != nullptr;
    };
    bool theirs = false;
    if (packet.is_error()) {
        const auto about = packet.about();
        theirs = about && about.source() == at->vip && about.has_ports() &&
                 is(about.protocol(), about.source_port());
    } else if (packet.is_later()) {
        theirs = std::ranges::any_of(publics, [&](const Public& one) {
            return one.number == at->number && one.protocol == packet.protocol();
        });
    } else {
        theirs = packet.has_ports() && is(packet.protocol(), packet.destination_port());
    }
    return theirs ? &at->vip : nullptr;
}

void Translator::use(Balanced balanced)
{
    const std::lock_guard lock{mutex_};
    std::swap(balanced_, balanced);
    for (const auto& before : balanced.faces)
        if (!face_of(before.address))
            balanced_.faces.push_back({before.address, before.synthetic, {}});
}

void Translator::serve_nothing()
{
    const std::lock_guard lock{mutex_};
    for (auto& face : balanced_.faces)
        face.publics.clear();
}

const Face* Translator::directed_to(const Mac& synthetic) const
{
    const auto at = std::ranges::find(balanced_.faces, synthetic, &Face::synthetic);
    return at == balanced_.faces.end() ? nullptr : &*at;
}

const Face* Translator::face_of(const Ip& address) const
{
    const auto at = std::ranges::find(balanced_.faces, address, &Face::address);
    return at == balanced_.faces.end() ? nullptr : &*at;
}

/// That of a packet that came to the server's own MAC address.
const Face* Translator::face_for(const IpPacket& packet) const
{
    const auto to = packet.destination();
    const auto at = std::ranges::find_if(balanced_.faces, [&](const Face& face) {
        return face.address == to ||
               (packet.has_ports()
                    ? face.public_of(to, packet.protocol(), packet.destination_port()) != nullptr
                    : face.has_vip(to));
    });
    return at == balanced_.faces.end() ? nullptr : &*at;
}

Translator::Fate Translator::to_server(Span frame, bool passed_on, std::int64_t now_ms)
{
    if (frame.size() < ethernet_size)
        return Fate::pass;
    const std::lock_guard lock{mutex_};
    if (carries_connections(frame)) {
        if (passed_on)
            adopt(frame, now_ms);
        return Fate::drop;
    }
    const auto to = mac_at(frame, 0);
    const auto* face = directed_to(to);
    bool directed = face != nullptr;
    if (!directed && to != balanced_.mac)
        return Fate::pass; // Flooded, or for all.
    if (directed)
        std::ranges::copy(balanced_.mac, frame.begin());
    auto packet = IpPacket::in(frame);
    if (packet && !directed)
        face = face_for(packet);
    // By the routed way: as its director sent it on.  What the server's former switch passes on may
    // be that still; what that has translated has no number any more.
    const bool own = packet && face && packet.destination() == face->address;
    if (const Ip* vip = own ? face->routed_from(packet) : nullptr) {
        packet.set_destination(*vip);
        packet.set_dscp(0);
        directed = true;
    }
    // What no director sent is not ours to drop.
    if ((packet && face && inwards(*face, packet, passed_on, now_ms) == Fate::pass) || !directed)
        return Fate::pass;
    ++figures_.unknown;
    return Fate::drop;
}

Translator::Fate Translator::inwards(const Face& face, IpPacket& packet, bool passed_on,
                                     std::int64_t now_ms)
{
    const auto to = packet.destination();
    const bool for_vip = face.has_vip(to);
    if (to != face.address && !for_vip)
        return Fate::drop;
    if (packet.is_icmp())
        return for_vip ? error_inwards(face, packet) : Fate::pass;
    if (packet.is_later()) {
        if (for_vip)
            packet.set_destination(face.address);
        return Fate::pass;
    }
    if (!packet.has_ports())
        return for_vip ? Fate::drop : Fate::pass;
    const auto* service =
        for_vip ? face.public_of(to, packet.protocol(), packet.destination_port()) : nullptr;
    if (for_vip && !service)
        return Fate::drop;
    const auto server_port = service ? service->server_port : packet.destination_port();
    const Key key{packet.source(), packet.source_port(), face.address, server_port,
                  packet.protocol()};
    // A new connection begins with SYN; a datagram is as good as one.
    const bool first = packet.protocol() == IPPROTO_UDP || packet.flags() & tcp_syn;
    if (!service && !face.serves(packet.protocol(), server_port)) {
        if (first && !passed_on)
            forget(key); // Of when it was a service's.
        return Fate::pass;
    }

    // What looks direct may be what the server's former switch has translated, and passes on: that
    // begins none that is known, and makes none known that goes on.
    const auto* before = known_.find(key);
    if (service && service->known_only && !(before && goes_on(before->second, *service, first)))
        return Fate::drop;
    const bool begins = first && (for_vip || !passed_on || !before);
    if (passed_on && !for_vip && !before && !first)
        return Fate::pass;
    if (!before && known_.size() >= room() && !make_room())
        return Fate::drop;
    const Known now{for_vip ? to : Ip{}, service ? service->port : std::uint16_t{0}, 0, now_ms};
    const bool passed_by = passed_on && !for_vip;
    if (before && !passed_by && is_anothers(key, before->second, now)) {
        // The server cannot tell the two apart.  What it answers to a SYN in the middle of a
        // connection (RFC 5961, section 4.2) is the former's: a client that has it still goes on
        // with it, one that has not resets it, and its next SYN begins the latter.
        if (!first)
            return Fate::drop;
    } else {
        auto& known = note(key, now, begins);
        known.seen_ms = now_ms;
        note_flags(key, known, packet.flags(), true);
    }
    if (service) {
        packet.set_destination(face.address);
        packet.set_destination_port(server_port);
        ++figures_.in;
    }
    return Fate::pass;
}

/// Whether a packet of TCP that is for `now` meets a connection by another public address, or by
/// none, that the same client has from the same port, and that has not ended (B5).
bool Translator::is_anothers(const Key& key, const Known& known, const Known& now)
{
    return key.protocol == IPPROTO_TCP && !has_ended(known.state) &&
           (known.vip != now.vip || known.vip_port != now.vip_port) &&
           now.seen_ms - known.seen_ms < limit_of(key.protocol, known.state);
}

/// Whether a packet by that address, which may be a `first` one, is of this connection.
bool Translator::goes_on(const Known& known, const Public& service, bool first)
{
    return known.vip == service.vip && known.vip_port == service.port &&
           !(first && has_ended(known.state));
}

/// One that has ended, or never was, gives its place to a new one; false if none is near.
bool Translator::make_room()
{
    std::optional<Key> over;
    known_.look_at_next(64, [&](const auto& one) {
        const auto& [key, known] = one;
        if (limit_of(key.protocol, known.state) != tcp_ms)
            over = key;
        return !over;
    });
    if (over)
        forget(*over);
    return over.has_value();
}

/// The connection, as it is known already or, if it begins `anew`, as it is now.
Translator::Known& Translator::note(const Key& key, const Known& now, bool anew)
{
    const auto n_before = known_.size();
    auto& known = known_.add(key, {}).second;
    const bool is_new = known_.size() > n_before;
    const bool other = known.vip != now.vip || known.vip_port != now.vip_port;
    if (is_new || (anew && (other || has_ended(known.state))))
        set(key, known, now);
    return known;
}

/// From now on the connection is this.
void Translator::set(const Key& key, Known& known, const Known& now)
{
    const auto kept = known.kept;
    count(key, known, -1);
    known = now;
    known.kept = kept;
    count(key, known, 1);
    follow(key, known);
}

void Translator::count(const Key& key, const Known& known, int by)
{
    if (known.vip == Ip{})
        return;
    const VipPort vip{known.vip, known.vip_port, key.protocol};
    const auto at = held_.try_emplace({vip, key.server}).first;
    at->second += static_cast<std::size_t>(by);
    if (!at->second)
        held_.erase(at);
}

void Translator::forget(const Key& key)
{
    const auto* known = known_.find(key);
    if (!known)
        return;
    count(key, known->second, -1);
    if (kept_)
        kept_->drop(known->second.kept);
    known_.remove(key);
}

void Translator::note_flags(const Key& key, Known& known, std::uint8_t flags, bool client)
{
    const auto before = known.state;
    if (flags & tcp_fin)
        known.state |= client ? connection_client_ended : connection_server_ended;
    if (flags & tcp_rst)
        known.state |= client ? connection_reset : connection_refused;
    // It goes on: nobody but the server knows whether a client's reset was a true one.
    else if (client && (flags & (tcp_ack | tcp_syn)) == tcp_ack)
        known.state &= static_cast<std::uint8_t>(~connection_reset);
    if (!client && !(flags & tcp_rst))
        known.state |= connection_answered;
    if (client && (flags & (tcp_ack | tcp_syn)) == tcp_ack && known.state & connection_answered)
        known.state |= connection_established;
    if (known.state != before)
        follow(key, known);
}

Connection Translator::connection_of(const Key& key, const Known& known)
{
    return {key.protocol, known.state,     key.client, key.client_port,
            key.server,   key.server_port, known.vip,  known.vip_port};
}

void Translator::follow(const Key& key, Known& known)
{
    if (following_)
        fresh_.push_back(connection_of(key, known));
    if (!kept_)
        return;
    const auto record = record_of(connection_of(key, known));
    if (known.kept == Kept::none)
        known.kept = kept_->put(record);
    else
        kept_->change(known.kept, record);
}

void Translator::keep_in(std::unique_ptr<Kept> file, std::int64_t now_ms)
{
    const std::lock_guard lock{mutex_};
    file->each([&](Kept::Place place, const Kept::Record& record) {
        const auto one = connection_in(record);
        const Key key{one.client, one.client_port, one.server, one.server_port, one.protocol};
        const Known known{one.vip, one.vip_port, one.state, now_ms, place};
        if (!face_of(one.server) || known_.find(key)) {
            file->drop(place);
            return;
        }
        known_.add(key, known);
        count(key, known, 1);
    });
    kept_ = std::move(file);
}

Translator::Fate Translator::from_server(Span frame, std::int64_t now_ms)
{
    if (frame.size() < ethernet_size)
        return Fate::pass;
    auto packet = IpPacket::in(frame);
    const std::lock_guard lock{mutex_};
    if (!packet)
        return Fate::pass;
    const auto* face = face_of(packet.source());
    const auto fate = face                            ? outwards(*face, packet, now_ms)
                      : is_from_wrong_address(packet) ? Fate::drop
                                                      : Fate::pass;
    figures_.unknown += fate == Fate::drop;
    return fate;
}

/// Whether it answers a datagram that came by a VIP, from an address that is none of those asked:
/// who listens at all of its addresses answers from the one that its routes name.
bool Translator::is_from_wrong_address(const IpPacket& packet) const
{
    if (packet.protocol() != IPPROTO_UDP || packet.is_later() || !packet.has_ports())
        return false;
    return std::ranges::any_of(balanced_.faces, [&](const Face& face) {
        const auto* known = known_.find({packet.destination(), packet.destination_port(),
                                         face.address, packet.source_port(), IPPROTO_UDP});
        return known && known->second.vip != Ip{};
    });
}

Translator::Fate Translator::outwards(const Face& face, IpPacket& packet, std::int64_t now_ms)
{
    if (packet.is_icmp())
        return error_outwards(packet);
    if (packet.is_later() && (packet.protocol() == IPPROTO_TCP || packet.protocol() == IPPROTO_UDP))
        return fragment_outwards(packet);
    if (!packet.has_ports())
        return Fate::pass;
    const Key key{packet.destination(), packet.destination_port(), packet.source(),
                  packet.source_port(), packet.protocol()};
    auto* known = known_.find(key);
    // One that was taken away has answers to give still.
    const bool service = known || face.serves(packet.protocol(), packet.source_port());
    if (service && !known) {
        if ((packet.flags() & (tcp_syn | tcp_ack)) != tcp_syn)
            return Fate::drop;                 // It would show the server's own address (B5).
        note(key, {Ip{}, 0, 0, now_ms}, true); // The server begins it.
        known = known_.find(key);
    }
    const Ip vip = service ? known->second.vip : Ip{};
    if (packet.is_fragment())
        fragments_[next_fragment_++ % fragments_.size()] = {
            packet.destination(), packet.source(), packet.id(), packet.protocol(), vip, true};
    if (!service)
        return Fate::pass;
    known->second.seen_ms = now_ms;
    note_flags(key, known->second, packet.flags(), false);
    if (vip != Ip{}) {
        packet.set_source(vip);
        packet.set_source_port(known->second.vip_port);
        ++figures_.out;
    }
    return Fate::pass;
}

/// One whose first fragment is not known may be a service's.
Translator::Fate Translator::fragment_outwards(IpPacket& packet) const
{
    const auto first = std::ranges::find_if(fragments_, [&](const Fragmented& one) {
        return one.known && one.client == packet.destination() && one.server == packet.source() &&
               one.id == packet.id() && one.protocol == packet.protocol();
    });
    if (first == fragments_.end())
        return Fate::drop;
    if (first->vip != Ip{})
        packet.set_source(first->vip);
    return Fate::pass;
}

/// Somebody on the way says that what the server sent to the client did not get there.
Translator::Fate Translator::error_inwards(const Face& face, IpPacket& packet)
{
    if (!packet.is_error())
        return Fate::drop;
    auto about = packet.about();
    if (!about)
        return Fate::drop;
    const auto* service =
        about.has_ports() ? face.public_of(about.source(), about.protocol(), about.source_port())
                          : nullptr;
    if (!service)
        return Fate::drop;
    about.set_source(face.address);
    about.set_source_port(service->server_port);
    packet.set_destination(face.address);
    packet.sum_icmp();
    return Fate::pass;
}

/// The server says so of what the client sent.
Translator::Fate Translator::error_outwards(IpPacket& packet) const
{
    if (!packet.is_error())
        return Fate::pass;
    auto about = packet.about();
    const auto* face = about ? face_of(about.destination()) : nullptr;
    if (!face || !about.has_ports() || !face->serves(about.protocol(), about.destination_port()))
        return Fate::pass;
    const auto* known = known_.find({about.source(), about.source_port(), about.destination(),
                                     about.destination_port(), about.protocol()});
    if (!known)
        return Fate::drop;
    if (known->second.vip != Ip{}) {
        about.set_destination(known->second.vip);
        about.set_destination_port(known->second.vip_port);
        packet.set_source(known->second.vip);
        packet.sum_icmp();
    }
    return Fate::pass;
}

void Translator::tidy(std::int64_t now_ms)
{
    const std::lock_guard lock{mutex_};
    std::vector<Key> silent;
    known_.look_at_next(known_.n_in_turn(), [&](const auto& one) {
        const auto& [key, known] = one;
        if (now_ms - known.seen_ms > limit_of(key.protocol, known.state))
            silent.push_back(key);
        return true;
    });
    for (const auto& key : silent)
        forget(key);
}

std::vector<Connection> Translator::follow()
{
    const std::lock_guard lock{mutex_};
    std::vector<Connection> all;
    all.reserve(known_.size());
    known_.for_each([&](const auto& one) { all.push_back(connection_of(one.first, one.second)); });
    following_ = true;
    fresh_.clear();
    return all;
}

std::vector<Connection> Translator::fresh()
{
    const std::lock_guard lock{mutex_};
    return std::exchange(fresh_, {});
}

void Translator::unfollow()
{
    const std::lock_guard lock{mutex_};
    following_ = false;
    fresh_.clear();
}

TranslateFigures Translator::figures() const
{
    const std::lock_guard lock{mutex_};
    return figures_;
}

bool holds(const Held& held, const VipPort& at, const std::optional<Ip>& server)
{
    if (server)
        return held.contains({at, *server});
    const auto first = held.lower_bound({at, Ip{}});
    return first != held.end() && first->first == at;
}

void Translator::add_held(Held& all) const
{
    const std::lock_guard lock{mutex_};
    for (const auto& [held, n] : held_)
        all.insert(held);
}

std::size_t Translator::connection_size()
{
    return Connections::entry_cost;
}

std::size_t Translator::size() const
{
    const std::lock_guard lock{mutex_};
    return known_.size();
}

/// What moved here with the server.
void Translator::adopt(Bytes frame, std::int64_t now_ms)
{
    for (const auto& one : connections_in(frame)) {
        const Key key{one.client, one.client_port, one.server, one.server_port, one.protocol};
        set(key, known_.add(key, {}).second, {one.vip, one.vip_port, one.state, now_ms});
    }
}

} // namespace holdfast::plugin
