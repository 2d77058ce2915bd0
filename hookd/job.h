// SPDX-License-Identifier: Apache-2.0
//
// hookd/job: a process of ours that works aside for as long as it takes, and talks with the
// daemon by lines of JSON on its standard input and output (a socket).
//
// Its standard error is the daemon's, so what it logs is where the daemon's log is.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/streambuf.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/result.h"

namespace holdfast::hookd {

/// One such process.
/// Thread: that of the io_context.
class Job : public std::enable_shared_from_this<Job> {
public:
    /// What it says: a JSON object a line.
    using Said = std::function<void(const nlohmann::json&)>;
    /// It has ended and been reaped; everything that it said was handed over before.  Empty if it
    /// ended with 0, else how: "exit status 1", "signal 9".
    using Ended = std::function<void(const std::string& how)>;

    /// Starts `command`.  `extra` becomes its descriptor 3, and is closed here; -1: none.
    /// Errors: io, naming the program.
    static Result<std::shared_ptr<Job>> start(boost::asio::io_context& io,
                                              const std::vector<std::string>& command, int extra,
                                              Said said, Ended ended);
    ~Job();
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    /// Sends it a line.
    void tell(const nlohmann::json& line);
    /// Ends it at once; `ended` is called.
    void kill();

private:
    Job(boost::asio::io_context& io, boost::asio::local::stream_protocol::socket socket, int pid,
        int pidfd, Said said, Ended ended);
    void read();
    void take_lines();
    void write();
    void await_end();
    void end_if_over();

    boost::asio::local::stream_protocol::socket socket_;
    boost::asio::posix::stream_descriptor process_; // A pidfd: ready when it has ended.
    int pid_;
    Said said_;
    Ended ended_;
    boost::asio::streambuf input_;
    std::deque<std::string> output_;
    bool silent_ = false; // It has closed its end: nothing more comes.
    bool over_ = false;   // It has ended.
    std::string how_;
};

} // namespace holdfast::hookd
