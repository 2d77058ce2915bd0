// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-options: see balancer-options.h.
#include <config.h>

#include "hookd/balancer-options.h"

#include <algorithm>
#include <string_view>

#include "common/policies.h"
#include "common/text.h"
#include "db/balancer.h"
#include "db/row-check.h"

namespace holdfast::hookd {
namespace {

Error invalid(const std::string& text)
{
    return {Errc::invalid, text};
}

constexpr const char* has_own_weights =
    " is for a built-in director; an external one has its own weights, and with 0 it drains a "
    "server: set them there (ipvsadm -a or -e, with -w), or make the balancer with --director "
    "builtin";

Result<void> check_policy(const BalancerRequest& request)
{
    if (request.policy.empty() || is_policy(request.policy))
        return {};
    std::string all;
    for (const Policy& policy : policies)
        all += (all.empty() ? "" : " ") + std::string{policy.name};
    return invalid("policy " + one_line(request.policy, 40) + " is unknown: there are " + all);
}

/// Refuses what an external director does by itself.
Result<void> refuse_options(const BalancerRequest& request)
{
    const std::string keepalived = "an external one checks its servers itself, as keepalived does";
    struct Option {
        std::string name;
        bool given;
        std::string elsewhere;
    };
    for (const auto& [name, given, elsewhere] : {
             Option{"--policy", !request.policy.empty(),
                    "an external one chooses by its own scheduler (ipvsadm -s)"},
             Option{"--persistence", request.persistence.has_value(),
                    "an external one keeps clients with their servers itself (ipvsadm -p)"},
             Option{"--slow-start", request.slow_start.has_value(),
                    "an external one has its own weights (ipvsadm -w)"},
             Option{"--sorry", !request.sorry.empty(),
                    "an external one has its own, as keepalived's sorry_server"},
             Option{"--check", !request.check.empty(), keepalived},
             Option{"--check-interval", request.check_interval.has_value(), keepalived},
             Option{"--check-timeout", request.check_timeout.has_value(), keepalived},
             Option{"--rise", request.rise.has_value(), keepalived},
             Option{"--fall", request.fall.has_value(), keepalived},
         }) {
        if (given) {
            return invalid(name + " is for a built-in director; " + elsewhere + ": leave " + name +
                           " out, or give --director builtin");
        }
    }
    return {};
}

/// Takes a number that was given, if it is in its range.
Result<void> take(const char* option, const std::optional<std::int64_t>& given, int least, int most,
                  int& into)
{
    if (!given)
        return {};
    if (*given < least || *given > most) {
        return invalid(std::string{option} + " " + std::to_string(*given) +
                       " is out of range: give " + std::to_string(least) + " to " +
                       std::to_string(most));
    }
    into = static_cast<int>(*given);
    return {};
}

/// /PATH[=STATUS]: what follows the last = is the status, unless it belongs to a query.
Result<void> take_http(const std::string& what, std::string path, db::Balancer& balancer)
{
    constexpr std::size_t longest = 1024;
    const auto equals = path.rfind('=');
    const auto last = equals == std::string::npos ? "" : path.substr(equals + 1);
    const auto status = parse_number(last);
    if (equals != std::string::npos && (status || path.find('?') == std::string::npos)) {
        if (!status || *status < 100 || *status > 599) {
            return invalid(what + ": " + one_line(last, 40) +
                           " is no HTTP status: give one from 100 to 599, or none for any 2xx or "
                           "3xx");
        }
        balancer.check_expect = static_cast<int>(*status);
        path.resize(equals);
    }
    const bool printable =
        std::all_of(path.begin(), path.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    if (!path.starts_with('/') || path.size() > longest || !printable)
        return invalid(what + ": give http:/PATH[=STATUS], such as http:/healthz=200");
    balancer.check_target = path;
    return {};
}

Result<void> take_command(const std::string& what, const std::string& program,
                          db::Balancer& balancer)
{
    constexpr std::size_t longest = 255;
    const bool plain = std::all_of(program.begin(), program.end(),
                                   [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
    if (!program.starts_with('/') || program.size() > longest || !plain) {
        return invalid(what + ": give command:/PROGRAM, by its whole path, which is the same on "
                              "each hypervisor");
    }
    balancer.check_target = program;
    return {};
}

/// tcp, http:/PATH[=STATUS], command:/PROGRAM, or none.
Result<void> take_check(const std::string& text, db::Balancer& balancer)
{
    const std::string what = "--check " + one_line(text, 60);
    const auto colon = text.find(':');
    const auto kind = text.substr(0, colon);
    const auto target = colon == std::string::npos ? "" : text.substr(colon + 1);
    const bool whole = colon == std::string::npos;
    if (!(kind == "http" || kind == "command" || (whole && (kind == "tcp" || kind == "none")))) {
        return invalid(what + " is unknown: give tcp, http:/PATH[=STATUS], command:/PROGRAM or "
                              "none");
    }
    balancer.check = kind;
    if (balancer.protocol == "udp" && (kind == "tcp" || kind == "http")) {
        return invalid(what + " asks by TCP, and the VIP is for UDP: give command:/PROGRAM, which "
                              "asks as your clients do");
    }
    if (kind == "http")
        return take_http(what, target, balancer);
    if (kind == "command")
        return take_command(what, target, balancer);
    return {};
}

/// How often a check looks, and what it takes to change its mind.
Result<void> take_pace(const BalancerRequest& request, db::Balancer& balancer)
{
    if (balancer.check == "none" &&
        (request.check_interval || request.check_timeout || request.rise || request.fall)) {
        return invalid("--check-interval, --check-timeout, --rise and --fall are of a check: give "
                       "--check too");
    }
    if (auto fine = take("--check-interval", request.check_interval, db::interval_min_ms,
                         db::interval_max_ms, balancer.interval_ms);
        !fine)
        return fine;
    // The default must not be what is wrong with a short interval.
    balancer.timeout_ms = std::min(balancer.timeout_ms, balancer.interval_ms);
    if (auto fine = take("--check-timeout", request.check_timeout, 1, balancer.interval_ms,
                         balancer.timeout_ms);
        !fine)
        return invalid(fine.error().message + ", the interval");
    if (auto fine = take("--rise", request.rise, 1, db::in_a_row_max, balancer.rise); !fine)
        return fine;
    return take("--fall", request.fall, 1, db::in_a_row_max, balancer.fall);
}

} // namespace

Result<void> take_options(const BalancerRequest& request, db::Balancer& balancer)
{
    if (auto fine = check_policy(request); !fine)
        return fine;
    if (!db::is_builtin(balancer))
        return refuse_options(request);
    balancer.policy = request.policy.empty() ? policies.front().name : request.policy;
    if (auto fine = take("--persistence", request.persistence, 0, db::day_s, balancer.persistence);
        !fine)
        return fine;
    if (auto fine = take("--slow-start", request.slow_start, 0, db::day_s, balancer.slow_start);
        !fine)
        return fine;
    if (!request.check.empty()) {
        if (auto fine = take_check(request.check, balancer); !fine)
            return fine;
    }
    return take_pace(request, balancer);
}

Result<void> check_change(const db::Balancer& balancer, const std::string& op)
{
    if (db::is_builtin(balancer) || (op != "drain" && op != "weight"))
        return {};
    return invalid("balancer " + balancer.name + ": " + op + has_own_weights);
}

Result<void> check_weight(const db::Balancer& balancer, const db::RealServer& server)
{
    if (server.weight == db::RealServer{}.weight || db::is_builtin(balancer))
        return {};
    return invalid("server " + server.address + ": weight" + has_own_weights);
}

Result<void> check_limit(const db::Balancer& balancer, const db::RealServer& server)
{
    if (server.limit == 0 || db::is_builtin(balancer))
        return {};
    return invalid("server " + server.address +
                   ": a limit is for a built-in director; an external one has its own (ipvsadm "
                   "-x): leave it out");
}

} // namespace holdfast::hookd
