// SPDX-License-Identifier: Apache-2.0
//
// service/talk: how a process of a move talks with its own hookd: a JSON object a line, out on
// standard output, in on standard input (a socket; hookd/job is the other end).
//
//     {"say": WHAT, ...}        hookd notes it
//     {"ask": WHAT, ...}        hookd answers with a line: {...}, or {"error": one line}
//
// If hookd ends, so does what waits for it: an ask then fails, as it does after its time.
#pragma once

#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

#include "common/result.h"

namespace holdfast::service {

/// The two ends; one of them a process.
class Talk {
public:
    /// Descriptors to read and to write, e.g. 0 and 1; they stay the caller's.
    Talk(int in, int out) : in_{in}, out_{out} {}

    /// Tells hookd.  If it is not there any more, that is found out by the next ask.
    void say(const std::string& what, nlohmann::json more = nlohmann::json::object());
    /// Asks hookd, and waits for its answer.
    /// Errors: unavailable if hookd has ended, or says nothing for so long; invalid with its own
    ///         line if it refuses.
    Result<nlohmann::json> ask(const std::string& what, nlohmann::json more,
                               std::chrono::milliseconds limit);
    /// The next line of hookd's.
    /// Errors: as ask().
    Result<nlohmann::json> hear(std::chrono::milliseconds limit);

private:
    void send(const nlohmann::json& line);

    int in_;
    int out_;
    std::string rest_; // Of what came, behind the last line.
};

} // namespace holdfast::service
