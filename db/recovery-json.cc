// SPDX-License-Identifier: Apache-2.0
//
// db/recovery-json: see recovery-json.h.
#include <config.h>

#include "db/recovery-json.h"

#include "db/row-check.h"

namespace holdfast::db {

nlohmann::json recovery_json(const Recovery& row)
{
    return {{"id", row.id},
            {"vm", row.vm},
            {"hypervisor", row.hypervisor},
            {"failure", row.failure},
            {"state", row.state},
            {"way", row.way},
            {"replacement", row.replacement},
            {"target", row.target},
            {"by", row.by},
            {"text", row.text},
            {"attempts", row.attempts},
            {"since", row.since},
            {"changed", row.changed}};
}

Result<Recovery> recovery_from(const nlohmann::json& object)
try {
    Recovery row;
    row.id = object.at("id");
    row.vm = object.at("vm");
    row.hypervisor = object.at("hypervisor");
    row.failure = object.at("failure");
    row.state = object.at("state");
    row.way = object.at("way");
    row.replacement = object.at("replacement");
    row.target = object.at("target");
    row.by = object.at("by");
    row.text = object.at("text");
    row.attempts = object.at("attempts");
    row.since = object.at("since");
    row.changed = object.at("changed");
    if (const auto wrong = fault(row); !wrong.empty())
        return Error{Errc::damaged, "recovery " + row.id + ": " + wrong};
    return row;
} catch (const nlohmann::json::exception& wrong) {
    return Error{Errc::damaged, std::string{"no recovery: "} + wrong.what()};
}

} // namespace holdfast::db
