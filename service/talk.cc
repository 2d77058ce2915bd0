// SPDX-License-Identifier: Apache-2.0
//
// service/talk: see the header.
#include <config.h>

#include "service/talk.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace holdfast::service {
namespace {

using Clock = std::chrono::steady_clock;

Error away(const std::string& why)
{
    return {Errc::unavailable, "holdfast-hookd " + why};
}

} // namespace

void Talk::send(const nlohmann::json& line)
{
    std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    std::string_view left = text;
    while (!left.empty()) {
        const ssize_t n = ::send(out_, left.data(), left.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; // hear() will say that it is gone.
        left.remove_prefix(static_cast<std::size_t>(n));
    }
}

void Talk::say(const std::string& what, nlohmann::json more)
{
    more["say"] = what;
    send(more);
}

Result<nlohmann::json> Talk::ask(const std::string& what, nlohmann::json more,
                                 std::chrono::milliseconds limit)
{
    more["ask"] = what;
    send(more);
    auto answer = hear(limit);
    if (answer && answer->contains("error"))
        return Error{Errc::invalid, answer->value("error", "")};
    return answer;
}

Result<nlohmann::json> Talk::hear(std::chrono::milliseconds limit)
{
    const auto until = Clock::now() + limit;
    for (;;) {
        if (const auto newline = rest_.find('\n'); newline != std::string::npos) {
            const auto json = nlohmann::json::parse(rest_.substr(0, newline), nullptr, false);
            rest_.erase(0, newline + 1);
            if (!json.is_object())
                return Error{Errc::damaged, "a line of holdfast-hookd is no JSON object"};
            return json;
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
        pollfd ready{in_, POLLIN, 0};
        const int n = poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return away("says nothing for " + std::to_string(limit.count()) + " ms");
        std::array<char, 4096> part;
        const ssize_t size = read(in_, part.data(), part.size());
        if (size == 0 || (size < 0 && errno != EINTR))
            return away("has ended");
        if (size > 0)
            rest_.append(part.data(), static_cast<std::size_t>(size));
    }
}

} // namespace holdfast::service
