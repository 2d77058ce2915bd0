// SPDX-License-Identifier: Apache-2.0
//
// hookd/disk-size: see disk-size.h.
#include <config.h>

#include "hookd/disk-size.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "common/descriptor.h"

namespace holdfast::hookd {
namespace {

constexpr std::size_t size_at = 24; // Of the virtual size in a qcow2's header, 8 bytes.

using Header = std::array<unsigned char, size_at + 8>;

bool is_qcow(const Header& header)
{
    return std::memcmp(header.data(), "QFI\xfb", 4) == 0;
}

std::int64_t virtual_size(const Header& header)
{
    std::uint64_t size = 0;
    for (std::size_t i = size_at; i < header.size(); ++i)
        size = size << 8 | header[i];
    return size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())
               ? 0
               : static_cast<std::int64_t>(size);
}

} // namespace

std::int64_t disk_size(const std::string& path)
{
    // A path that is no disk, such as a FIFO, is not waited for.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat about {};
    if (file.get() < 0 || ::fstat(file.get(), &about) != 0 ||
        !(S_ISREG(about.st_mode) || S_ISBLK(about.st_mode)))
        return 0;
    Header header{};
    const auto n_read = ::pread(file.get(), header.data(), header.size(), 0);
    if (n_read == static_cast<ssize_t>(header.size()) && is_qcow(header))
        return virtual_size(header);
    return std::max<std::int64_t>(::lseek(file.get(), 0, SEEK_END), 0);
}

std::int64_t disk_sizes(const std::vector<std::string>& paths)
{
    std::int64_t all = 0;
    for (const auto& path : paths)
        if (__builtin_add_overflow(all, disk_size(path), &all))
            return std::numeric_limits<std::int64_t>::max();
    return all;
}

} // namespace holdfast::hookd
