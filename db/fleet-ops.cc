// SPDX-License-Identifier: Apache-2.0
//
// db/fleet-ops: see fleet-ops.h.
#include <config.h>

#include "db/fleet-ops.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string_view>

#include "common/text.h"
#include "db/recovery-json.h"

namespace holdfast::db {
namespace {

using nlohmann::json;

constexpr int n_hypervisors = 2047;

/// [column, function, value], as where-clauses hold it.
json clause(const char* column, const char* function, json value)
{
    return json::array({column, function, std::move(value)});
}

json is(const char* column, json value)
{
    return clause(column, "==", std::move(value));
}
json is_not(const char* column, json value)
{
    return clause(column, "!=", std::move(value));
}

/// All clauses of a condition.  (In braces, one clause alone would be taken for the list.)
template <class... Clauses>
json where_all(Clauses... clauses)
{
    auto all = json::array();
    (all.push_back(std::move(clauses)), ...);
    return all;
}

void add(FleetOps& ops, json operation)
{
    ops.params.push_back(std::move(operation));
}

/// The transaction fails with `meaning` unless there is a row (`there`), or none, of this kind.
void expect(FleetOps& ops, const char* table, bool there, json where, Error meaning)
{
    ops.meanings.emplace_back(ops.params.size() - 1, std::move(meaning));
    add(ops, {{"op", "wait"},
              {"timeout", 0},
              {"table", table},
              {"columns", {"_uuid"}},
              {"until", there ? "!=" : "=="},
              {"where", std::move(where)},
              {"rows", json::array()}});
}

void refuse(FleetOps& ops, const char* table, json where, Error meaning)
{
    expect(ops, table, false, std::move(where), std::move(meaning));
}

/// The transaction fails unless the row is still as it was seen.
void expect_seen(FleetOps& ops, const SeenVm& seen)
{
    ops.meanings.emplace_back(ops.params.size() - 1,
                              Error{Errc::invalid, "fleet: the replica was behind: ask again"});
    add(ops, {{"op", "wait"},
              {"timeout", 0},
              {"table", "VM"},
              {"columns", {"epoch", "hypervisor"}},
              {"until", "=="},
              {"where", where_all(is("_uuid", json::array({"uuid", seen.uuid})))},
              {"rows", where_all(json{{"epoch", seen.epoch}, {"hypervisor", seen.hypervisor}})}});
}

void remove(FleetOps& ops, const char* table, json where)
{
    add(ops, {{"op", "delete"}, {"table", table}, {"where", std::move(where)}});
}

void replace(FleetOps& ops, const char* table, json key, json row)
{
    remove(ops, table, std::move(key));
    add(ops, {{"op", "insert"}, {"table", table}, {"row", std::move(row)}});
}

/// An ordered list as a map from its places.
json list(const std::vector<std::string>& values)
{
    auto pairs = json::array();
    for (std::size_t place = 0; place < values.size(); ++place)
        pairs.push_back(json::array({place, values[place]}));
    return json::array({"map", std::move(pairs)});
}

/// The same of rows that are not text.
template <class Row>
json list(const std::vector<Row>& rows, std::string (*to_text)(const Row& row))
{
    std::vector<std::string> texts;
    for (const auto& row : rows)
        texts.push_back(to_text(row));
    return list(texts);
}

json numbers(const std::map<std::string, std::int64_t>& values)
{
    auto pairs = json::array();
    for (const auto& [name, value] : values)
        pairs.push_back(json::array({name, value}));
    return json::array({"map", std::move(pairs)});
}

json to_json(const Hypervisor& row)
{
    return {{"number", row.number},
            {"name", row.name},
            {"id", row.id},
            {"vtep", row.vtep},
            {"bridge", row.bridge},
            {"drained", row.drained},
            {"seen", row.seen},
            {"capacity", row.capacity},
            {"load", row.load},
            {"period_load", row.period_load},
            {"resources", row.resources}};
}

json to_json(const Vm& row)
{
    return {{"id", row.id},           {"name", row.name},
            {"label", row.label},     {"kind", row.kind},
            {"service", row.service}, {"hypervisor", row.hypervisor},
            {"state", row.state},     {"ips", list(row.ips)},
            {"epoch", row.epoch},     {"protect", row.protect},
            {"health", row.health},   {"ports", list(row.ports, port_to_text)}};
}

json to_json(const Chain& row)
{
    return {{"name", row.name},
            {"spi", row.spi},
            {"rspi", row.rspi},
            {"match", row.match},
            {"match_reverse", row.match_reverse},
            {"priority", row.priority},
            {"symmetric", row.symmetric},
            {"dead", row.dead},
            {"probe", row.probe},
            {"closed", !row.open}, // A row of an older program, without it, is open.
            {"change", row.change},
            {"hops", list(row.hops, hop_to_text)}};
}

json to_json(const Balancer& row)
{
    const bool checked = row.check != "none";
    return {{"name", row.name},
            {"vip", row.vip},
            {"port", row.port},
            {"protocol", row.protocol},
            {"director", row.director},
            {"directors", json::array({"set", row.directors})},
            {"policy", row.policy},
            {"gateway", row.gateway},
            {"number", row.number},
            {"mac_prefix", row.mac_prefix},
            {"mac_layout", row.mac_layout},
            {"servers", list(row.servers, server_to_text)},
            {"vip_mac", row.vip_mac},
            {"persistence", row.persistence},
            {"slow_start", row.slow_start},
            {"sorry", row.sorry},
            {"sorry_port", row.sorry_port},
            {"sorry_mac", row.sorry_mac},
            // Without a check as in a row of an older program: the two are compared.
            {"check", checked ? row.check : ""},
            {"check_target", checked ? row.check_target : ""},
            {"check_expect", checked ? row.check_expect : 0},
            {"interval_ms", checked ? row.interval_ms : 0},
            {"timeout_ms", checked ? row.timeout_ms : 0},
            {"rise", checked ? row.rise : 0},
            {"fall", checked ? row.fall : 0}};
}

json to_json(const ServerHealth& row)
{
    return {{"balancer", row.balancer}, {"address", row.address}, {"hypervisor", row.hypervisor},
            {"state", row.state},       {"since", row.since},     {"text", row.text},
            {"cpu", row.cpu},           {"memory", row.memory},   {"answer_us", row.answer_us}};
}

json to_json(const Service& row)
{
    return {{"id", row.id},
            {"name", row.name},
            {"user", row.user},
            {"ips", list(row.ips)},
            {"mac", row.mac},
            {"vlan", row.vlan},
            {"gateway", row.gateway},
            {"command", list(row.command)},
            {"directory", row.directory},
            {"environment", list(row.environment)},
            {"hypervisor", row.hypervisor},
            {"state", row.state},
            {"pinned", row.pinned},
            {"mode", row.mode},
            {"pid", row.pid},
            {"exit", row.exit},
            {"epoch", row.epoch}};
}

json to_json(const Specification& row)
{
    json to{{"id", row.id},
            {"hypervisor", row.hypervisor},
            {"epoch", row.epoch},
            {"cpus", row.cpus},
            {"memory", row.memory},
            {"disk", row.disk},
            {"shared_disks", row.shared_disks},
            {"elements", list(row.elements, element_to_text)}};
    // What is not said need not be known to the database, which can be of an older program.
    if (row.lease != 0)
        to["lease"] = row.lease;
    if (!row.xml.empty())
        to["xml"] = row.xml;
    return to;
}

json to_json(const RecoveryPolicy& row)
{
    return {
        {"name", row.name},           {"ways", row.ways},       {"weights", numbers(row.weights)},
        {"threshold", row.threshold}, {"measure", row.measure}, {"versions", row.versions},
        {"required", row.required},   {"pinned", row.pinned},   {"forbidden", row.forbidden},
        {"automatic", row.automatic}};
}

json to_json(const Lease& row)
{
    return {{"name", row.name},         {"holder", row.holder},       {"term", row.term},
            {"beat", row.beat},         {"spare", row.spare},         {"decided", row.decided},
            {"reviewed", row.reviewed}, {"accounted", row.accounted}, {"balance", row.balance}};
}

json to_json(const Quota& row)
{
    return {{"name", row.name},
            {"amount", row.amount},
            {"administrator", row.administrator},
            {"share", numbers(row.share)},
            {"given", numbers(row.given)},
            {"borrowed", json::array({"set", row.borrowed})},
            {"in_use", json::array({"set", row.in_use})},
            {"low_reviews", row.low_reviews},
            {"used", numbers(row.used)},
            {"accounted", row.accounted}};
}

json to_json(const Move& row)
{
    return {{"id", row.id},
            {"role", row.role},
            {"vm", row.vm},
            {"hypervisor", row.hypervisor},
            {"peer", row.peer},
            {"state", row.state},
            {"times", numbers(row.times)},
            {"figures", numbers(row.figures)}};
}

json to_json(const Task& row)
{
    return {{"id", row.id},       {"hypervisor", row.hypervisor}, {"asked_by", row.asked_by},
            {"verb", row.verb},   {"arguments", row.arguments},   {"state", row.state},
            {"reply", row.reply}, {"deadline", row.deadline}};
}

Error others(const std::string& what, const std::string& mend)
{
    return {Errc::invalid, "fleet: " + what + " is another hypervisor's: " + mend};
}

void put(FleetOps& ops, const Hypervisor& row)
{
    expect(ops, "Hypervisor", true, where_all(is("id", row.id)),
           {Errc::not_found,
            "fleet: hypervisor " + row.name + " is not a member any more: join the fleet again"});
    refuse(
        ops, "Hypervisor", where_all(is("name", row.name), is_not("id", row.id)),
        {Errc::exists, "fleet: the name " + row.name +
                           " is another hypervisor's: set another `hypervisor` in holdfast.conf"});
    auto columns = to_json(row);
    columns.erase("number"); // Given once, by join.
    add(ops, {{"op", "update"},
              {"table", "Hypervisor"},
              {"where", where_all(is("id", row.id))},
              {"row", std::move(columns)}});
}

/// Refused if the row of this id is a later owner's than `row`, which is a `table`'s; `what` it is
/// in words.
template <class Row>
void refuse_if_taken_over(FleetOps& ops, const char* table, const Row& row, const std::string& what)
{
    const auto epoch = std::to_string(row.epoch);
    refuse(ops, table, where_all(is("id", row.id), clause("epoch", ">", row.epoch)),
           {Errc::invalid,
            "fleet: " + what + " was taken over since epoch " + epoch + ": read it again"});
    refuse(
        ops, table,
        where_all(is("id", row.id), is("epoch", row.epoch), is_not("hypervisor", row.hypervisor)),
        {Errc::invalid, "fleet: " + what + " is another hypervisor's at epoch " + epoch +
                            ": take it over with a higher one"});
}

void put(FleetOps& ops, const Vm& row)
{
    refuse_if_taken_over(ops, "VM", row, "VM " + row.name);
    replace(ops, "VM", where_all(is("id", row.id)), to_json(row));
}

void put(FleetOps& ops, const Specification& row)
{
    refuse_if_taken_over(ops, "Specification", row, "the specification of VM " + row.id);
    replace(ops, "Specification", where_all(is("id", row.id)), to_json(row));
}

void put(FleetOps& ops, const Service& row)
{
    refuse_if_taken_over(ops, "Service", row, "service " + row.name);
    refuse(
        ops, "Service", where_all(is("name", row.name), is_not("id", row.id)),
        {Errc::exists, "fleet: there is a service " + row.name + " already: choose another name"});
    replace(ops, "Service", where_all(is("id", row.id)), to_json(row));
}

/// The same by what the replica holds, if that allows it.
void put_hasty(FleetOps& ops, const Vm& row, const std::optional<SeenVm>& seen)
{
    if (seen && (seen->epoch > row.epoch ||
                 (seen->epoch == row.epoch && seen->hypervisor != row.hypervisor)))
        return put(ops, row); // Refused most likely: let the server say so.
    ops.hasty = true;
    if (!seen) {
        add(ops, {{"op", "insert"}, {"table", "VM"}, {"row", to_json(row)}});
        return;
    }
    expect_seen(ops, *seen);
    add(ops, {{"op", "update"},
              {"table", "VM"},
              {"where", where_all(is("_uuid", json::array({"uuid", seen->uuid})))},
              {"row", to_json(row)}});
}

void put(FleetOps& ops, const Chain& row)
{
    refuse(ops, "Chain", where_all(is("name", row.name), is_not("spi", row.spi)),
           {Errc::exists, "fleet: there is a chain " + row.name + " already: choose another name"});
    refuse(
        ops, "Chain",
        where_all(is("match", row.match), is("priority", row.priority), is_not("name", row.name)),
        {Errc::exists, "fleet: another chain has this match and priority " +
                           std::to_string(row.priority) + ": choose another --priority"});
    refuse(ops, "Chain", where_all(is("spi", row.spi), is_not("name", row.name)),
           {Errc::exists, "fleet: another chain has the SPI of " + row.name + ": choose another"});
    replace(ops, "Chain", where_all(is("name", row.name)), to_json(row));
}

/// Refused if another hypervisor has begun to change the chain, or has by now.
void refuse_if_changed(FleetOps& ops, const FleetChange& change, const std::string& name)
{
    const auto was = change.chains_were.find(name);
    if (was != change.chains_were.end())
        refuse(ops, "Chain", where_all(is("name", name), is_not("change", was->second)),
               {Errc::unavailable, "chain " + name +
                                       ": another hypervisor has begun to change it: "
                                       "try again in some seconds"});
}

/// The transaction fails with `meaning` unless the rows of this kind are these, each of them whole
/// and with the columns of `row`.
void expect_rows(FleetOps& ops, const char* table, const json& row, json where, json rows,
                 Error meaning)
{
    auto columns = json::array();
    for (const auto& item : row.items())
        columns.push_back(item.key());
    ops.meanings.emplace_back(ops.params.size() - 1, std::move(meaning));
    add(ops, {{"op", "wait"},
              {"timeout", 0},
              {"table", table},
              {"columns", std::move(columns)},
              {"until", "=="},
              {"where", std::move(where)},
              {"rows", std::move(rows)}});
}

/// The transaction fails unless the rows of the table are still those that were seen.  `kind` and
/// `name`, in words: of the one that is put.
void expect_all_seen(FleetOps& ops, const char* table, const std::string& seen,
                     const std::string& kind, const std::string& name)
{
    const json versions{{"_uuid", nullptr}, {"_version", nullptr}};
    expect_rows(ops, table, versions, json::array(), json::parse(seen),
                {Errc::outdated, kind + " " + name + ": other " + kind +
                                     "s have changed meanwhile: try again in some seconds"});
}

/// The transaction fails unless the balancer's row is still this one.
void expect_unchanged(FleetOps& ops, const Balancer& was)
{
    const json row = to_json(was);
    expect_rows(ops, "Balancer", row, where_all(is("name", was.name)), where_all(row),
                {Errc::unavailable, "balancer " + was.name +
                                        ": another hypervisor has changed or deleted it: see "
                                        "\"holdfast balancer list\", then try again"});
}

/// Refused if there is one of this name that is another: two that are new, added at once.
void refuse_another(FleetOps& ops, const Balancer& wanted)
{
    const json row = to_json(wanted);
    for (const auto& column : row.items())
        refuse(ops, "Balancer",
               where_all(is("name", wanted.name), is_not(column.key().c_str(), column.value())),
               {Errc::exists,
                "fleet: there is a balancer " + wanted.name + " already: choose another name"});
}

/// The health rows of servers that the balancer has no more.
void forget_servers(FleetOps& ops, const Balancer& row)
{
    auto where = where_all(is("balancer", row.name));
    for (const auto& server : row.servers)
        where.push_back(is_not("address", server.address));
    remove(ops, "Server_Health", std::move(where));
}

void put(FleetOps& ops, const FleetChange& change, const Balancer& row)
{
    const auto was = change.balancers_were.find(row.name);
    if (was != change.balancers_were.end())
        expect_unchanged(ops, was->second);
    else
        refuse_another(ops, row);
    if (change.balancers_seen)
        expect_all_seen(ops, "Balancer", *change.balancers_seen, "balancer", row.name);
    refuse(ops, "Balancer",
           where_all(is("vip", row.vip), is("port", row.port), is("protocol", row.protocol),
                     is_not("name", row.name)),
           {Errc::exists, "fleet: another balancer has " + row.vip + ":" +
                              std::to_string(row.port) + "/" + row.protocol +
                              ": choose another --vip"});
    replace(ops, "Balancer", where_all(is("name", row.name)), to_json(row));
    forget_servers(ops, row);
}

/// Where a health row is.
json where_health(const HealthKey& key)
{
    return where_all(is("balancer", key.balancer), is("address", key.address),
                     is("hypervisor", key.hypervisor));
}

/// Refused unless the policies that are put or removed are those that were seen.
void expect_policies(FleetOps& ops, const FleetChange& change)
{
    const Error meaning{Errc::unavailable,
                        "another hypervisor has changed how VMs are recovered: see \"holdfast "
                        "recovery policy\", then try again"};
    for (const auto& [name, was] : change.recovery_policies_were) {
        const json row = to_json(was.value_or(RecoveryPolicy{}));
        expect_rows(ops, "Recovery_Policy", row, where_all(is("name", name)),
                    was ? where_all(row) : json::array(), meaning);
    }
}

/// Refused unless the recoveries that are put are those that were seen, and a VM of which a new one
/// is put has none that is open.
void expect_recoveries(FleetOps& ops, const FleetChange& change)
{
    for (const auto& [id, was] : change.recoveries_were) {
        const json row = recovery_json(was.value_or(Recovery{}));
        expect_rows(ops, "Recovery", row, where_all(is("id", id)),
                    was ? where_all(row) : json::array(),
                    {Errc::outdated, "the recovery has changed meanwhile"});
    }
    for (const Recovery& row : change.put_recoveries) {
        const auto was = change.recoveries_were.find(row.id);
        if (was == change.recoveries_were.end() || was->second)
            continue;
        for (const char* open : {"failed", "running"})
            refuse(ops, "Recovery", where_all(is("vm", row.vm), is("state", open)),
                   {Errc::outdated, "another recovery of this VM has begun meanwhile: see "
                                    "\"holdfast recovery history\""});
    }
}

/// One that is new is refused by the index on its name, if another was quicker.
void put(FleetOps& ops, const LeaseStep& step)
{
    const json was = to_json(step.was);
    json to = to_json(step.to);
    if (step.was.term == 0) {
        if (step.to.balance.empty())
            to.erase("balance"); // An older program's server has no such column.
        add(ops, {{"op", "insert"}, {"table", "Lease"}, {"row", std::move(to)}});
        return;
    }
    json known;
    for (const auto& column : was.items())
        if (column.key() == "holder" || column.key() == "term" ||
            to[column.key()] != column.value())
            known[column.key()] = column.value();
    expect_rows(ops, "Lease", known, where_all(is("name", step.was.name)), where_all(known),
                {Errc::outdated, "the lease " + step.was.name + " has changed meanwhile"});
    for (const auto& column : was.items())
        if (!known.contains(column.key()))
            to.erase(column.key());
    add(ops, {{"op", "update"},
              {"table", "Lease"},
              {"where", where_all(is("name", step.was.name))},
              {"row", std::move(to)}});
}

void put(FleetOps& ops, const Move& row)
{
    const json key = where_all(is("id", row.id), is("role", row.role));
    auto of_others = key;
    of_others.push_back(is_not("hypervisor", row.hypervisor));
    refuse(ops, "Move", of_others,
           others("the " + row.role + "'s part of move " + row.id, "leave it to its owner"));
    replace(ops, "Move", key, to_json(row));
}

void put(FleetOps& ops, const Task& row)
{
    const json key = where_all(is("id", row.id));
    if (row.state == "asked") {
        auto begun = key;
        begun.push_back(is_not("state", "asked"));
        refuse(ops, "Task", begun,
               {Errc::exists, "fleet: task " + row.id + " was begun already: await its reply"});
    } else {
        expect(ops, "Task", true, key,
               {Errc::not_found, "fleet: task " + row.id + " was withdrawn: drop it"});
    }
    replace(ops, "Task", key, to_json(row));
}

/// Removes rows with this key, refused if they are not `own`'s.
void remove_own(FleetOps& ops, const char* table, const json& key, const std::string& own,
                const std::string& what)
{
    if (!own.empty()) {
        auto of_others = key;
        of_others.push_back(is_not("hypervisor", own));
        refuse(ops, table, of_others, others(what, "leave it to its owner"));
    }
    remove(ops, table, key);
}

/// The first row of a change that `own` may not write, in words; empty if there is none.
std::string not_ours(const FleetChange& change, const std::string& own)
{
    if (own.empty())
        return {};
    for (const auto& row : change.put_hypervisors)
        if (row.name != own)
            return "hypervisor " + row.name;
    for (const auto& row : change.put_vms)
        if (row.hypervisor != own)
            return "VM " + row.name;
    for (const auto& row : change.put_health)
        if (row.hypervisor != own)
            return "the health of server " + row.address;
    for (const auto& key : change.remove_health)
        if (key.hypervisor != own)
            return "the health of server " + key.address;
    for (const auto& row : change.put_services)
        if (row.hypervisor != own)
            return "service " + row.name;
    for (const auto& row : change.put_specifications)
        if (row.hypervisor != own)
            return "the specification of VM " + row.id;
    for (const auto& row : change.put_moves)
        if (row.hypervisor != own)
            return "the " + row.role + "'s part of move " + row.id;
    for (const auto& row : change.put_tasks)
        if ((row.state == "asked" ? row.asked_by : row.hypervisor) != own)
            return "task " + row.id;
    for (const auto& name : change.remove_hypervisors)
        if (name != own)
            return "hypervisor " + name;
    return {};
}

/// What the server says of a failed operation, in our words.
Error explain(const std::string& error, const std::string& details)
{
    if (error == "constraint violation") {
        if (details.find("index on column \"label\"") != std::string::npos)
            return {Errc::exists, "fleet: a VM's label is another VM's: its hypervisor's number "
                                  "was given twice; leave the fleet and join again"};
        if (details.find("index on") != std::string::npos)
            return {Errc::exists, "fleet: taken: " + details.substr(0, details.find(".  First"))};
        return {Errc::invalid, "fleet: a value is out of its range: " + details};
    }
    if (error == "cluster error" || error == "not leader" || error == "I/O error" ||
        error == "resources exhausted" || error == "timed out")
        return {Errc::unavailable, "fleet: the database cannot decide now (" + error +
                                       "): try again, and see that most of its servers run"};
    return {Errc::invalid, "fleet: refused: " + error + (details.empty() ? "" : ": " + details)};
}

/// The rows of the select at `place`; null if the answer has none.
const json* rows_of(const json& answer, std::size_t place)
{
    if (!answer.is_array() || answer.size() <= place || !answer[place].is_object())
        return nullptr;
    const auto at = answer[place].find("rows");
    return at != answer[place].end() && at->is_array() ? &*at : nullptr;
}

Error not_an_answer()
{
    return {Errc::damaged, "fleet: the server's answer is not what was asked for: is it a "
                           "Holdfast database of this version?"};
}

FleetOps select(std::initializer_list<std::pair<const char*, json>> tables)
{
    FleetOps ops;
    for (const auto& [table, columns] : tables)
        add(ops,
            {{"op", "select"}, {"table", table}, {"where", json::array()}, {"columns", columns}});
    return ops;
}

/// A number that is whole: others would be taken as one that is not there.
/// Errors:  thrown, as nlohmann's own.
int whole(const json& value)
{
    if (!value.is_number_integer())
        throw json::type_error::create(302, "no whole number", nullptr);
    return narrowed(value.is_number_unsigned() &&
                            value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()
                        ? std::numeric_limits<std::int64_t>::max()
                        : value.get<std::int64_t>());
}

std::vector<std::string> list_from(const json& column)
{
    std::map<std::int64_t, std::string> places;
    for (const auto& pair : column.at(1))
        places[pair.at(0)] = pair.at(1);
    std::vector<std::string> values;
    for (auto& [place, value] : places)
        values.push_back(std::move(value));
    return values;
}

Vm vm_from(const json& row)
{
    Vm vm;
    vm.id = row.at("id");
    vm.name = row.at("name");
    vm.label = row.at("label");
    vm.kind = row.at("kind");
    vm.service = row.at("service");
    vm.hypervisor = row.at("hypervisor");
    vm.state = row.at("state");
    vm.ips = list_from(row.at("ips"));
    vm.epoch = row.at("epoch");
    vm.protect = row.at("protect");
    vm.health = row.at("health");
    vm.ports = read_each(list_from(row.at("ports")), port_from_text).first;
    return vm;
}

/// Of a set with one element that alone is there.
std::vector<std::string> set_from(const json& column)
{
    if (column.is_string())
        return {column};
    return column.at(1);
}

std::optional<Chain> chain_from(const json& row)
{
    Chain chain;
    chain.name = row.at("name");
    chain.spi = row.at("spi");
    chain.rspi = row.at("rspi");
    chain.match = row.at("match");
    chain.match_reverse = row.at("match_reverse");
    chain.priority = row.at("priority");
    chain.symmetric = row.at("symmetric");
    chain.dead = row.at("dead");
    chain.probe = row.at("probe");
    chain.open = !row.at("closed").get<bool>();
    chain.change = row.at("change");
    chain.hops = read_hops(list_from(row.at("hops"))).first;
    return chain;
}

void take_check(Balancer& balancer, const json& row)
{
    balancer.check = row.at("check");
    balancer.check_target = row.at("check_target");
    balancer.check_expect = whole(row.at("check_expect"));
    balancer.interval_ms = whole(row.at("interval_ms"));
    balancer.timeout_ms = whole(row.at("timeout_ms"));
    balancer.rise = whole(row.at("rise"));
    balancer.fall = whole(row.at("fall"));
}

/// None of a damaged row.
std::optional<Balancer> balancer_from(const json& row)
{
    Balancer balancer;
    balancer.name = row.at("name");
    balancer.vip = row.at("vip");
    balancer.port = whole(row.at("port"));
    balancer.protocol = row.at("protocol");
    balancer.director = row.at("director");
    balancer.directors = set_from(row.at("directors"));
    std::ranges::sort(balancer.directors);
    balancer.policy = row.at("policy");
    balancer.gateway = row.at("gateway");
    balancer.number = whole(row.at("number"));
    balancer.mac_prefix = row.at("mac_prefix");
    balancer.mac_layout = row.at("mac_layout");
    balancer.vip_mac = row.at("vip_mac");
    balancer.persistence = whole(row.at("persistence"));
    balancer.slow_start = whole(row.at("slow_start"));
    balancer.sorry = row.at("sorry");
    balancer.sorry_port = whole(row.at("sorry_port"));
    balancer.sorry_mac = row.at("sorry_mac");
    if (row.at("check") != "") // A row of an older program, without it, has no check.
        take_check(balancer, row);
    auto [servers, wrong] = read_each(list_from(row.at("servers")), server_from_text);
    balancer.servers = std::move(servers);
    if (!wrong.empty() || !fault(balancer).empty())
        return std::nullopt;
    return balancer;
}

/// All rows that the select has found, by name.
template <class Row>
Result<Seen<Row>> read_all(const json& answer, std::optional<Row> (*from)(const json& row))
{
    const auto* rows = rows_of(answer, 0);
    if (!rows)
        return not_an_answer();
    Seen<Row> seen;
    auto versions = json::array();
    try {
        for (const auto& row : *rows) {
            if (auto one = from(row))
                seen.rows.push_back(std::move(*one));
            versions.push_back({{"_uuid", row.at("_uuid")}, {"_version", row.at("_version")}});
        }
    } catch (const json::exception&) {
        return not_an_answer();
    }
    std::ranges::sort(seen.rows, {}, &Row::name);
    seen.versions = versions.dump();
    return seen;
}

bool is_address(std::string_view one)
{
    if (one.starts_with("unix:"))
        return one.size() > 5;
    if (!one.starts_with("tcp:") && !one.starts_with("ssl:"))
        return false;
    one.remove_prefix(4);
    const auto colon = one.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || !parse_port(one.substr(colon + 1)))
        return false;
    const auto host = one.substr(0, colon);
    const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
    return bracketed || host.find_first_of(":[] ") == std::string_view::npos;
}

} // namespace

