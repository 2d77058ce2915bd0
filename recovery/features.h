// SPDX-License-Identifier: Apache-2.0
//
// recovery/features: which software is of which feature, and its name (spec recovery.md, R2).
//
// Pure.  The text is that of a file such as recovery/features.conf, which ships with the common
// ones; an operator's own file adds to it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "common/result.h"
#include "recovery/specification.h"

namespace holdfast::recovery {

/// What software is of that no table knows.
inline const std::string other_software = "software";

class FeatureTable {
public:
    /// Adds what the text says; where it differs from before, it is right.
    /// Errors:  invalid, naming file and line; nothing is added then.
    Result<void> add(std::string_view text, const std::string& file);

    /// The software as the table calls it, and of its feature; `feature`, if it is not empty, is
    /// right whatever the table says.
    Element software(const std::string& name, const std::string& version,
                     const std::string& feature = "") const;

    /// All that can have a weight.
    const std::set<std::string>& features() const { return features_; }

private:
    struct Known {
        std::string name;
        std::string feature;
    };

    std::map<std::string, Known> software_; // By each of its names, in small letters.
    std::set<std::string> features_{"os", "cpu", "memory", "disk", "data", other_software};
};

/// Whether people may call a feature so: small letters, digits and hyphens, at most 40.
bool is_feature(std::string_view text);

} // namespace holdfast::recovery
