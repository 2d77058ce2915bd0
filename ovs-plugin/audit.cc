// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/audit: see the header.
#include "ovs-plugin/audit.h"

#include <cerrno>

namespace holdfast::plugin {

namespace {

constexpr std::size_t flows_a_turn = 2000; // About a millisecond.
constexpr int tables = 255;
constexpr std::size_t wrong_named = 100;
// A fleet in which more than these changes come while one looks has no answer that would last.
constexpr int begun_max = 100;

} // namespace

std::string describe(const Flow& flow)
{
    return "table=" + std::to_string(flow.table) + ", priority=" + std::to_string(flow.priority) +
           (flow.match.empty() ? "" : "," + flow.match) + " actions=" + flow.actions;
}

bool Audit::begin_again()
{
    const int n_begun = n_begun_ + (last_ ? 1 : 0); // Many changes can come before the first look.
    *this = Audit{conn_};
    n_begun_ = n_begun;
    if (n_begun_ <= begun_max)
        return true;
    hf_reply(conn_, false, "flows are being changed all the time: ask again");
    return false;
}

bool Audit::run(const FlowsByKey& installed, const std::string& bridge, std::size_t n_unlisted)
{
    auto at = last_ ? installed.upper_bound(last_) : installed.begin();
    for (std::size_t n = 0; at != installed.end() && n < flows_a_turn; ++at, ++n) {
        look_at(**at, bridge);
        last_ = *at;
    }
    if (at != installed.end())
        return false;
    if (table_ == 0) // Where they are.
        n_unlisted_ = n_unlisted;
    if (!count(bridge))
        return false;
    answer(installed.size(), bridge);
    return true;
}

void Audit::look_at(const ParsedFlow& flow, const std::string& bridge)
{
    const int error = hf_flow_check(bridge.c_str(), flow.parsed);
    n_present_ += error == 0 || error == EEXIST;
    if (error && ++n_wrong_ <= wrong_named)
        wrong_ += (error == EEXIST ? "different: " : "missing: ") + describe(flow.flow) + "\n";
}

/// One table in each turn.  True when all are counted.
bool Audit::count(const std::string& bridge)
{
    for (std::size_t n = 0; table_ < tables && n == 0; ++table_) {
        n = hf_flow_count(bridge.c_str(), table_);
        n_counted_ += n;
    }
    return table_ == tables;
}

void Audit::answer(std::size_t n_installed, const std::string& bridge) const
{
    auto text = wrong_;
    if (n_wrong_ > wrong_named)
        text += "and " + std::to_string(n_wrong_ - wrong_named) + " more\n";
    if (n_counted_ > n_present_ + n_unlisted_)
        text += "extra: " + std::to_string(n_counted_ - n_present_ - n_unlisted_) +
                " flows of ours in " + bridge + " that nothing asked for\n";
    if (text.empty())
        hf_reply(conn_, true, ("ok " + std::to_string(n_installed) + " flows").c_str());
    else
        hf_reply(conn_, false, text.c_str());
}

} // namespace holdfast::plugin
