// SPDX-License-Identifier: Apache-2.0
//
// hookd/await: what answers by a callback, awaited in a coroutine.
#pragma once

#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>

namespace holdfast::hookd {

/// Calls `start` with a callback that takes a T, once; gives that T.
template <class T>
boost::asio::awaitable<T> await_answer(boost::asio::io_context& io,
                                       std::function<void(std::function<void(const T&)>)> start)
{
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(T)>(
        [&io, start = std::move(start)](auto handler) {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            start([&io, shared](const T& answer) {
                // Never from inside `start`: the coroutine does not wait yet.
                boost::asio::post(io, [shared, answer] { (*shared)(answer); });
            });
        },
        boost::asio::use_awaitable);
}

} // namespace holdfast::hookd
