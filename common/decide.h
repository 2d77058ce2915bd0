// SPDX-License-Identifier: Apache-2.0
//
// common/decide: what is decided by rows that other hypervisors change, too.
//
// It holds only while those rows are as they were read.  So they are read, something is decided,
// and it is put on the condition that they are the same still; else all of it begins anew.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <functional>
#include <string>

#include "common/result.h"

namespace holdfast {

/// Does `once` until its error is another than `outdated`, or it has none; a hundred times at most.
/// `kind` and `name`, in words: of what is put.
/// Errors: those of `once`; unavailable if the rows never were as they had been read.
template <class T>
boost::asio::awaitable<Result<T>> decide(boost::asio::io_context& io, std::string kind,
                                         std::string name,
                                         std::function<boost::asio::awaitable<Result<T>>()> once)
{
    constexpr int most = 100;
    // Before the second time, twice as long before the third, and so on: the others are let go on.
    constexpr auto between = std::chrono::milliseconds{2};
    for (int n = 1; n <= most; ++n) {
        auto done = co_await once();
        if (done || done.error().code != Errc::outdated)
            co_return done;
        boost::asio::steady_timer timer{io, between * n};
        co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_return Error{Errc::unavailable, kind + " " + name + ": other " + kind +
                                           "s change all the time: try again in some seconds"};
}

} // namespace holdfast