bool FleetChange::empty() const
{
    return put_hypervisors.empty() && put_vms.empty() && put_chains.empty() &&
           put_balancers.empty() && put_health.empty() && put_services.empty() && steps.empty() &&
           put_quotas.empty() && remove_quotas.empty() && put_moves.empty() && put_tasks.empty() &&
           remove_services.empty() && remove_hypervisors.empty() && remove_vms.empty() &&
           remove_chains.empty() && remove_balancers.empty() && remove_health.empty() &&
           remove_moves.empty() && remove_tasks.empty() && put_specifications.empty() &&
           remove_specifications.empty() && put_recovery_policies.empty() &&
           remove_recovery_policies.empty() && put_recoveries.empty() && remove_recoveries.empty();
}

Result<FleetOps> compose(const FleetChange& change, const std::string& own, const SeenVms& seen)
{
    if (const auto what = not_ours(change, own); !what.empty())
        return others(what, "only its owner may write it");
    FleetOps ops;
    for (const auto& name : change.remove_hypervisors) {
        remove(ops, "Hypervisor", where_all(is("name", name)));
        remove(ops, "Server_Health", where_all(is("hypervisor", name)));
        remove(ops, "Specification", where_all(is("hypervisor", name)));
    }
    for (const auto& id : change.remove_vms)
        if (const auto row = seen ? seen(id) : std::nullopt; row && row->hypervisor == own) {
            ops.hasty = true;
            expect_seen(ops, *row);
            remove(ops, "VM", where_all(is("_uuid", json::array({"uuid", row->uuid}))));
        } else {
            remove_own(ops, "VM", where_all(is("id", id)), own, "VM " + id);
        }
    for (const auto& name : change.remove_chains) {
        refuse_if_changed(ops, change, name);
        remove(ops, "Chain", where_all(is("name", name)));
    }
    for (const auto& name : change.remove_balancers) {
        const auto was = change.balancers_were.find(name);
        if (was != change.balancers_were.end())
            expect_unchanged(ops, was->second);
        remove(ops, "Balancer", where_all(is("name", name)));
        remove(ops, "Server_Health", where_all(is("balancer", name)));
    }
    for (const auto& key : change.remove_health)
        remove(ops, "Server_Health", where_health(key));
    for (const auto& id : change.remove_services)
        remove_own(ops, "Service", where_all(is("id", id)), own, "service " + id);
    for (const auto& id : change.remove_specifications)
        remove_own(ops, "Specification", where_all(is("id", id)), own,
                   "the specification of VM " + id);
    expect_policies(ops, change);
    for (const auto& name : change.remove_recovery_policies)
        remove(ops, "Recovery_Policy", where_all(is("name", name)));
    expect_recoveries(ops, change);
    for (const auto& id : change.remove_recoveries)
        remove(ops, "Recovery", where_all(is("id", id)));
    for (const auto& step : change.steps)
        put(ops, step);
    for (const auto& name : change.remove_quotas)
        remove(ops, "Quota", where_all(is("name", name)));
    for (const auto& row : change.put_quotas)
        replace(ops, "Quota", where_all(is("name", row.name)), to_json(row));
    for (const auto& key : change.remove_moves)
        remove_own(ops, "Move", where_all(is("id", key.id), is("role", key.role)), own,
                   "the " + key.role + "'s part of move " + key.id);
    for (const auto& id : change.remove_tasks) {
        if (!own.empty())
            refuse(ops, "Task",
                   where_all(is("id", id), is_not("hypervisor", own), is_not("asked_by", own)),
                   others("task " + id, "leave it to its owner"));
        remove(ops, "Task", where_all(is("id", id)));
    }
    for (const auto& row : change.put_hypervisors)
        put(ops, row);
    for (const auto& row : change.put_vms)
        if (seen)
            put_hasty(ops, row, seen(row.id));
        else
            put(ops, row);
    for (const auto& row : change.put_chains) {
        refuse_if_changed(ops, change, row.name);
        if (change.chains_were.contains(row.name))
            expect(ops, "Chain", true, where_all(is("name", row.name)),
                   {Errc::not_found, "chain " + row.name + ": another hypervisor has deleted it"});
        if (change.chains_seen)
            expect_all_seen(ops, "Chain", *change.chains_seen, "chain", row.name);
        put(ops, row);
    }
    for (const auto& row : change.put_balancers)
        put(ops, change, row);
    for (const auto& row : change.put_health)
        replace(ops, "Server_Health", where_health(HealthKey::of(row)), to_json(row));
    for (const auto& row : change.put_services)
        put(ops, row);
    for (const auto& row : change.put_specifications)
        put(ops, row);
    for (const auto& row : change.put_recovery_policies)
        replace(ops, "Recovery_Policy", where_all(is("name", row.name)), to_json(row));
    for (const auto& row : change.put_recoveries)
        replace(ops, "Recovery", where_all(is("id", row.id)), recovery_json(row));
    for (const auto& row : change.put_moves)
        put(ops, row);
    for (const auto& row : change.put_tasks)
        put(ops, row);
    return ops;
}

