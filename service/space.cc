// SPDX-License-Identifier: Apache-2.0
//
// service/space: see space.h.
#include <config.h>

#include "service/space.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <fstream>

#include "common/run-tool.h"

namespace holdfast::service {
namespace {

constexpr std::chrono::seconds tool_limit{5};

Result<void> run_ip(std::vector<std::string> words)
{
    words.insert(words.begin(), "ip");
    auto done = run_tool(words, tool_limit);
    return done ? Result<void>{} : done.error();
}

/// Does `work` in a process of its own.
Result<void> aside(const std::function<Result<void>()>& work)
{
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return system_error("pipe");
    Descriptor in{ends[0]}, out{ends[1]};
    const pid_t child = fork();
    if (child < 0)
        return system_error("fork");
    if (child == 0) {
        const auto done = work();
        const std::string text = done ? "" : done.error().message;
        const bool told = write(out.get(), text.data(), text.size()) >= 0;
        _exit(done && told ? 0 : 1);
    }
    out.reset(-1);
    const auto text = read_all(in.get());
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (text.empty() && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return {};
    return Error{Errc::io, text.empty() ? "a process that was to set it up died" : text};
}

Result<void> enter(const Folder& folder)
{
    const Descriptor space{open(folder.file("net").c_str(), O_RDONLY | O_CLOEXEC)};
    if (!space)
        return Error{Errc::not_found, folder.file("net") + ": there is no such namespace"};
    if (setns(space.get(), CLONE_NEWNET) != 0)
        return system_error(folder.file("net"));
    return {};
}

Result<void> set_sysctl(const std::string& name, const char* value)
{
    std::ofstream file{"/proc/sys/net/" + name};
    file << value << std::flush;
    return file ? Result<void>{} : Error{Errc::io, "net/" + name + ": cannot be set"};
}

/// Inside: eth0 as the fleet knows it, and by no other address.
Result<void> set_up(const Definition& definition)
{
    const std::string v6 = std::string{"ipv6/conf/"} + inner + "/";
    for (const auto& [name, value] :
         {std::pair{v6 + "accept_ra", "0"}, std::pair{v6 + "autoconf", "0"},
          // The fleet's database has made sure that nobody else has the address.
          std::pair{v6 + "accept_dad", "0"}})
        if (auto done = set_sysctl(name, value); !done)
            return done;
    // Nobody but the service uses this namespace: its user may have any port.
    if (auto done = set_sysctl("ipv4/ip_unprivileged_port_start", "0"); !done)
        return done;
    if (!definition.offloads)
        without_offload();
    if (auto done = run_ip({"link", "set", "lo", "up"}); !done)
        return done;
    for (const auto& address : definition.ips)
        if (auto done = run_ip({"address", "add", address, "dev", inner}); !done)
            return done;
    if (auto done = run_ip({"link", "set", inner, "up"}); !done)
        return done;
    if (definition.gateway.empty())
        return {};
    return run_ip({"route", "add", "default", "via", definition.gateway});
}

/// A process in a new network namespace, which ends with this object.
class Holder {
public:
    static Result<Holder> start()
    {
        std::array<int, 2> up{}, down{};
        if (pipe2(up.data(), O_CLOEXEC) != 0 || pipe2(down.data(), O_CLOEXEC) != 0)
            return system_error("pipe");
        Descriptor ready{up[0]}, tell{up[1]}, wait{down[0]}, hold{down[1]};
        const pid_t child = fork();
        if (child < 0)
            return system_error("fork");
        if (child == 0) {
            hold.reset(-1);
            const char made = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
            if (write(tell.get(), &made, 1) == 1)
                read_all(wait.get());
            _exit(0);
        }
        Holder holder{child, std::move(hold)};
        tell.reset(-1);
        if (read_all_one(ready.get()) != 'y')
            return Error{Errc::io, "a network namespace cannot be made: is this root?"};
        return holder;
    }
    Holder(Holder&& from) noexcept : pid_{std::exchange(from.pid_, 0)}, hold_{std::move(from.hold_)}
    {
    }
    ~Holder()
    {
        hold_.reset(-1);
        while (pid_ && waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
            continue;
    }
    int pid() const { return pid_; }

private:
    Holder(pid_t pid, Descriptor hold) : pid_{pid}, hold_{std::move(hold)} {}
    static char read_all_one(int fd)
    {
        char one = 0;
        while (read(fd, &one, 1) < 0 && errno == EINTR)
            continue;
        return one;
    }

    pid_t pid_;
    Descriptor hold_;
};

/// Keeps a process's network namespace.
Result<void> keep_network(const Folder& folder, int pid)
{
    const auto path = folder.file("net");
    const Descriptor file{open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600)};
    const auto space = "/proc/" + std::to_string(pid) + "/ns/net";
    if (!file || mount(space.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0)
        return system_error("keeping " + space + " as " + path);
    return {};
}

Result<void> make_port(const Definition& definition, const Folder& folder)
{
    auto holder = Holder::start();
    if (!holder)
        return holder.error();
    if (auto kept = keep_network(folder, holder->pid()); !kept)
        return kept;
    if (auto made =
            run_ip({"link", "add", definition.interface, "type", "veth", "peer", "name", inner,
                    "address", definition.mac, "netns", std::to_string(holder->pid())});
        !made)
        return made;
    return run_ip({"link", "set", definition.interface, "up"});
}

} // namespace

void without_offload()
{
    const Descriptor any{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    for (const std::uint32_t what : {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO}) {
        ethtool_value value{what, 0};
        ifreq request{};
        std::strcpy(request.ifr_name, inner);
        request.ifr_data = reinterpret_cast<char*>(&value);
        ioctl(any.get(), SIOCETHTOOL, &request); // One that veth does not have is off.
    }
}

Result<void> in_network(const Folder& folder, const std::function<Result<void>()>& work)
{
    return aside([&] {
        auto entered = enter(folder);
        return entered ? work() : entered;
    });
}

Result<void> make_network(const Definition& definition, const Folder& folder)
{
    if (access(folder.file("net").c_str(), F_OK) == 0)
        return Error{Errc::exists, folder.file("net") + " is there already: stop the service "
                                                        "first"};
    auto made = make_port(definition, folder);
    if (made)
        made = in_network(folder, [&] { return set_up(definition); });
    if (!made)
        remove_space(definition.interface, folder);
    return made;
}

void remove_space(const std::string& interface, const Folder& folder)
{
    if (!interface.empty() && if_nametoindex(interface.c_str()))
        run_ip({"link", "del", interface});
    umount2(folder.file("net").c_str(), MNT_DETACH);
    for (const char* file : {"pid", "mnt", "net", "init"})
        unlink(folder.file(file).c_str());
}

} // namespace holdfast::service
