// SPDX-License-Identifier: Apache-2.0
//
// hookd/resource-watch: see resource-watch.h.
#include <config.h>

#include "hookd/resource-watch.h"

#include <chrono>
#include <fstream>
#include <iterator>

#include "env/figures.h"

namespace holdfast::hookd {
namespace {

constexpr std::chrono::seconds every{15}; // As a heartbeat of the fleet.

std::string content(const char* file)
{
    std::ifstream in{file};
    return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

ResourceWatch::ResourceWatch(boost::asio::io_context& io, World& world) : world_{world}, next_{io}
{
    // Only they need it, and each measurement goes to the whole fleet.
    if (!world_.config.environment_addresses.empty()) {
        look();
    } else if (!world_.ledger.self().resources.empty()) {
        StoreChange change;
        change.seen = {world_.ledger.self()};
        change.seen[0].resources.clear();
        world_.commit(change);
    }
}

void ResourceWatch::look()
{
    const env::ProcTexts now{content("/proc/cpuinfo"), content("/proc/stat"),
                             content("/proc/meminfo"), content("/proc/loadavg")};
    auto found = env::read_figures(now, stat_);
    stat_ = now.stat;
    world_.problem("resources", found ? "" : "/proc/" + found.error().message);
    if (found) {
        found->environments = world_.environments;
        StoreChange change;
        change.seen = {world_.ledger.self()};
        change.seen[0].resources = db::resources_text(*found);
        world_.commit(change);
    }
    next_.expires_after(every);
    next_.async_wait([this](const boost::system::error_code& ended) {
        if (!ended)
            look();
    });
}

} // namespace holdfast::hookd