void leave_out(FleetOps& ops, std::span<const char* const> columns_of_newer)
{
    for (json& operation : ops.params) {
        if (!operation.is_object() || operation.value("table", "") != "Hypervisor")
            continue;
        for (const char* column : columns_of_newer) {
            if (const auto row = operation.find("row"); row != operation.end())
                row->erase(column);
            if (const auto columns = operation.find("columns"); columns != operation.end())
                columns->erase(std::remove(columns->begin(), columns->end(), json(column)),
                               columns->end());
        }
    }
}

FleetOps compose_join(const Hypervisor& row)
{
    FleetOps ops;
    refuse(ops, "Hypervisor", where_all(is("name", row.name), is_not("id", row.id)),
           {Errc::exists, "fleet: there is a hypervisor " + row.name +
                              " already: set another `hypervisor` in holdfast.conf"});
    refuse(ops, "Hypervisor", where_all(is("number", row.number), is_not("id", row.id)),
           {Errc::exists, "fleet: number " + std::to_string(row.number) +
                              " is another hypervisor's: ask for another"});
    replace(ops, "Hypervisor", where_all(is("id", row.id)), to_json(row));
    return ops;
}

FleetOps compose_read_numbers()
{
    return select(
        {{"Hypervisor", {"number", "id"}}, {"VM", {"label"}}, {"Chain", {"spi", "rspi"}}});
}

