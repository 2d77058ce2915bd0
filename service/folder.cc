// SPDX-License-Identifier: Apache-2.0
//
// service/folder: see folder.h.
#include <config.h>

#include "service/folder.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace holdfast::service {
namespace {

namespace fs = std::filesystem;

/// Whether something is mounted right there (proc(5), mountinfo; no path of ours has a blank).
bool is_mount(const std::string& path)
{
    std::istringstream mounts{read_text("/proc/self/mountinfo")};
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words{line};
        std::string word;
        for (int i = 0; i < 5; ++i)
            words >> word;
        if (word == path)
            return true;
    }
    return false;
}

/// Makes `root` a private mount, once; who else does so waits.
Result<void> make_private(const std::string& root)
{
    const Descriptor lock{open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!lock || flock(lock.get(), LOCK_EX) != 0)
        return system_error(root);
    if (!is_mount(root) && mount(root.c_str(), root.c_str(), nullptr, MS_BIND, nullptr) != 0)
        return system_error("mounting " + root);
    if (mount(nullptr, root.c_str(), nullptr, MS_PRIVATE, nullptr) != 0)
        return system_error("making " + root + " private");
    return {};
}

} // namespace

std::optional<Process> process_of(int pid)
{
    const auto text = read_text("/proc/" + std::to_string(pid) + "/stat");
    const auto name_end = text.rfind(')'); // The name may hold anything, blanks too.
    if (name_end == std::string::npos)
        return std::nullopt;
    std::istringstream rest{text.substr(name_end + 1)};
    std::string state, word;
    rest >> state;
    for (int i = 0; i < 18; ++i)
        rest >> word;
    Process process{pid, 0};
    if (!(rest >> process.start) || state == "Z" || state == "X")
        return std::nullopt;
    return process;
}

void end(const Process& process)
{
    const Descriptor known{static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0))};
    if (!known || process_of(process.pid) != process)
        return; // It ended meanwhile.
    syscall(SYS_pidfd_send_signal, known.get(), SIGKILL, nullptr, 0);
    pollfd gone{known.get(), POLLIN, 0};
    while (poll(&gone, 1, -1) < 0 && errno == EINTR)
        continue;
}

Result<void> Folder::make() const
{
    std::error_code code;
    fs::create_directories(root_, code);
    if (code)
        return Error{Errc::io, root_ + ": cannot be made: " + code.message()};
    if (chmod(root_.c_str(), 0700) != 0)
        return system_error(root_);
    if (auto done = make_private(root_); !done)
        return done;
    if (mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
        return system_error(path_);
    return {};
}

void Folder::remove() const
{
    std::error_code code; // What is not there need not go.
    fs::remove_all(path_, code);
}

bool Folder::exists() const
{
    std::error_code code;
    return fs::exists(path_, code);
}

Result<void> Folder::write(const char* name, const std::string& text) const
{
    const auto path = file(name), fresh = path + ".new";
    const Descriptor out{open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (!out || ::write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        rename(fresh.c_str(), path.c_str()) != 0)
        return system_error(path);
    return {};
}

std::string Folder::read(const char* name) const
{
    auto text = read_text(file(name));
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

std::optional<Process> Folder::process(const char* name) const
{
    Process kept;
    std::istringstream text{read(name)};
    if (!(text >> kept.pid >> kept.start))
        return std::nullopt;
    const auto now = process_of(kept.pid);
    return now == kept ? now : std::nullopt;
}

std::optional<Process> Folder::init() const
{
    return process("init");
}

Result<void> Folder::be_mover() const
{
    const auto self = process_of(getpid());
    return write("mover",
                 self ? std::to_string(self->pid) + " " + std::to_string(self->start) + "\n" : "");
}

void Folder::end_mover() const
{
    if (const auto mover = process("mover"); mover && mover->pid != getpid())
        end(*mover);
}

Result<Descriptor> Folder::lock(bool wait) const
{
    return hold("lock", wait);
}

Result<Descriptor> Folder::engine() const
{
    return hold("engine", true);
}

Result<Descriptor> Folder::hold(const char* name, bool wait) const
{
    Descriptor held{open(file(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!held)
        return system_error(file(name));
    if (flock(held.get(), LOCK_EX | (wait ? 0 : LOCK_NB)) != 0)
        return errno == EWOULDBLOCK
                   ? Error{Errc::unavailable, path_ + " is in use: the service runs"}
                   : system_error(file(name));
    return held;
}

} // namespace holdfast::service
