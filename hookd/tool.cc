// SPDX-License-Identifier: Apache-2.0
//
// hookd/tool: see tool.h.
#include <config.h>

#include "hookd/tool.h"

#include <boost/asio/post.hpp>

namespace holdfast::hookd {

Tools::~Tools()
{
    pool_.stop();
    pool_.join();
}

void Tools::run(std::vector<std::string> command, std::chrono::milliseconds limit, Done done)
{
    run([command, limit] { return run_tool(command, limit); }, std::move(done));
}

void Tools::run(std::function<Result<std::string>()> work, Done done)
{
    boost::asio::post(pool_, [this, work, done] {
        Result<std::string> result = work();
        boost::asio::post(io_, [done, result] { done(result); });
    });
}

} // namespace holdfast::hookd