Result<int> number_for(const Hypervisor& row, const json& answer)
{
    const auto* hypervisors = rows_of(answer, 0);
    const auto* vms = rows_of(answer, 1);
    const auto* chains = rows_of(answer, 2);
    if (!hypervisors || !vms || !chains)
        return not_an_answer();
    if (row.number)
        return row.number;
    std::set<int> taken{0};
    try {
        for (const auto& other : *hypervisors) {
            const int number = other.at("number");
            if (other.at("id") == row.id)
                return number;
            taken.insert(number);
        }
        for (const auto& vm : *vms)
            taken.insert(vm.at("label").get<int>() >> 12);
        for (const auto& chain : *chains) {
            taken.insert(chain.at("spi").get<int>() >> 12);
            taken.insert(chain.at("rspi").get<int>() >> 12);
        }
    } catch (const json::exception&) {
        return not_an_answer();
    }
    for (int number = 1; number <= n_hypervisors; ++number)
        if (!taken.contains(number))
            return number;
    return Error{Errc::exists, "fleet: all " + std::to_string(n_hypervisors) +
                                   " numbers are taken: let a hypervisor leave"};
}

FleetOps compose_read_hypervisors()
{
    return select({{"Hypervisor",
                    {"number", "name", "id", "vtep", "bridge", "drained", "capacity", "load",
                     "period_load", "resources", "seen"}}});
}

