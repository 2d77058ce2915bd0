// SPDX-License-Identifier: Apache-2.0
//
// env/container: see container.h.
#include <config.h>

#include "env/container.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <utility>

#include "common/memory-limit.h"
#include "common/run-tool.h"
#include "common/text.h"
#include "env/container-text.h"
#include "env/keep-plan.h"
#include "env/lxc.h"
#include "service/descriptor.h"
#include "service/space.h"

namespace holdfast::env {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds tool_limit{20};
constexpr std::int64_t limit_period_us = 100'000; // The kernel's own; a quota is a ms at least.

std::string uuid_of_domain(virDomainPtr domain)
{
    std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
    virDomainGetUUIDString(domain, uuid.data());
    return uuid.data();
}

/// The limit of its memory as it is, in bytes; 0 if it is not known.
std::uint64_t memory_limit_of(virDomainPtr domain)
{
    int n = 8;
    std::array<virTypedParameter, 8> all{};
    unsigned long long kib = 0;
    if (virDomainGetMemoryParameters(domain, all.data(), &n, VIR_DOMAIN_AFFECT_LIVE) != 0 ||
        virTypedParamsGetULLong(all.data(), n, VIR_DOMAIN_MEMORY_HARD_LIMIT, &kib) != 1 ||
        kib >= VIR_DOMAIN_MEMORY_PARAM_UNLIMITED)
        return 0;
    return kib * 1024;
}

/// Users whose container runs.
Result<std::set<std::string>> running(virConnectPtr connection)
{
    virDomainPtr* domains = nullptr;
    const int n = virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (n < 0)
        return libvirt_error("containers cannot be listed");
    std::set<std::string> users;
    for (int i = 0; i < n; ++i) {
        const Domain domain{domains[i]};
        const auto user = user_of_domain(virDomainGetName(domain.get()));
        if (!user.empty() && is_ours(uuid_of_domain(domain.get())))
            users.insert(user);
    }
    free(domains);
    return users;
}

/// A user's own file of keys; empty if there is none.  He has the folder, and root reads: so a link
/// to another's file, a pipe, and what is none of his or root's is not read.
std::string read_keys(const fs::path& file, uid_t owner)
{
    constexpr off_t most = 1 << 20;
    const Descriptor opened{open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    struct stat is {};
    const bool fine = opened && fstat(opened.get(), &is) == 0 && S_ISREG(is.st_mode) &&
                      (is.st_uid == owner || is.st_uid == 0) && is.st_size <= most;
    return fine ? service::read_all(opened.get()) : "";
}

/// Errors: io, naming the file.
Result<void> write(const fs::path& file, const std::string& text)
{
    fs::create_directories(file.parent_path());
    std::ofstream out{file, std::ios::trunc};
    out << text << std::flush;
    return out ? Result<void>{} : Error{Errc::io, file.string() + ": cannot be written"};
}

/// Of one of libvirt's calls.
struct Parameters {
    virTypedParameterPtr all = nullptr;
    int n = 0, room = 0;

    void add(const char* name, unsigned long long value)
    {
        virTypedParamsAddULLong(&all, &n, &room, name, value);
    }
    void add_signed(const char* name, long long value)
    {
        virTypedParamsAddLLong(&all, &n, &room, name, value);
    }
    Parameters() = default;
    Parameters(const Parameters&) = delete;
    Parameters& operator=(const Parameters&) = delete;
    ~Parameters() { virTypedParamsFree(all, n); }
};

/// One user's, on this hypervisor.
class Keeper {
public:
    Keeper(const KeepOrder& order, virConnectPtr connection)
        : order_{order}, connection_{connection}, all_{fs::path{order.store}.parent_path() /
                                                       "environments"}
    {
    }

    std::string address(const std::string& user) const
    {
        return std::string{trimmed(service::read_text(all_ / user / "address"))};
    }
    /// Errors: io, or what the user lacks; nothing of it is left running then.
    Result<void> make(const std::string& user);
    /// Users whose container has an address, whether it runs or not.
    std::set<std::string> with_address() const;
    /// Holds it to its limits, which is done again each time: they change, and it goes on.
    /// Returns how many bytes of memory it has now.
    Result<std::uint64_t> limit(const std::string& user) const;
    /// His container, if it runs; not what others have given its name.
    Domain ours(const std::string& user) const;
    /// Ends all that runs in it; the user's home stays.
    Result<void> undo(const std::string& user);

private:
    Result<Container> describe(const std::string& user) const;
    Result<std::string> choose_address(const std::string& user) const;
    Result<void> lay_out(const Container& container) const;
    Result<void> lay_out_home(const Container& container, const std::string& account_home) const;
    Result<void> make_host_key(const Container& container) const;
    Result<void> show_proc(const Container& container) const;
    Result<void> start(const Container& container) const;
    void hide_proc(const std::string& user) const;
    fs::path proc(const std::string& user) const
    {
        return fs::path{order_.rundir} / "environments" / user;
    }

    const KeepOrder& order_;
    virConnectPtr connection_;
    fs::path all_; // The folder of all containers' folders.
};

Result<std::string> Keeper::choose_address(const std::string& user) const
{
    std::set<std::string> taken;
    for (const auto& folder : fs::directory_iterator{all_})
        if (folder.path().filename() != user)
            taken.insert(address(folder.path().filename()));
    const auto had = address(user);
    if (contains(*order_.range, had) && !taken.contains(had))
        return had;
    return pick(*order_.range, taken);
}

Result<Container> Keeper::describe(const std::string& user) const
{
    const passwd* account = getpwnam(user.c_str());
    if (!is_name(user) || !account)
        return Error{Errc::not_found, "there is no account " + one_line(user, 60) + " on " +
                                          order_.node + ": make one"};
    if (account->pw_uid == 0)
        return Error{Errc::invalid, "root gets no container: it has the hypervisor"};
    auto address = choose_address(user);
    if (!address)
        return address.error();
    Container container{.user = user,
                        .uid = account->pw_uid,
                        .gid = account->pw_gid,
                        .folder = all_ / user,
                        .proc = proc(user),
                        .bridge = order_.bridge,
                        .address = *address,
                        .prefix = order_.range->prefix,
                        .gateway = order_.gateway,
                        .cpus = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)),
                        .memory_kib = sysconf(_SC_PHYS_PAGES) * (sysconf(_SC_PAGESIZE) / 1024),
                        .shared = {"/usr"}};
    for (const char* folder : {"/etc/alternatives", "/etc/ssl/certs"})
        if (fs::is_directory(folder))
            container.shared.push_back(folder);
    return container;
}

