// SPDX-License-Identifier: Apache-2.0
//
// db/fleet-ops: changes of the fleet as OVSDB operations, and answers as results.
//
// Pure: no connection.  Conditions are `wait` operations that the server checks (RFC 7047,
// section 5.2.6), so that no stale replica can decide.  A row is replaced by delete and
// insert under its natural key in one transaction: the same whether it was there or not, and
// harmless when carried out twice.  Used by db/fleet only.
//
// Growth: the server looks through the whole table for each condition on a key, and goes
// straight to a row that is named by OVSDB's own UUID.  VMs, of which there are most, are
// therefore named so where the replica knows them (`hasty`), and by key only if that fails.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "db/fleet.h"
#include "db/rows.h"

namespace holdfast::db {

/// One transaction: the parameters of `transact`, and what the failure of each wait means.
struct FleetOps {
    nlohmann::json params = nlohmann::json::array({"Holdfast"});
    std::vector<std::pair<std::size_t, Error>> meanings; // By the operation's place, from 0.
    bool hasty = false; // Relies on the replica: when refused, compose it again without.
};

/// A VM's row as the replica holds it.
struct SeenVm {
    std::string uuid; // OVSDB's.
    std::string hypervisor;
    std::int64_t epoch = 0;
};
/// The replica, by the VM's id.
using SeenVms = std::function<std::optional<SeenVm>(const std::string& id)>;

/// A change, asked for by the hypervisor named `own` (empty: owners are not checked).
/// With `seen` it is hasty, without it the server looks the rows up.
/// Errors: invalid for rows that are another hypervisor's to write.
Result<FleetOps> compose(const FleetChange& change, const std::string& own,
                         const SeenVms& seen = {});

/// These columns of hypervisors are neither written nor read: the server of an older program does
/// not have them, and would refuse the whole.
void leave_out(FleetOps& ops, std::span<const char* const> columns_of_newer);
/// Those of what they give and how busy they are, and those that came later.
inline constexpr std::array load_columns{"capacity", "load", "period_load"};
inline constexpr std::array resource_columns{"resources"};

/// Adds or updates a hypervisor under its id with its number.
FleetOps compose_join(const Hypervisor& row);

/// Reads what number_for() needs.
FleetOps compose_read_numbers();
/// The number to join with, from the answer to compose_read_numbers(): the one that `row` asks
/// for, or that the row with its id has, or else the lowest that nobody has and that no
/// VM label or SPI carries, whose giver may have left.
/// Errors: exists if all 2047 are taken; damaged if the answer is not what was asked for.
Result<int> number_for(const Hypervisor& row, const nlohmann::json& answer);

FleetOps compose_read_hypervisors();
Result<std::vector<Hypervisor>> read_hypervisors(const nlohmann::json& answer);
/// Reads all rows of the table.
FleetOps compose_read_all(const char* table);
Result<Seen<Chain>> read_chains(const nlohmann::json& answer);
Result<Seen<Balancer>> read_balancers(const nlohmann::json& answer);
FleetOps compose_read_vm(const std::string& id);
Result<std::optional<Vm>> read_vm(const nlohmann::json& answer);

/// What an answer to `ops` means: success, or why nothing was changed.
/// Errors: unavailable if the server could not decide now (a cluster without a leader).
Result<void> judge(const FleetOps& ops, const nlohmann::json& answer);

/// A port as the VM table's `ports` column holds it.
std::string port_to_text(const VmPort& port);
/// Errors: damaged.
Result<VmPort> port_from_text(const std::string& text);

/// A place of a chain as the Chain table's `hops` column holds it.
std::string hop_to_text(const Hop& hop);
/// Errors: damaged.
Result<Hop> hop_from_text(const std::string& text);

/// A real server as the Balancer table's `servers` column holds it.
std::string server_to_text(const RealServer& server);
/// Errors: damaged.
Result<RealServer> server_from_text(const std::string& text);

/// An element as the Specification table's `elements` column holds it: [feature, name, version].
std::string element_to_text(const SpecificationElement& element);
/// Errors: damaged.
Result<SpecificationElement> element_from_text(const std::string& text);

/// What `read` makes of the elements of a list, and what is wrong with the first that is none: then
/// the row that has the list is damaged.
template <class Row>
std::pair<std::vector<Row>, std::string> read_each(const std::vector<std::string>& texts,
                                                   Result<Row> (*read)(const std::string& text))
{
    std::pair<std::vector<Row>, std::string> rows;
    for (const auto& text : texts) {
        if (auto row = read(text))
            rows.first.push_back(std::move(*row));
        else if (rows.second.empty())
            rows.second = row.error().message;
    }
    return rows;
}

/// The places of a chain.  Nonsense is a hop that nobody knows, so that traffic is dropped, and
/// passes none by; what is wrong with it is said.
std::pair<std::vector<Hop>, std::string> read_hops(const std::vector<std::string>& texts);

/// Whether an address of the fleet database is well-formed.
/// Errors: invalid, naming the part and how it should look.
Result<void> check_remote(const std::string& address);

} // namespace holdfast::db
