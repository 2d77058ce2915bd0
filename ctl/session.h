// SPDX-License-Identifier: Apache-2.0
//
// ctl/session: what every verb needs of the outside: the store, hookd, standard output.
#pragma once

#include <chrono>
#include <string>

#include "common/result.h"
#include "ctl/view.h"
#include "db/store.h"

namespace holdfast::ctl {

/// How the command was called, and its way to the world.
struct Session {
    bool json = false;     // JSON instead of text.
    std::string store;     // --store; empty: $HOLDFAST_DB, or else as configured.
    bool terminal = false; // Standard output is one.
    Style style;           // Colour on a terminal, unless $NO_COLOR is set.

    /// Where the store is.
    /// Errors: those of common/config, if it has to be asked.
    Result<std::string> store_path() const;
    /// The store, to read only.
    Result<db::Store> open_store() const;

    /// Whether a user asks who is not root, and names no store: he knows what hookd tells him.
    bool as_user() const;

    /// Calls hookd with one JSON argument and reads its answer; as_user(), at the users' socket.
    /// Errors: unavailable if it does not run; invalid, its own line, if it refuses.
    Result<Json> ask_hookd(const std::string& method, const Json& argument,
                           std::chrono::milliseconds deadline = std::chrono::seconds{15}) const;

    /// Asks the switch here, which must answer soon, also when it hangs.
    /// Errors: unavailable if it does not run; invalid, its own line, if it refuses.
    Result<Json> ask_switch(const std::string& method,
                            std::chrono::milliseconds deadline = std::chrono::seconds{2}) const;

    /// Writes text as it is, or JSON over several lines and a newline, or on one line.
    void print(const std::string& text) const;
    void print_json(const Json& value) const;
    void print_json_line(const Json& value) const;
};

/// All that the reading verbs show.
Result<World> read_world(db::Store& store);
/// Opens the store and reads it.
Result<World> read_world(const Session& session);
/// What `service list` and `show` need: the store; or as_user() his services, by hookd's word.
Result<World> read_services(const Session& session);

} // namespace holdfast::ctl