Result<void> Keeper::make_host_key(const Container& container) const
{
    const fs::path key = fs::path{container.folder} / "root/etc/ssh/ssh_host_ed25519_key";
    if (fs::exists(key))
        return {};
    auto made = run_tool({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
                          domain_name(container.user), "-f", key},
                         tool_limit);
    return made ? Result<void>{} : made.error();
}

Result<void> Keeper::lay_out(const Container& container) const
{
    const fs::path root = fs::path{container.folder} / "root";
    for (const char* folder : {"usr", "etc/alternatives", "etc/ssl/certs", "etc/ssh", "home", "tmp",
                               "var/tmp", "run/sshd", "dev", "proc", "sys"})
        fs::create_directories(root / folder);
    fs::create_directories(root / "home" / container.user);
    for (const char* link : {"bin", "sbin", "lib", "lib64"})
        if (!fs::is_symlink(root / link))
            fs::create_symlink(fs::path{"usr"} / link, root / link);
    if (fs::exists("/etc/ld.so.cache"))
        fs::copy_file("/etc/ld.so.cache", root / "etc/ld.so.cache",
                      fs::copy_options::overwrite_existing);
    for (const auto& [file, text] : etc_files(container))
        if (auto written = write(root / "etc" / file, text); !written)
            return written;
    return make_host_key(container);
}

/// His home, and the keys that he has on the hypervisor.
Result<void> Keeper::lay_out_home(const Container& container, const std::string& account_home) const
{
    const fs::path home = fs::path{container.folder} / "home";
    fs::create_directories(home);
    fs::permissions(home, fs::perms::owner_all);
    if (chown(home.c_str(), container.uid, container.gid) != 0)
        return service::system_error(home);
    return write(fs::path{container.folder} / "root/etc/ssh/authorized_keys",
                 read_keys(fs::path{account_home} / ".ssh/authorized_keys", container.uid));
}

Result<void> Keeper::show_proc(const Container& container) const
{
    hide_proc(container.user); // One that an end of the machine left.
    fs::create_directories(container.proc);
    const auto self = fs::read_symlink("/proc/self/exe");
    auto shown = run_tool({self, "proc", order_.store, order_.node, container.user, container.proc},
                          tool_limit);
    return shown ? Result<void>{} : shown.error();
}

void Keeper::hide_proc(const std::string& user) const
{
    umount2(proc(user).c_str(), MNT_DETACH);
    std::error_code not_there;
    fs::remove(proc(user), not_there);
}

