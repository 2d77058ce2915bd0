// SPDX-License-Identifier: Apache-2.0
//
// hookd/qemu-tap: finds a QEMU's process and its descriptor of a tap.
//
// Reads libvirt's pid file and /proc only: libvirtd would make us wait just when it
// matters, while the VM migrates.
#include <config.h>

#include <charconv>
#include <filesystem>
#include <fstream>

#include "hookd/libvirt-watch.h"

namespace holdfast::hookd {
namespace {

namespace fs = std::filesystem;

/// The interface behind a descriptor of /dev/net/tun.
/// Source: Linux, drivers/net/tun.c, tun_chr_show_fdinfo(): "iff:\tNAME".
std::string interface_of(const fs::path& fdinfo)
{
    std::ifstream in{fdinfo};
    std::string line;
    while (std::getline(in, line)) {
        if (line.starts_with("iff:\t"))
            return line.substr(5);
    }
    return {};
}

} // namespace

Result<QemuTap> find_qemu_tap(const std::string& domain, const std::string& interface,
                              const std::string& rundir)
{
    QemuTap found;
    std::ifstream in{fs::path{rundir} / (domain + ".pid")};
    if (!(in >> found.pid)) {
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
        std::string name = fd->path().filename();
        if (interface_of(process / "fdinfo" / name) != interface)
            continue;
        std::from_chars(name.data(), name.data() + name.size(), found.fd);
        return found;
    }
    return Error{Errc::not_found, "VM " + domain + ": process " + std::to_string(found.pid) +
                                      " has no tap " + interface +
                                      (failed ? " (" + failed.message() + ")" : "")};
}

} // namespace holdfast::hookd
