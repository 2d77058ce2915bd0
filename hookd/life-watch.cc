// SPDX-License-Identifier: Apache-2.0
//
// hookd/life-watch: see life-watch.h.
#include <config.h>

#include "hookd/life-watch.h"

#include <boost/asio/ip/address.hpp>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace holdfast::hookd {
namespace {

constexpr auto look_interval = 2s;
// The answers to so many at once have room in any socket's buffer.
constexpr std::size_t most_at_once = 32;
constexpr auto between = 50ms;

using Clock = std::chrono::steady_clock;

} // namespace

LifeWatch::LifeWatch(asio::io_context& io, World& world, Hooks hooks)
    : world_{world}, hooks_{std::move(hooks)},
      echo_{io, [this](const Address& address) { answered(address); }}, timer_{io}
{
}

void LifeWatch::start()
{
    for (const db::Hypervisor& row : world_.ledger.hypervisors())
        if (!row.self && row.answers)
            silence_.remember(row.id, row.lost, Clock::now());
    told_ = known();
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

void LifeWatch::after(std::chrono::milliseconds time, void (LifeWatch::*next)())
{
    timer_.expires_after(time);
    timer_.async_wait([this, next](boost::system::error_code cancelled) {
        if (!cancelled)
            (this->*next)();
    });
}

void LifeWatch::look()
{
    trouble_.clear();
    collect();
    ask_some();
}

/// Who is to be asked now, and where.
void LifeWatch::collect()
{
    const auto now = Clock::now();
    bool doubted = false;
    owners_.clear();
    for (const db::Hypervisor& row : world_.ledger.hypervisors()) {
        boost::system::error_code none; // As of one without a tunnel.
        const auto address = asio::ip::make_address(row.vtep, none);
        if (row.self || none)
            continue;
        owners_[address].insert(row.id);
        const auto before = addresses_.find(row.id);
        if (before != addresses_.end() && before->second != address)
            silence_.moved(row.id);
        addresses_[row.id] = address;
        doubted |= silence_.wants_look(row.id, now);
        if (silence_.wants_echo(row.id, now))
            due_.push_back(row.id);
    }
    if (doubted && hooks_.readable())
        hooks_.read();
}

void LifeWatch::ask_some()
{
    for (std::size_t n = 0; n < most_at_once && !due_.empty(); ++n) {
        const auto id = due_.back();
        due_.pop_back();
        ask(id, addresses_.at(id));
    }
    if (!due_.empty()) {
        after(between, &LifeWatch::ask_some);
        return;
    }
    world_.problem("echo", trouble_);
    tell();
    after(look_interval, &LifeWatch::look);
}

void LifeWatch::ask(const std::string& id, const Address& address)
{
    auto sent = echo_.ask(address);
    if (sent && world_.switch_here) // Without our own switch nobody's answer comes in.
        silence_.asked(id, hooks_.readable(), Clock::now());
    else if (!sent)
        trouble_ = "whether hypervisors live cannot be seen: " + sent.error().message +
                   ": let holdfast-hookd send ICMP echo requests";
}

void LifeWatch::answered(const Address& address)
{
    const auto owners = owners_.find(address);
    if (owners == owners_.end())
        return;
    bool news = false;
    for (const auto& id : owners->second)
        news |= silence_.answered(id, Clock::now());
    if (news)
        tell();
}

/// Who is dead, and who answers, in one set.
std::set<std::string> LifeWatch::known() const
{
    std::set<std::string> all = silence_.dead();
    for (const db::Hypervisor& row : world_.ledger.hypervisors())
        if (silence_.answers(row.id))
            all.insert("answers " + row.id);
    return all;
}

void LifeWatch::tell()
{
    if (auto now = known(); now != told_) {
        told_ = std::move(now);
        hooks_.changed();
    }
}

} // namespace holdfast::hookd