/// Has the container's kernel end complete every frame: a switch in user space passes on bytes.
Result<void> without_offload(pid_t first)
{
    const auto path = "/proc/" + std::to_string(first) + "/ns/net";
    const Descriptor inside{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    const Descriptor outside{open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (first <= 0 || !inside || !outside || setns(inside.get(), CLONE_NEWNET) != 0)
        return Error{Errc::io, "its first process, sshd, ended at once"};
    service::without_offload();
    if (setns(outside.get(), CLONE_NEWNET) != 0)
        return service::system_error("going back from a container's network");
    return {};
}

/// Its address is written first: should this be interrupted, nobody else gets it.
Result<void> Keeper::start(const Container& container) const
{
    if (auto noted = write(fs::path{container.folder} / "address", container.address + "\n");
        !noted)
        return noted;
    const auto xml = domain_xml(container);
    const Domain domain{virDomainCreateXML(connection_, xml.c_str(), 0)};
    if (!domain) {
        const auto why = libvirt_error("libvirt starts no container");
        std::error_code not_there;
        fs::remove(fs::path{container.folder} / "address", not_there);
        return why;
    }
    if (auto able = without_offload(first_process(domain.get())); !able) {
        virDomainDestroy(domain.get());
        return able;
    }
    return {};
}

Domain Keeper::ours(const std::string& user) const
{
    Domain domain{virDomainLookupByName(connection_, domain_name(user).c_str())};
    return domain && is_ours(uuid_of_domain(domain.get())) ? std::move(domain) : Domain{};
}

std::set<std::string> Keeper::with_address() const
{
    std::set<std::string> users;
    std::error_code none_yet;
    for (const auto& folder : fs::directory_iterator{all_, none_yet})
        if (const auto user = folder.path().filename().string(); !address(user).empty())
            users.insert(user);
    return users;
}

Result<std::uint64_t> Keeper::limit(const std::string& user) const
{
    const auto limits = order_.limits.find(user);
    const bool none = limits == order_.limits.end();
    const Domain domain = ours(user);
    virDomainInfo info{};
    if (!domain || virDomainGetInfo(domain.get(), &info) != 0)
        return libvirt_error("it has ended");
    const std::uint64_t used = std::uint64_t{info.memory} * 1024;
    const std::uint64_t kib =
        none ? VIR_DOMAIN_MEMORY_PARAM_UNLIMITED
             : memory_limit(limits->second.memory, memory_limit_of(domain.get()), used) / 1024;
    Parameters cpu, memory;
    cpu.add(VIR_DOMAIN_SCHEDULER_VCPU_PERIOD, limit_period_us);
    cpu.add_signed(
        VIR_DOMAIN_SCHEDULER_VCPU_QUOTA,
        none ? -1 : std::max<std::int64_t>(limits->second.cpu * limit_period_us / 1000, 1000));
    memory.add(VIR_DOMAIN_MEMORY_HARD_LIMIT, kib);
    if (virDomainSetSchedulerParametersFlags(domain.get(), cpu.all, cpu.n,
                                             VIR_DOMAIN_AFFECT_LIVE) != 0 ||
        virDomainSetMemoryParameters(domain.get(), memory.all, memory.n, VIR_DOMAIN_AFFECT_LIVE) !=
            0)
        return libvirt_error("it is not held to its user's share");
    return used;
}

Result<void> Keeper::make(const std::string& user)
try {
    fs::create_directories(all_);
    auto container = describe(user);
    if (!container)
        return container.error();
    const std::string home = getpwnam(user.c_str())->pw_dir;
    if (auto laid = lay_out(*container); !laid)
        return laid;
    if (auto laid = lay_out_home(*container, home); !laid)
        return laid;
    if (auto shown = show_proc(*container); !shown)
        return shown;
    auto started = start(*container);
    if (!started)
        hide_proc(user);
    return started;
} catch (const fs::filesystem_error& wrong) {
    return Error{Errc::io, wrong.what()};
}

Result<void> Keeper::undo(const std::string& user)
{
    const Domain domain = ours(user);
    if (domain && virDomainDestroy(domain.get()) != 0)
        return libvirt_error("it cannot be ended");
    hide_proc(user);
    std::error_code not_there;
    fs::remove_all(all_ / user / "root", not_there);
    fs::remove(all_ / user / "address", not_there);
    return {};
}

} // namespace

Result<Kept> keep(const KeepOrder& order)
{
    auto connection = connect_lxc();
    if (!connection)
        return connection.error();
    auto there = running(connection->get());
    if (!there)
        return there.error();
    Keeper keeper{order, connection->get()};
    auto known = keeper.with_address();
    known.insert(there->begin(), there->end());
    const KeepPlan plan = keep_plan(order.users, *there, known);
    Kept kept;
    for (const std::string& user : plan.undo)
        if (auto undone = keeper.undo(user); !undone)
            kept.failed[user] = undone.error().message;
    for (const std::string& user : plan.make)
        if (auto made = keeper.make(user); !made)
            kept.failed[user] = made.error().message;
    for (const std::string& user : order.users)
        if (!kept.failed.contains(user)) {
            kept.there[user] = keeper.address(user);
            if (auto used = keeper.limit(user); !used)
                kept.failed[user] = used.error().message;
            else
                kept.used[user] = *used;
        }
    return kept;
}

} // namespace holdfast::env
