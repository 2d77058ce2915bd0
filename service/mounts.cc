// SPDX-License-Identifier: Apache-2.0
//
// service/mounts: see mounts.h.
#include <config.h>

#include "service/mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "service/descriptor.h"
#include "service/outside.h"

namespace holdfast::service {
namespace {

constexpr unsigned long guarded = MS_NOSUID | MS_NODEV;

/// A file system of the service's own.
struct Own {
    const char* point;
    const char* type;
    unsigned long flags;
    const char* options;
};

/// In order: /dev holds the two after it.
constexpr std::array own_mounts{
    Own{"/proc", "proc", guarded | MS_NOEXEC, nullptr},
    Own{"/dev", "tmpfs", MS_NOSUID, "mode=755"},
    Own{"/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666,mode=620,gid=5"},
    Own{"/dev/shm", "tmpfs", guarded, "mode=1777"},
    Own{"/run", "tmpfs", guarded, "mode=755"},
    Own{"/tmp", "tmpfs", guarded, "mode=1777"},
};

/// A device that any program may use.
struct Device {
    const char* path;
    unsigned minor;
    unsigned major = 1;
};

constexpr std::array devices{
    Device{"/dev/null", 3},   Device{"/dev/zero", 5},    Device{"/dev/full", 7},
    Device{"/dev/random", 8}, Device{"/dev/urandom", 9}, Device{"/dev/tty", 0, 5},
};

constexpr std::array<std::array<const char*, 2>, 5> links{{
    {"pts/ptmx", "/dev/ptmx"},
    {"/proc/self/fd", "/dev/fd"},
    {"/proc/self/fd/0", "/dev/stdin"},
    {"/proc/self/fd/1", "/dev/stdout"},
    {"/proc/self/fd/2", "/dev/stderr"},
}};

bool is_replaced(const std::string& path)
{
    return std::ranges::any_of(own_mounts, [&](const Own& own) {
        return path == own.point || path.starts_with(std::string{own.point} + "/");
    });
}

/// Takes away all that the hypervisor has mounted where our own comes, the last first.
Result<void> clear()
{
    const auto mounts = mounts_of("self");
    if (!mounts)
        return mounts.error();
    for (auto mount = mounts->rbegin(); mount != mounts->rend(); ++mount)
        if (is_replaced(mount->point) && umount2(mount->point.c_str(), MNT_DETACH) != 0 &&
            errno != EINVAL && errno != ENOENT) // It went with one that was detached before.
            return system_error(mount->point);
    return {};
}

Result<void> mount_own(const Own& own)
{
    // The folders below /dev are in what has just been mounted there.
    if (mkdir(own.point, 0755) != 0 && errno != EEXIST)
        return system_error(own.point);
    if (mount(own.type, own.point, own.type, own.flags, own.options) != 0)
        return system_error(own.point);
    return {};
}

Result<void> fill_dev()
{
    for (const Device& device : devices)
        if (mknod(device.path, S_IFCHR | 0666, makedev(device.major, device.minor)) != 0)
            return system_error(device.path);
    for (const auto& [target, path] : links)
        if (symlink(target, path) != 0)
            return system_error(path);
    return {};
}

} // namespace

std::vector<std::string> own_places()
{
    std::vector<std::string> points;
    for (const Own& own : own_mounts)
        if (std::string{own.type} == "tmpfs")
            points.push_back(own.point);
    return points;
}

Result<void> mount_as(const std::string& point, const std::string& place)
{
    const auto own = std::ranges::find(own_mounts, point, &Own::point);
    if (own == own_mounts.end())
        return Error{Errc::damaged, point + " is no file system of a service's own"};
    if (mount(own->type, place.c_str(), own->type, own->flags, own->options) != 0)
        return system_error(place);
    return {};
}

Result<void> make_mounts()
{
    umask(0);
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return system_error("making all mounts private");
    if (auto done = clear(); !done)
        return done;
    for (const Own& own : own_mounts)
        if (auto done = mount_own(own); !done)
            return done;
    if (auto done = fill_dev(); !done)
        return done;
    umask(022);
    if (chdir("/") != 0)
        return system_error("/");
    return {};
}

} // namespace holdfast::service
