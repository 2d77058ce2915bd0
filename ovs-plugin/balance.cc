// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/balance: see the header.
#include "ovs-plugin/balance.h"

#include "ovs-plugin/actions.h"

namespace holdfast::plugin {

namespace {

std::string in_port(int port)
{
    return "in_port=" + std::to_string(port);
}

/// ct() with what is said in `more`, going on in `table`.
std::string track(const std::string& more, int table)
{
    return "ct(" + more + (more.empty() ? "" : ",") + "table=" + std::to_string(table) +
           ",zone=" + std::to_string(balance_zone) + ")";
}

/// The server's own address again, then as any frame for it.
std::string give(const Balanced& server, const std::string& tracking)
{
    return "mod_dl_dst:" + server.mac + "," + track(tracking, table_deliver);
}

std::string translated(const Balanced& server, const Public& to)
{
    return "commit,nat(dst=" + server.address + ":" + std::to_string(to.server_port) + ")";
}

/// What came by the synthetic address is for the server, for one of its public addresses, or lost.
void add_delivery(std::vector<Flow>& flows, const Balanced& server)
{
    const auto came = "reg0=" + hex(server.label) + ",dl_dst=" + server.synthetic;
    // A director's probe of the server, or what else it has to say to it.
    flows.push_back(
        {table_deliver, 130003, came + ",ip,nw_dst=" + server.address, give(server, "commit")});
    for (const auto& to : server.publics) {
        const auto for_vip = "nw_dst=" + to.vip;
        // What an error says of a connection is translated inside, too (B13).
        flows.push_back({table_deliver, 130002, came + ",icmp," + for_vip, give(server, "nat")});
        flows.push_back(
            {table_deliver, 130001,
             came + "," + to.protocol + "," + for_vip + ",tp_dst=" + std::to_string(to.port),
             give(server, translated(server, to))});
        // A fragment has no ports where flows look; connection tracking puts them together.
        flows.push_back({table_deliver, 130001,
                         came + "," + to.protocol + "," + for_vip + ",nw_frag=yes",
                         give(server, translated(server, to))});
    }
    flows.push_back({table_deliver, 130000, came, "drop"});
}

/// Answers of known connections have their public address again; a service's answer to nobody
/// would show the server's own, and is dropped (B5).
void add_answers(std::vector<Flow>& flows, int port, const Balanced& server)
{
    const auto from = in_port(port);
    const auto go_on = "ct_clear," + (server.hop ? load_vm(server.label) + "," : std::string{}) +
                       resubmit(server.hop ? table_exit : table_classify);
    flows.push_back({table_entry, 152000,
                     from + ",ct_state=-trk,ip,nw_src=" + server.address + ",reg15=0",
                     track("nat", table_answers)});
    flows.push_back({table_answers, 100003, from + ",ct_state=+rpl+trk,ip", go_on});
    flows.push_back({table_answers, 100001, from, go_on});
    for (const auto& to : server.publics)
        flows.push_back({table_answers, 100002,
                         from + ",ct_state=-rpl+trk," + to.protocol + ",nw_src=" + server.address +
                             ",tp_src=" + std::to_string(to.server_port),
                         "drop"});
}

/// Who talks to the server directly has a connection, too: its answers are known, and go on as
/// they are.
void add_direct(std::vector<Flow>& flows, const Balanced& server)
{
    for (const auto& to : server.publics)
        flows.push_back({table_entry, 136000,
                         "reg15=" + hex(released_mark) + ",dl_dst=" + server.mac + "," +
                             to.protocol + ",nw_dst=" + server.address +
                             ",tp_dst=" + std::to_string(to.server_port),
                         track("commit", table_direct)});
}

} // namespace

Flow to_server(int director_port, const Balanced& server)
{
    return {table_entry, 152001,
            in_port(director_port) + ",ip,dl_dst=" + server.synthetic + ",reg15=0",
            load_vm(server.label) + "," + resubmit(table_deliver)};
}

Flow to_nobody(int director_port, const std::string& mac_prefix)
{
    return {table_entry, 151900,
            in_port(director_port) + ",dl_dst=" + mac_prefix +
                ":00:00:00:00/ff:ff:00:00:00:00,reg15=0",
            "drop"};
}

std::vector<Flow> at_server(int port, const Balanced& server)
{
    std::vector<Flow> flows;
    add_delivery(flows, server);
    add_answers(flows, port, server);
    add_direct(flows, server);
    return flows;
}

std::vector<Flow> balance_tables()
{
    // Not the mark that was released before, or it would come round again.
    return {
        {table_direct, 100000, "",
         "ct_clear,load:" + hex(released_mark | 1) + "->NXM_NX_REG15[]," + resubmit(table_entry)}};
}

} // namespace holdfast::plugin
