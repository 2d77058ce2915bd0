// SPDX-License-Identifier: Apache-2.0
//
// ctl/tests/rows: rows that several of these tests begin with.
#pragma once

#include <string>

#include "db/rows.h"

namespace holdfast {

/// The VM `name` with the id id-`name` and one port, plugged in as vnet0 unless `ofport` is 0.
inline db::Vm vm(const std::string& name, const std::string& hypervisor, int ofport)
{
    db::Vm row;
    row.id = "id-" + name;
    row.name = name;
    row.hypervisor = hypervisor;
    row.state = ofport ? "running" : "stopped";
    row.ports = {{"52:54:00:00:00:01", row.id, ofport ? "br0" : "", ofport ? "vnet0" : "", ofport}};
    return row;
}

/// The balancer 10.0.0.80:80/tcp with the director `director` (a VM's id) and two servers, the
/// second of which is draining.
inline db::Balancer balancer(const std::string& name, const std::string& director,
                             const std::string& first, const std::string& second)
{
    db::Balancer row;
    row.name = name;
    row.vip = "10.0.0.80";
    row.port = 80;
    row.directors = {director};
    row.servers = {{first, 80, 1, "active", "ae:48:00:00:00:01"},
                   {second, 8080, 5, "draining", "ae:48:00:00:00:02"}};
    return row;
}

/// The same with a built-in director that probes, and both servers active.
inline db::Balancer builtin(const std::string& name, const std::string& first,
                            const std::string& second)
{
    db::Balancer row = balancer(name, "", first, second);
    row.director = "builtin";
    row.directors.clear();
    row.policy = "wlc";
    row.vip_mac = "ae:48:00:00:00:03";
    row.servers[0].limit = 100;
    row.servers[1].state = "active";
    row.check = "http";
    row.check_target = "/healthz";
    return row;
}

/// What `hypervisor` knows of a server's health, since 2023-11-14 22:13:20.001 UTC.
inline db::ServerHealth health(const std::string& balancer, const std::string& address,
                               const std::string& hypervisor, const std::string& state,
                               const std::string& text)
{
    return {balancer, address, hypervisor, state, 1'700'000'000'001'000'000, text, -1, -1, 3000};
}

} // namespace holdfast
