// SPDX-License-Identifier: Apache-2.0
//
// common/unix-address: see unix-address.h.
#include <config.h>

#include "common/unix-address.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cstring>

namespace holdfast {

Result<UnixAddress> UnixAddress::of(const std::string& path)
{
    UnixAddress address;
    std::string name = path;
    if (name.size() >= sizeof address.sun.sun_path) {
        // Longer than a socket's address can be: go through a descriptor of its folder.
        auto slash = name.rfind('/');
        std::string folder = slash == std::string::npos ? "." : name.substr(0, slash);
        address.folder.reset(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        name = "/proc/self/fd/" + std::to_string(address.folder.get()) + "/" +
               name.substr(slash == std::string::npos ? 0 : slash + 1);
        if (address.folder.get() < 0 || name.size() >= sizeof address.sun.sun_path)
            return Error{Errc::io, "the socket's path is too long: " + path};
    }
    address.sun.sun_family = AF_UNIX;
    std::memcpy(address.sun.sun_path, name.c_str(), name.size() + 1);
    return address;
}

} // namespace holdfast
