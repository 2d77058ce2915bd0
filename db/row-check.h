// SPDX-License-Identifier: Apache-2.0
//
// db/row-check: what no program of ours would have written into a row.
//
// Databases are files and servers that people and other programs write into, too.  A row with
// something in it that it cannot have is left out where rows are read, of the fleet's database as
// of a store, so that whoever uses rows need not expect it; and it is told.  Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "db/rows.h"

namespace holdfast::db {

constexpr int weight_max = 65535;                             // Of a real server.
constexpr int limit_max = 1'000'000'000;                      // Its connections at a time.
constexpr int day_s = 86'400;                                 // Persistence and slow start at most.
constexpr int interval_min_ms = 100;                          // From one probe to the next.
constexpr int interval_max_ms = 3'600'000;                    // An hour.
constexpr int in_a_row_max = 1000;                            // Of rise and fall.
constexpr int vip_number_max = 63;                            // Of a VIP on the routed way.
constexpr std::int64_t quantity_max = std::int64_t{1} << 40;  // Of what a VM has so much of.
constexpr std::int64_t similarity_weight_max = 1'000'000'000; // Millionths.
constexpr std::int64_t recovery_lease_max = 3600;             // Seconds.
constexpr std::int64_t amount_max = 4'000'000'000;            // Of units, in thousandths.
constexpr int load_max = 1'000'000; // Thousandths of what there is: a long queue.

/// A row that was left out.
struct Damage {
    std::string table; // As its database calls it.
    std::string key;   // The row's, as it is.
    std::string what;  // The column, what is in it, and what may be there.

    bool operator==(const Damage&) const = default;
};

/// The first thing that is wrong with a row; empty if nothing is.
/// Shape:   a policy is not looked at: one that a switch does not know is a newer program's.
std::string fault(const Balancer& row);
std::string fault(const ServerHealth& row);
std::string fault(const Service& row);
std::string fault(const Hypervisor& row);
std::string fault(const Lease& row);
std::string fault(const Quota& row);
std::string fault(const Move& row);
/// A feature, and what a way or a condition is called, are not looked at: as a policy's name.
std::string fault(const Specification& row);
std::string fault(const RecoveryPolicy& row);
/// A failure and a way are not looked at, either.
std::string fault(const Recovery& row);

/// By what people find the row.
inline std::string key_of(const Balancer& row)
{
    return row.name;
}
inline std::string key_of(const Service& row)
{
    return row.name;
}
inline std::string key_of(const Lease& row)
{
    return row.name;
}
inline std::string key_of(const Quota& row)
{
    return row.name;
}
inline std::string key_of(const Hypervisor& row)
{
    return row.name;
}
inline std::string key_of(const Vm& row)
{
    return row.id;
}
inline std::string key_of(const Chain& row)
{
    return row.name;
}
inline std::string key_of(const ServerHealth& row)
{
    return row.balancer + " " + row.address + " " + row.hypervisor;
}

inline std::string key_of(const Move& row)
{
    return row.id + " " + row.role;
}
inline std::string key_of(const Specification& row)
{
    return row.id;
}
inline std::string key_of(const RecoveryPolicy& row)
{
    return row.name;
}
inline std::string key_of(const Recovery& row)
{
    return row.id;
}

/// Whether this row was left out.
bool is_damaged(const std::vector<Damage>& damaged, std::string_view table, std::string_view key);

/// One line for people: which row of which table, with what.
std::string text_of(const Damage& damage);

/// Takes those out that are damaged, whether that is known already or found now.
template <class Row>
void leave_out_damaged(std::vector<Row>& rows, const char* table, std::vector<Damage>& damaged)
{
    std::erase_if(rows, [&](const Row& row) {
        if (is_damaged(damaged, table, key_of(row)))
            return true;
        auto what = fault(row);
        if (what.empty())
            return false;
        damaged.push_back({table, key_of(row), std::move(what)});
        return true;
    });
}

} // namespace holdfast::db
