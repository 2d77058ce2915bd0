// SPDX-License-Identifier: Apache-2.0
//
// hookd/qemu-tap: finds a QEMU's process and its descriptors of taps.
//
// Reads libvirt's pid file and /proc only: libvirtd would make us wait just when it
// matters, while the VM migrates.
#include <config.h>

#include <signal.h>

// Which glibc 2.36 has forgotten to say.
extern "C" {
#include <sys/pidfd.h>
}

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "common/descriptor.h"
#include "common/text.h"
#include "hookd/libvirt-watch.h"

namespace holdfast::hookd {

namespace fs = std::filesystem;

namespace {

/// With commas as QEMU's options have them: "guest=a,,b".
std::string guest_option(const std::string& domain)
{
    std::string option = "guest=";
    for (const char c : domain)
        option += c == ',' ? std::string{",,"} : std::string{c};
    return option;
}

} // namespace

bool is_qemu_of(std::string_view arguments, const std::string& domain)
{
    const std::string option = guest_option(domain);
    for (std::string_view rest = arguments; !rest.empty();) {
        const auto end = rest.find('\0');
        const auto word = rest.substr(0, end);
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
        if (!word.starts_with(option))
            continue;
        const auto after = word.substr(option.size());
        if (after.empty() || (after[0] == ',' && !after.starts_with(",,")))
            return true;
    }
    return false;
}

int qemu_pid(const std::string& domain, const std::string& rundir)
{
    std::ifstream in{fs::path{rundir} / (domain + ".pid")};
    int pid = 0;
    return in >> pid ? pid : 0;
}

/// A pid file can be left over, and its number another process's by now.
bool qemu_lives(const std::string& domain, const std::string& rundir)
{
    const int pid = qemu_pid(domain, rundir);
    if (pid == 0)
        return false;
    std::ifstream in{"/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary};
    const std::string arguments{std::istreambuf_iterator<char>{in}, {}};
    return is_qemu_of(arguments, domain); // Of one that has ended there are none.
}

Result<void> kill_qemu(const std::string& domain, const std::string& rundir)
{
    const int pid = qemu_pid(domain, rundir);
    if (pid == 0)
        return {};
    // What the descriptor names stays that process, whatever becomes of its number.
    const Descriptor process{pidfd_open(pid, 0)};
    if (process.get() < 0 || !qemu_lives(domain, rundir))
        return {};
    if (pidfd_send_signal(process.get(), SIGKILL, nullptr, 0) == 0 || errno == ESRCH)
        return {};
    return Error{Errc::unavailable, "VM " + domain + ": its QEMU, process " + std::to_string(pid) +
                                        ", cannot be killed: " + std::strerror(errno)};
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