Result<std::vector<Hypervisor>> read_hypervisors(const json& answer)
{
    const auto* rows = rows_of(answer, 0);
    if (!rows)
        return not_an_answer();
    std::vector<Hypervisor> all;
    try {
        for (const auto& row : *rows) {
            auto& one = all.emplace_back();
            one.number = row.at("number");
            one.name = row.at("name");
            one.id = row.at("id");
            one.vtep = row.at("vtep");
            one.bridge = row.at("bridge");
            one.drained = row.at("drained");
            if (row.contains("load")) { // An older program's server has none of them.
                one.capacity = row.at("capacity");
                one.load = whole(row.at("load"));
                one.period_load = whole(row.at("period_load"));
            }
            one.resources = row.value("resources", "");
            one.seen = row.at("seen");
        }
    } catch (const json::exception&) {
        return not_an_answer();
    }
    std::ranges::sort(all, {}, &Hypervisor::name);
    return all;
}

FleetOps compose_read_all(const char* table)
{
    FleetOps ops;
    add(ops, {{"op", "select"}, {"table", table}, {"where", json::array()}});
    return ops;
}

Result<Seen<Chain>> read_chains(const json& answer)
{
    return read_all(answer, chain_from);
}

Result<Seen<Balancer>> read_balancers(const json& answer)
{
    return read_all(answer, balancer_from);
}

