// SPDX-License-Identifier: Apache-2.0
//
// hookd/environments: see environments.h.
#include <config.h>

#include "hookd/environments.h"

#include <chrono>
#include <filesystem>
#include <map>

#include <nlohmann/json.hpp>

#include <spdlog/spdlog.h>

#include "common/json-text.h"
#include "env/keep-plan.h"
#include "hookd/cap-watch.h"
#include "hookd/service-system.h"

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::seconds every{15}; // Until one that could not be made is tried again.
constexpr std::chrono::minutes limit{2};

/// What each user's container may take.
Json limits(const World& world, const std::vector<std::string>& users)
{
    Json all = Json::object();
    for (const CappedUser& user : capped_users(world, {users.begin(), users.end()}))
        if (user.container)
            all[user.name] = {{"cpu", user.container->cpu}, {"memory", user.container->memory}};
    return all;
}

} // namespace

Environments::Environments(boost::asio::io_context& io, World& world, Tools& tools,
                           std::string rundir, std::function<void()> changed)
    : world_{world}, tools_{tools}, rundir_{std::move(rundir)}, changed_{std::move(changed)},
      next_{io}
{
    look();
}

std::string Environments::order() const
{
    const Config& config = world_.config;
    const auto users = config.environment_addresses.empty()
                           ? std::vector<std::string>{}
                           : env::users_of(world_.self(), world_.ledger.quotas());
    return to_text(Json{{"store", config.store},
                        {"rundir", rundir_},
                        {"node", world_.self()},
                        {"bridge", config.bridge},
                        {"addresses", config.environment_addresses},
                        {"gateway", config.environment_gateway},
                        {"users", users},
                        {"limits", limits(world_, users)}});
}

/// Whether there is something to be seen to: containers are wanted, or are left of a time when they
/// were.
bool Environments::is_needed() const
{
    namespace fs = std::filesystem;
    if (!world_.config.environment_addresses.empty())
        return true;
    std::error_code none;
    for (const auto& folder :
         fs::directory_iterator{fs::path{world_.config.store}.parent_path() / "environments", none})
        if (fs::exists(folder.path() / "address", none))
            return true;
    return false;
}

void Environments::look()
{
    if (!is_needed())
        return;
    wanted_ = runs_;
    if (std::exchange(runs_, true))
        return;
    tools_.run({program_of_ours("holdfast-env"), "keep", order()}, limit,
               [this](const Result<std::string>& answer) {
                   runs_ = false;
                   take(answer);
                   if (wanted_)
                       look();
                   else
                       look_later();
               });
}

void Environments::look_later()
{
    next_.expires_after(every);
    next_.async_wait([this](const boost::system::error_code& ended) {
        if (!ended)
            look();
    });
}

/// Notes how it is; of what is wrong with several users the first is told.
void Environments::take(const Result<std::string>& answer)
{
    const Json kept = answer ? Json::parse(*answer, nullptr, false) : Json::object();
    std::string trouble = answer ? "" : answer.error().message;
    if (!kept.is_object())
        trouble = "holdfast-env answers what is no JSON object: is it of another version?";
    if (kept.is_object() && kept.contains("there")) {
        const auto failed = kept.value("failed", std::map<std::string, std::string>{});
        if (!failed.empty())
            trouble = "the container of " + failed.begin()->first + ": " + failed.begin()->second;
        world_.container_memory = kept.value("used", std::map<std::string, std::uint64_t>{});
        const auto there = kept.value("there", std::map<std::string, std::string>{});
        if (std::exchange(world_.environments, there) != there) {
            spdlog::info("environments: {} containers run here", there.size());
            changed_();
        }
    }
    world_.problem("environments", trouble);
}

} // namespace holdfast::hookd
