// SPDX-License-Identifier: Apache-2.0
//
// ctl/order-env: the verbs of `holdfast env`.
#include <config.h>

#include "ctl/order.h"

namespace holdfast::ctl {

void add_env(CLI::App& app, Order& order)
{
    auto& noun = add_noun(app, "env", "Users' nodes in use as one environment");
    add(noun, "list", "List the environments", order, env_list);
    add(noun, "show", "Show one environment and its nodes", order,
        [&order](const Session& s) { return env_show(s, order.name); })
        ->add_option("USER", order.name, "Whose it is")
        ->required();
    auto* run = add(
        noun, "run", "Run a command in an environment, on its least loaded node", order,
        [&order](const Session& s) { return env_run(s, order.user, order.node, order.command); });
    run->add_option("--user", order.user, "Whose it is; else that of who calls");
    run->add_option("--node", order.node, "On this node instead");
    run->add_option("COMMAND", order.command,
                    "The program and its arguments, after -- so that its options are its own")
        ->required();
}

} // namespace holdfast::ctl
