// SPDX-License-Identifier: Apache-2.0
//
// hookd/life-watch: see life-watch.h.
#include <config.h>

#include "hookd/life-watch.h"

#include <boost/asio/ip/address.hpp>

#include "hookd/fleet-sync.h"

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

constexpr auto echo_interval = std::chrono::seconds{2};

} // namespace

LifeWatch::LifeWatch(asio::io_context& io, World& world, std::function<void()> changed)
    : world_{world}, changed_{std::move(changed)},
      echo_{io, [this](const Echo::Address& address) { answered(address); }}, timer_{io}
{
}

void LifeWatch::start()
{
    const auto names = said_dead(world_.ledger.vms());
    std::set<std::string> ids;
    for (const db::Hypervisor& row : world_.ledger.hypervisors())
        if (!row.self && names.contains(row.name))
            ids.insert(row.id);
    silence_.were_dead(ids, std::chrono::steady_clock::now());
    told_ = dead();
    look();
}

std::set<std::string> LifeWatch::dead() const
{
    const auto ids = silence_.dead();
    std::set<std::string> names;
    for (const db::Hypervisor& row : world_.ledger.hypervisors())
        if (ids.contains(row.id))
            names.insert(row.name);
    return names;
}

void LifeWatch::look()
{
    ask_late(std::chrono::steady_clock::now());
    tell();
    timer_.expires_after(echo_interval);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled)
            look();
    });
}

void LifeWatch::ask_late(Silence::Time now)
{
    std::string trouble;
    for (const db::Hypervisor& row : world_.ledger.hypervisors()) {
        boost::system::error_code none; // As of one without a tunnel.
        const auto address = asio::ip::make_address(row.vtep, none);
        if (row.self || none || !silence_.wants_echo(row.id, now))
            continue;
        asked_[address] = row.id;
        if (auto sent = echo_.ask(address); sent)
            silence_.asked(row.id, now);
        else
            trouble = "whether " + row.name + " lives cannot be seen: " + sent.error().message +
                      ": let holdfast-hookd send ICMP echo requests";
    }
    world_.problem("echo", trouble);
}

void LifeWatch::answered(const Echo::Address& address)
{
    const auto asked = asked_.find(address);
    if (asked == asked_.end())
        return;
    silence_.answered(asked->second);
    tell();
}

void LifeWatch::tell()
{
    if (auto now = dead(); now != told_) {
        told_ = std::move(now);
        changed_();
    }
}

} // namespace holdfast::hookd
