// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/audit: are the switch's flows those that the module has put there (spec C15)?
//
// Asked by the operator, at any time and of any number of flows: so it looks at some in each turn
// of the main loop.  What changes meanwhile has it begin again.
#pragma once

#include <cstddef>
#include <string>

#include "ovs-plugin/reader.h"
#include "ovs-plugin/shim.h"

namespace holdfast::plugin {

/// A flow as ovs-ofctl would show it.
std::string describe(const Flow& flow);

/// One question, until it is answered.
class Audit {
public:
    explicit Audit(unixctl_conn* conn) : conn_{conn} {}

    /// The flows have changed.  False, and answered so, if that has happened too often.
    bool begin_again();
    /// Looks at some more.  True when it has answered: "ok N flows", or an error that names what is
    /// missing, different or too many.
    /// Shape:   `n_unlisted` flows of ours are in table 0 besides `installed`.
    bool run(const FlowsByKey& installed, const std::string& bridge, std::size_t n_unlisted);

private:
    void look_at(const ParsedFlow& flow, const std::string& bridge);
    bool count(const std::string& bridge);
    void answer(std::size_t n_installed, const std::string& bridge) const;

    unixctl_conn* conn_;
    int n_begun_ = 1;
    FlowPtr last_; // The one that was looked at last; null: none yet.
    std::size_t n_present_ = 0;
    std::size_t n_wrong_ = 0;
    std::string wrong_; // A line for each of the first of them.
    int table_ = 0;     // The next one whose flows are to be counted.
    std::size_t n_counted_ = 0;
    std::size_t n_unlisted_ = 0;
};

} // namespace holdfast::plugin
