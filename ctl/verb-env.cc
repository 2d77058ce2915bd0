// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-env: `holdfast env …`.
#include <config.h>

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/config.h"
#include "ctl/env.h"
#include "ctl/verbs.h"
#include "db/find.h"
#include "env/members.h"

namespace holdfast::ctl {
namespace {

Result<db::ShareRows> read_rows(const Session& session)
{
    auto store = session.open_store();
    if (!store)
        return store.error();
    return store->share_rows();
}

/// Who calls, by name.
std::string caller()
{
    const passwd* account = getpwuid(getuid());
    return account ? account->pw_name : std::to_string(getuid());
}

/// Where it is to run: the node that is named, or the least loaded of those in use.
/// Errors: not_found, unavailable.
Result<db::Hypervisor> place(const db::ShareRows& rows, const std::string& user,
                             const std::optional<std::string>& node)
{
    auto quota = db::find_quota(rows.quotas, user);
    if (!quota)
        return quota.error();
    auto name = node ? Result<std::string>{*node}
                     : env::least_loaded(env::members(*quota, rows.hypervisors));
    return name ? db::find_hypervisor(rows.hypervisors, *name)
                : Result<db::Hypervisor>{name.error()};
}

/// Errors: io, as the program cannot be run.
Error become(const std::string& verb, const Json& order)
{
    const char* named = std::getenv("HOLDFAST_LIBEXECDIR");
    const std::string program =
        std::string{named ? named : HOLDFAST_PKGLIBEXECDIR} + "/holdfast-env";
    execl(program.c_str(), program.c_str(), verb.c_str(), order.dump().c_str(), nullptr);
    return {Errc::io, program + " cannot be run: " + std::strerror(errno)};
}

} // namespace

Result<void> env_run(const Session& session, const std::optional<std::string>& user,
                     const std::optional<std::string>& node,
                     const std::vector<std::string>& command)
{
    if (geteuid() != 0)
        return Error{Errc::invalid,
                     "env run needs root: it enters containers; enter your own by SSH "
                     "(holdfast env list)"};
    auto config = load_config(default_config_file());
    auto rows = config ? read_rows(session) : Result<db::ShareRows>{config.error()};
    if (!rows)
        return rows.error();
    const std::string whose = user.value_or(caller());
    auto at = place(*rows, whose, node);
    if (!at)
        return at.error();
    return become("run", {{"user", whose},
                          {"command", command},
                          {"node", at->name},
                          {"address", at->self ? "" : at->vtep},
                          {"ca_certificate", config->ca_certificate},
                          {"certificate", config->certificate},
                          {"private_key", config->private_key}});
}

Result<void> env_list(const Session& session)
{
    auto rows = read_rows(session);
    if (!rows)
        return rows.error();
    if (!session.json) {
        session.print(env_table(*rows, session.style));
        return {};
    }
    Json all = Json::array();
    for (const auto& quota : rows->quotas)
        if (!quota.in_use.empty())
            all.push_back(env_view(quota, *rows));
    session.print_json(all);
    return {};
}

Result<void> env_show(const Session& session, const std::string& user)
{
    auto rows = read_rows(session);
    if (!rows)
        return rows.error();
    auto quota = db::find_quota(rows->quotas, user);
    if (!quota)
        return quota.error();
    if (session.json)
        session.print_json(env_view(*quota, *rows));
    else
        session.print(env_page(*quota, *rows, session.style));
    return {};
}

} // namespace holdfast::ctl
