// SPDX-License-Identifier: Apache-2.0
//
// hookd/feature-file: the table of software and features, with what the operator adds.
#pragma once

#include <string>

#include "recovery/features.h"

namespace holdfast::hookd {

/// Where the operator's table is: beside the configuration file that was read, if one was.
std::string feature_file(const std::string& config_file);

struct FeatureLoad {
    recovery::FeatureTable table;
    std::string problem; // One line: what is wrong with the operator's; empty if nothing is.
};

/// The table that ships, and what `file` adds if it is there.  One that is wrong adds nothing.
FeatureLoad load_features(const std::string& file);

} // namespace holdfast::hookd