FleetOps compose_read_vm(const std::string& id)
{
    FleetOps ops;
    add(ops, {{"op", "select"}, {"table", "VM"}, {"where", where_all(is("id", id))}});
    return ops;
}

Result<std::optional<Vm>> read_vm(const json& answer)
{
    const auto* rows = rows_of(answer, 0);
    if (!rows)
        return not_an_answer();
    if (rows->empty())
        return std::optional<Vm>{};
    try {
        return std::optional{vm_from(rows->front())};
    } catch (const json::exception&) {
        return not_an_answer();
    }
}

Result<void> judge(const FleetOps& ops, const json& answer)
{
    if (!answer.is_array())
        return not_an_answer();
    for (std::size_t place = 0; place < answer.size(); ++place) {
        const auto& one = answer[place];
        if (!one.is_object() || !one.contains("error"))
            continue;
        const auto error = one.value("error", "");
        for (const auto& [at, meaning] : ops.meanings)
            if (at == place && error == "timed out")
                return meaning;
        return explain(error, one.value("details", ""));
    }
    return {};
}

std::string port_to_text(const VmPort& port)
{
    json object{{"mac", port.mac},
                {"iface_id", port.iface_id},
                {"bridge", port.bridge},
                {"interface", port.interface},
                {"ofport", port.ofport}};
    // As an older program says it, where they are empty.
    if (!port.fabric.empty())
        object["fabric"] = port.fabric;
    if (!port.entry.empty())
        object["entry"] = port.entry;
    return object.dump();
}

