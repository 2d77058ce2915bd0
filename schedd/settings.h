// SPDX-License-Identifier: Apache-2.0
//
// schedd/settings: what holdfast.conf says of quotas, as the decisions take it.
//
// Pure.
#pragma once

#include "common/config.h"
#include "schedd/amount.h"
#include "schedd/policy.h"

namespace holdfast::schedd {

/// What the daemon works by.
struct Settings {
    SharePolicy policy;
    Rates rates;
    Seconds interval{3600}; // From one accounting of what users use to the next.
    Seconds lease{30};
    BalancePolicy balance;
    Seconds round{60};    // From one round of balance to the next; 0: there is none.
    Seconds average{300}; // Over which it sees loads.
};

/// Shape:   `config` is as parse_config() has checked it.
/// Errors:  invalid: thresholds that cannot hold together, with their figures.
Result<Settings> settings_of(const Config& config);

} // namespace holdfast::schedd
