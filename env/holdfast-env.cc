// SPDX-License-Identifier: Apache-2.0
//
// holdfast-env: what a user's environment is made of on this hypervisor, for holdfast-hookd.
//
//     holdfast-env proc STORE NODE USER FOLDER    mounts the file system of env/proc-fs there, and
//                                                 goes on in a process of its own, which ends when
//                                                 it is unmounted
//
//     holdfast-env keep ORDER                     sees that the users whom ORDER names have a
//                                                 container, and no others; prints how it is then.
//                                                 Both are JSON: see keep_order() and kept_text()
//
//     holdfast-env run ORDER                      runs a command in a user's container, see
//                                                 call_of(); `holdfast env run` becomes this.  Its
//                                                 exit status is the command's
//
// Else exit status 0; or 1 with one line on standard error; 2 for usage.
#include <config.h>

#include <chrono>
#include <cstdio>
#include <string>

#include <nlohmann/json.hpp>

#include "env/container.h"
#include "env/proc-fs.h"
#include "env/run-client.h"
#include "service/link.h"
#include "service/message.h"

using namespace holdfast;

namespace {

int refuse(const std::string& line)
{
    std::fprintf(stderr, "%s\n", line.c_str());
    return 1;
}

/// {"store","rundir","node","bridge","addresses","gateway","users":[NAME..],
///  "limits":{USER:{"cpu","memory"}..}}; no addresses, no users.
Result<env::KeepOrder> keep_order(const std::string& text)
try {
    const auto object = nlohmann::json::parse(text);
    env::KeepOrder order{object.at("store"),
                         object.at("rundir"),
                         object.at("node"),
                         object.at("bridge"),
                         {},
                         object.at("gateway"),
                         object.at("users"),
                         {}};
    for (const auto& [user, limits] : object.at("limits").items())
        order.limits[user] = {limits.at("cpu"), limits.at("memory")};
    if (const std::string addresses = object.at("addresses"); !addresses.empty()) {
        auto range = env::parse_range(addresses);
        if (!range)
            return range.error();
        order.range = *range;
    } else if (!order.users.empty()) {
        return Error{Errc::invalid, "there are users and no addresses"};
    }
    return order;
} catch (const nlohmann::json::exception& wrong) {
    return Error{Errc::invalid, std::string{"the order is of the wrong shape: "} + wrong.what()};
}

/// A command, and where it is to run.
struct CallOrder {
    env::RunOrder run;
    std::string node, address; // Empty address: here.
    service::Credentials credentials;
};

/// {"user","command":[..],"node","address","ca_certificate","certificate","private_key"}
Result<CallOrder> call_of(const std::string& text)
try {
    const auto object = nlohmann::json::parse(text);
    return CallOrder{
        {object.at("user"), object.at("command")},
        object.at("node"),
        object.at("address"),
        {object.at("ca_certificate"), object.at("certificate"), object.at("private_key")}};
} catch (const nlohmann::json::exception& wrong) {
    return Error{Errc::invalid, std::string{"the order is of the wrong shape: "} + wrong.what()};
}

Result<int> call(const CallOrder& order)
{
    if (order.address.empty())
        return env::run_here(order.run);
    auto link = service::Link::connect(order.address, service::port, order.credentials, order.node,
                                       std::chrono::steady_clock::now() + std::chrono::seconds{10});
    return link ? env::run_there(*link, order.run) : Result<int>{link.error()};
}

int run(const std::string& text)
{
    auto order = call_of(text);
    auto status = order ? call(*order) : Result<int>{order.error()};
    return status ? *status : refuse("holdfast: " + status.error().message);
}

/// {"there":{USER:ADDRESS..},"failed":{USER:WHY..},"used":{USER:BYTES..}}
std::string kept_text(const env::Kept& kept)
{
    return nlohmann::json{{"there", kept.there}, {"failed", kept.failed}, {"used", kept.used}}.dump(
        -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int keep(const std::string& text)
{
    auto order = keep_order(text);
    if (!order)
        return refuse(order.error().message);
    auto kept = env::keep(*order);
    if (!kept)
        return refuse(kept.error().message);
    std::printf("%s\n", kept_text(*kept).c_str());
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    const std::string verb = argc >= 2 ? argv[1] : "";
    if (verb == "keep" && argc == 3)
        return keep(argv[2]);
    if (verb == "run" && argc == 3)
        return run(argv[2]);
    if (verb == "proc" && argc == 6) {
        auto served = env::serve_proc({argv[2], argv[3], argv[4], argv[5]});
        return served ? 0 : refuse(served.error().message);
    }
    std::fputs("usage: holdfast-env keep ORDER | run ORDER | proc STORE NODE USER FOLDER: see "
               "holdfast-env(8)\n",
               stderr);
    return 2;
}