Result<VmPort> port_from_text(const std::string& text)
{
    try {
        const auto object = json::parse(text);
        VmPort port;
        port.mac = object.at("mac");
        port.iface_id = object.at("iface_id");
        port.bridge = object.at("bridge");
        port.interface = object.at("interface");
        port.ofport = whole(object.at("ofport"));
        port.fabric = object.value("fabric", "");
        port.entry = object.value("entry", "");
        return port;
    } catch (const json::exception&) {
        return Error{Errc::damaged, "ports: an element is no port: " + text.substr(0, 60)};
    }
}

std::string hop_to_text(const Hop& hop)
{
    return json{{"vms", hop.vms}, {"kind", hop.kind}, {"led", hop.led}}.dump();
}

Result<Hop> hop_from_text(const std::string& text)
{
    try {
        const auto object = json::parse(text);
        Hop hop;
        hop.vms = object.at("vms");
        hop.kind = object.at("kind");
        hop.led = object.at("led");
        return hop;
    } catch (const json::exception&) {
        return Error{Errc::damaged, "hops: an element is no hop: " + text.substr(0, 60)};
    }
}

std::pair<std::vector<Hop>, std::string> read_hops(const std::vector<std::string>& texts)
{
    std::pair<std::vector<Hop>, std::string> hops;
    for (const auto& text : texts) {
        auto hop = hop_from_text(text);
        if (!hop && hops.second.empty())
            hops.second = hop.error().message;
        hops.first.push_back(hop ? std::move(*hop) : Hop{{text}, "pass", true});
    }
    return hops;
}

