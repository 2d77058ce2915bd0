// SPDX-License-Identifier: Apache-2.0
//
// hookd/tool: runs other programs without holding the daemon up.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/run-tool.h"

namespace holdfast::hookd {

/// Threads for what blocks; answers come back on the io_context's thread.
class Tools {
public:
    /// `n_threads`: as much runs at once.
    Tools(boost::asio::io_context& io, std::size_t n_threads) : io_{io}, pool_{n_threads} {}
    ~Tools();

    using Done = std::function<void(Result<std::string>)>;
    /// Runs a program aside.
    void run(std::vector<std::string> command, std::chrono::milliseconds limit, Done done);
    /// Runs any work aside.
    void run(std::function<Result<std::string>()> work, Done done);

private:
    boost::asio::io_context& io_;
    boost::asio::thread_pool pool_;
};

} // namespace holdfast::hookd
