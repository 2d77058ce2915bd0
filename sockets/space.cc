// SPDX-License-Identifier: Apache-2.0
//
// sockets/space: the network namespace of the calling thread, made ready for moving sockets.
#include <config.h>

#include "sockets/space.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <utility>

#include "common/descriptor.h"
#include "sockets/syscalls.h"

namespace holdfast::sockets {

namespace {

constexpr const char* limit_file = "/proc/sys/net/ipv4/tcp_invalid_ratelimit";

bool write_limit(const std::string& value)
{
    std::ofstream out{limit_file};
    out << value << std::flush;
    return out.good();
}

/// Whether bit 0 of TCP_TIMESTAMP is a flag for microseconds.  Older kernels take an odd value as
/// any other and count on from it in milliseconds, so that an even one is next; newer ones count
/// in microseconds and never show an even one.
Result<bool> has_usec_clock()
{
    Descriptor fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd)
        return system_error("a TCP socket");
    if (!set_int(fd.get(), IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON))
        return system_error("TCP_REPAIR, which needs CAP_NET_ADMIN and CONFIG_CHECKPOINT_RESTORE");
    // A thread that is held up may miss the even value, but not three times.
    for (int attempt = 0; attempt < 3; ++attempt) {
        const int odd = 1;
        int now = odd;
        if (!set_int(fd.get(), IPPROTO_TCP, TCP_TIMESTAMP, odd))
            return system_error("TCP_TIMESTAMP");
        while (now == odd)
            if (!get_option(fd.get(), IPPROTO_TCP, TCP_TIMESTAMP, now))
                return system_error("TCP_TIMESTAMP");
        if (now % 2 == 0)
            return false;
    }
    return true;
}

} // namespace

Result<AnswerLimit> AnswerLimit::lift()
{
    AnswerLimit limit;
    std::string before;
    std::ifstream in{limit_file};
    if (!(in >> before) || !write_limit("0"))
        return Error{Errc::io, std::string{limit_file} + " cannot be read and written"};
    limit.before_ = before;
    return limit;
}

AnswerLimit::AnswerLimit(AnswerLimit&& other) noexcept : before_{std::exchange(other.before_, {})}
{
}

AnswerLimit::~AnswerLimit()
{
    if (!before_.empty())
        write_limit(before_); // Nothing hangs on it any more if that fails.
}

Result<Space> Space::open()
{
    auto forge = Forge::open();
    if (!forge)
        return forge.error();
    auto options = Options::learn();
    if (!options)
        return options.error();
    const auto usec_clock = has_usec_clock();
    if (!usec_clock)
        return usec_clock.error();
    auto limit = AnswerLimit::lift();
    if (!limit)
        return limit.error();
    return Space{std::move(*options), std::move(*forge), std::move(*limit), *usec_clock};
}

} // namespace holdfast::sockets