std::string server_to_text(const RealServer& server)
{
    json object{{"address", server.address},
                {"port", server.port},
                {"weight", server.weight},
                {"state", server.state},
                {"mac", server.mac}};
    if (server.limit) // Without one as an older program writes it: the two are compared.
        object["limit"] = server.limit;
    if (server.way != "tunnel") // Likewise.
        object["way"] = server.way;
    return object.dump();
}

Result<RealServer> server_from_text(const std::string& text)
{
    try {
        const auto object = json::parse(text);
        RealServer server;
        server.address = object.at("address");
        server.port = whole(object.at("port"));
        server.weight = whole(object.at("weight"));
        server.state = object.at("state");
        server.mac = object.at("mac");
        server.limit = whole(object.value("limit", json(0)));
        server.way = object.value("way", "tunnel");
        return server;
    } catch (const json::exception&) {
        return Error{Errc::damaged, "servers: an element is no server: " + text.substr(0, 60)};
    }
}

std::string element_to_text(const SpecificationElement& element)
{
    return json::array({element.feature, element.name, element.version}).dump();
}

Result<SpecificationElement> element_from_text(const std::string& text)
{
    try {
        const auto array = json::parse(text);
        return SpecificationElement{array.at(0), array.at(1), array.at(2)};
    } catch (const json::exception&) {
        return Error{Errc::damaged, "elements: one is no element: " + text.substr(0, 60)};
    }
}

Result<void> check_remote(const std::string& address)
{
    std::string_view rest = address;
    for (;;) {
        const auto comma = rest.find(',');
        const auto one = rest.substr(0, comma);
        if (!is_address(one))
            return Error{Errc::invalid, "fleet address \"" + std::string{one} +
                                            "\": write tcp:ADDRESS:PORT, ssl:ADDRESS:PORT or "
                                            "unix:PATH, several with commas"};
        if (comma == std::string_view::npos)
            return {};
        rest.remove_prefix(comma + 1);
    }
}

} // namespace holdfast::db
