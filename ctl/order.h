// SPDX-License-Identifier: Apache-2.0
//
// ctl/order: what the command line asks for, and how a noun and its verbs are put into it.
//
// Used by ctl/holdfast and by the files of the nouns with the most options.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "ctl/verbs.h"

namespace holdfast::ctl {

/// What the command line asks for; options are put into it, then `verb` is called.
struct Order {
    Session session;
    std::function<Result<void>(const Session&)> verb;
    std::string vm;
    std::string to;
    std::string name;
    std::optional<std::string> node; // Of `fleet leave` and `env run`.
    std::string packet;
    std::string from;
    std::string via;
    std::string address;
    std::string out;
    std::string on_or_off;
    std::string move_mode; // Of `service migrate`; empty: as the service says.
    bool follow = false;
    bool fenced = false;
    int parallel = 2;
    std::size_t most = 10;                // Of `recovery plan`.
    std::string way;                      // Of `recovery run`; empty: as the policy says.
    bool gone = false;                    // Of `recovery run`.
    std::vector<std::string> settings;    // Of `recovery weights` and `recovery policy`.
    std::optional<std::string> policy_of; // The VM of `recovery policy`, `recovery history`.
    ChainOrder chain;
    ChainChange change;
    BalancerOrder balancer;
    ServerOrder server;
    ServiceOrder service;
    QuotaOrder quota;
    std::optional<std::string> user;  // Of `quota show`, `quota usage` and `env run`.
    std::vector<std::string> command; // Of `env run`.
    bool dry_run = false;
    EventFilter events;
};

/// A verb of a noun, or a noun without verbs; it is what `order` asks for if it is named.
CLI::App* add(CLI::App& parent, const std::string& name, const std::string& help, Order& order,
              std::function<Result<void>(const Session&)> verb);

/// A noun, which needs one of its verbs.
CLI::App& add_noun(CLI::App& parent, const std::string& name, const std::string& help);

/// `holdfast balancer` with its verbs.
void add_balancer(CLI::App& app, Order& order);

/// `holdfast recovery` with its verbs.
void add_recovery(CLI::App& app, Order& order);

/// `holdfast service` with its verbs.
void add_service(CLI::App& app, Order& order);

/// `holdfast quota` with its verbs.
void add_quota(CLI::App& app, Order& order);

/// `holdfast env` with its verbs.
void add_env(CLI::App& app, Order& order);

} // namespace holdfast::ctl
