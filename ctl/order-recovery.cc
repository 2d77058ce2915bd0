// SPDX-License-Identifier: Apache-2.0
//
// ctl/order-recovery: `holdfast recovery` with its verbs.
#include <config.h>

#include "ctl/order.h"

namespace holdfast::ctl {

void add_recovery(CLI::App& app, Order& order)
{
    auto& noun = add_noun(app, "recovery", "Which VM can replace one that is lost");
    add(noun, "pool", "List the VMs and what they are made of", order, recovery_pool);

    auto* plan =
        add(noun, "plan", "Show how a VM would be recovered, and who could replace it", order,
            [&order](const Session& s) { return recovery_plan(s, order.vm, order.most); });
    plan->add_option("VM", order.vm, "Name or id")->required();
    plan->add_option("--most", order.most, "So many candidates")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();

    auto* run = add(noun, "run", "Recover a VM that is lost", order, [&order](const Session& s) {
        return recovery_run(s, order.vm, order.way, order.gone);
    });
    run->add_option("VM", order.vm, "Name or id")->required();
    run->add_option("--way", order.way, "How: restart or adopt; else as the policy says");
    run->add_flag("--gone", order.gone,
                  "You know that it does not run any more, though its hypervisor cannot be asked");

    add(noun, "allow", "Let a VM that was recovered be started again where it was", order,
        [&order](const Session& s) { return recovery_allow(s, order.vm); })
        ->add_option("VM", order.vm, "Name or id")
        ->required();

    add(noun, "history", "List failures of VMs, and what became of them", order,
        [&order](const Session& s) { return recovery_history(s, order.policy_of); })
        ->add_option("--vm", order.policy_of, "Of this VM alone");

    add(noun, "weights", "Show or set what features count", order, [&order](const Session& s) {
        return recovery_weights(s, order.settings);
    })->add_option("FEATURE=WEIGHT", order.settings, "From 0 to 1000, e.g. database=0.2");

    auto* policy =
        add(noun, "policy", "Show or set how VMs are recovered", order, [&order](const Session& s) {
            return recovery_policy(s, order.settings, order.policy_of);
        });
    policy->add_option("SETTING=VALUE", order.settings,
                       "threshold, measure, versions, require, ways or automatic; of a VM "
                       "ways, pin, forbid or automatic");
    policy->add_option("--vm", order.policy_of, "Of this VM instead of the fleet");
}

} // namespace holdfast::ctl
