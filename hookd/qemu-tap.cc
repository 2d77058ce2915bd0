// SPDX-License-Identifier: Apache-2.0
//
// hookd/qemu-tap: finds a QEMU's process and its descriptors of taps.
//
// Reads libvirt's pid file and /proc only: libvirtd would make us wait just when it
// matters, while the VM migrates.
#include <config.h>

#include <filesystem>
#include <fstream>

#include "common/text.h"
#include "hookd/libvirt-watch.h"

namespace holdfast::hookd {

namespace fs = std::filesystem;

namespace {
} // namespace

int qemu_pid(const std::string& domain, const std::string& rundir)
{
    std::ifstream in{fs::path{rundir} / (domain + ".pid")};
    int pid = 0;
    return in >> pid ? pid : 0;
}

bool qemu_lives(const std::string& domain, const std::string& rundir)
{
    const int pid = qemu_pid(domain, rundir);
    std::error_code failed;
    return pid != 0 && !fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", failed).empty();
}

Result<QemuTaps> find_qemu_taps(const std::string& domain, const std::string& rundir)
{
    QemuTaps found;
    found.pid = qemu_pid(domain, rundir);
    if (found.pid == 0) {
        return Error{Errc::not_found,
                     "VM " + domain + ": no pid file in " + rundir + ": it does not run here"};
    }
    fs::path process = fs::path{"/proc"} / std::to_string(found.pid);
    std::error_code failed;
    for (fs::directory_iterator fd{process / "fd", failed}, end; !failed && fd != end;
         fd.increment(failed)) {
        std::error_code unreadable; // Descriptors come and go while we look.
        if (fs::read_symlink(fd->path(), unreadable) != "/dev/net/tun")
            continue;
        if (const auto number = parse_number(fd->path().filename().native()))
            found.fds.push_back(static_cast<int>(*number));
    }
    if (!found.fds.empty())
        return found;
    return Error{Errc::not_found, "VM " + domain + ": process " + std::to_string(found.pid) +
                                      " has no tap" +
                                      (failed ? " (" + failed.message() + ")" : "")};
}

} // namespace holdfast::hookd
