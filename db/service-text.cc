// SPDX-License-Identifier: Apache-2.0
//
// db/service-text: see service-text.h.
#include <config.h>

#include "db/service-text.h"

#include <map>
#include <set>

namespace holdfast::db {
namespace {

using Json = nlohmann::json;

Json text_of(const Service& row)
{
    return {{"id", row.id},
            {"name", row.name},
            {"user", row.user},
            {"ips", row.ips},
            {"mac", row.mac},
            {"vlan", row.vlan},
            {"gateway", row.gateway},
            {"command", row.command},
            {"directory", row.directory},
            {"environment", row.environment},
            {"hypervisor", row.hypervisor},
            {"state", row.state},
            {"pinned", row.pinned},
            {"mode", row.mode},
            {"pid", row.pid},
            {"exit", row.exit},
            {"epoch", row.epoch}};
}

Service service_of(const Json& json)
{
    Service row;
    row.id = json.at("id");
    row.name = json.at("name");
    row.user = json.at("user");
    row.ips = json.at("ips").get<std::vector<std::string>>();
    row.mac = json.at("mac");
    row.vlan = json.at("vlan");
    row.gateway = json.at("gateway");
    row.command = json.at("command").get<std::vector<std::string>>();
    row.directory = json.at("directory");
    row.environment = json.at("environment").get<std::vector<std::string>>();
    row.hypervisor = json.at("hypervisor");
    row.state = json.at("state");
    row.pinned = json.at("pinned");
    row.mode = json.at("mode");
    row.pid = json.at("pid");
    row.exit = json.at("exit");
    row.epoch = json.at("epoch");
    return row;
}

Json text_of(const Vm& row)
{
    Json ports = Json::array();
    for (const VmPort& port : row.ports)
        ports.push_back(
            {{"bridge", port.bridge}, {"interface", port.interface}, {"ofport", port.ofport}});
    return {{"id", row.id}, {"name", row.name}, {"ports", ports}};
}

Vm vm_of(const Json& json)
{
    Vm row;
    row.id = json.at("id");
    row.name = json.at("name");
    for (const Json& port : json.at("ports"))
        row.ports.push_back({"", "", port.at("bridge"), port.at("interface"), port.at("ofport")});
    return row;
}

Json text_of(const Move& row)
{
    return {{"id", row.id},       {"role", row.role},
            {"vm", row.vm},       {"hypervisor", row.hypervisor},
            {"peer", row.peer},   {"state", row.state},
            {"times", row.times}, {"figures", row.figures}};
}

Move move_of(const Json& json)
{
    Move row;
    row.id = json.at("id");
    row.role = json.at("role");
    row.vm = json.at("vm");
    row.hypervisor = json.at("hypervisor");
    row.peer = json.at("peer");
    row.state = json.at("state");
    row.times = json.at("times").get<std::map<std::string, TimeNs>>();
    row.figures = json.at("figures").get<std::map<std::string, std::int64_t>>();
    return row;
}

template <class Row>
Json all_of(const std::vector<Row>& rows)
{
    Json list = Json::array();
    for (const Row& row : rows)
        list.push_back(text_of(row));
    return list;
}

} // namespace

UserView view_of(const std::string* user, const std::vector<Service>& services,
                 const std::vector<Vm>& vms, const std::vector<Move>& moves)
{
    UserView view;
    std::set<std::string> theirs;
    for (const Service& row : services) {
        if (user && row.user != *user)
            continue;
        view.services.push_back(row);
        theirs.insert(row.id);
    }
    for (const Vm& row : vms)
        if (theirs.contains(row.id))
            view.vms.push_back(row);
    for (const Move& row : moves)
        if (theirs.contains(row.vm))
            view.moves.push_back(row);
    return view;
}

Json to_json(const UserView& view)
{
    return {{"services", all_of(view.services)},
            {"vms", all_of(view.vms)},
            {"moves", all_of(view.moves)}};
}

Result<UserView> user_view_of(const Json& json)
try {
    UserView view;
    for (const Json& row : json.at("services"))
        view.services.push_back(service_of(row));
    for (const Json& row : json.at("vms"))
        view.vms.push_back(vm_of(row));
    for (const Json& row : json.at("moves"))
        view.moves.push_back(move_of(row));
    return view;
} catch (const Json::exception& wrong) {
    return Error{Errc::damaged, std::string{"what holdfast-hookd says of services: "} +
                                    wrong.what() + ": install one version of both"};
}

} // namespace holdfast::db
