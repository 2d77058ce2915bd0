// SPDX-License-Identifier: Apache-2.0
//
// db/fleet-server: see fleet-server.h.  Drives ovsdb-tool, ovsdb-client and ovsdb-server.
#include <config.h>

#include "db/fleet-server.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

namespace holdfast::db {
namespace {

namespace fs = std::filesystem;

constexpr int limit_s = 10; // No tool of these takes longer on a machine that works.

std::string pidfile(const FleetServer& server)
{
    return server.rundir + "/fleet.pid";
}
std::string socket_path(const FleetServer& server)
{
    return server.rundir + "/fleet.sock";
}
std::string control_path(const FleetServer& server)
{
    return server.rundir + "/fleet.ctl";
}

/// The last line that is not empty.
std::string last_line(const std::string& text)
{
    const auto end = text.find_last_not_of("\r\n");
    if (end == std::string::npos)
        return {};
    const auto start = text.find_last_of('\n', end);
    return text.substr(start == std::string::npos ? 0 : start + 1,
                       end - (start == std::string::npos ? 0 : start + 1) + 1);
}

/// A tool's end: its exit code and what it printed on both outputs.
struct Outcome {
    int code = 0;
    std::string output;
};

/// Runs a program of Open vSwitch to its end.  What it leaves running does not keep our
/// pipe open, since such a daemon closes its outputs.
Result<Outcome> run(const std::vector<std::string>& words)
{
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) < 0)
        return Error{Errc::io, std::string{"pipe: "} + std::strerror(errno)};
    std::vector<char*> argv;
    for (const auto& word : words)
        argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3); // None of ours for what outlives us.
    // Asio blocks or ignores signals that a server must have.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, standard;
    sigemptyset(&none);
    sigfillset(&standard);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &standard);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    ::close(pipe[1]);
    if (error) {
        ::close(pipe[0]);
        return Error{Errc::io, words.front() + ": " + std::strerror(error) +
                                   ": install openvswitch-switch, and have /usr/sbin in PATH"};
    }

    Outcome outcome;
    pollfd readable{pipe[0], POLLIN, 0};
    for (;;) {
        std::array<char, 4096> part;
        if (::poll(&readable, 1, limit_s * 1000) == 0) {
            ::kill(child, SIGKILL);
            outcome.output += "\nit gave no answer for " + std::to_string(limit_s) + " s";
            break;
        }
        const auto n = ::read(pipe[0], part.data(), part.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        outcome.output.append(part.data(), static_cast<std::size_t>(n));
    }
    ::close(pipe[0]);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    return outcome;
}

/// Runs a tool that must succeed; what it printed.
Result<std::string> must(const std::vector<std::string>& words)
{
    auto outcome = run(words);
    if (!outcome)
        return outcome.error();
    if (outcome->code != 0)
        return Error{Errc::io, words.front() + ": " + last_line(outcome->output)};
    return outcome->output;
}

/// Who holds the pid file's lock; 0 if nobody.
pid_t owner(const FleetServer& server)
{
    const int fd = ::open(pidfile(server).c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return 0;
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    const bool known = ::fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    ::close(fd);
    return known ? lock.l_pid : 0;
}

Result<void> make_folder(const fs::path& folder)
{
    std::error_code code;
    if (!folder.empty())
        fs::create_directories(folder, code);
    if (code)
        return Error{Errc::io,
                     folder.string() + ": cannot be made: " + code.message() + ": check its owner"};
    return {};
}

/// Makes the file if it is missing.
Result<void> create(const FleetServer& server)
{
    std::error_code code;
    if (fs::exists(server.database, code))
        return {};
    Result<std::string> made = std::string{};
    if (server.cluster_local.empty()) {
        made = must({"ovsdb-tool", "create", server.database, server.schema});
    } else if (server.cluster_join.empty()) {
        made = must(
            {"ovsdb-tool", "create-cluster", server.database, server.schema, server.cluster_local});
    } else {
        std::vector<std::string> words{"ovsdb-tool", "join-cluster", server.database, "Holdfast",
                                       server.cluster_local};
        for (std::size_t start = 0; start != std::string::npos;) {
            const auto comma = server.cluster_join.find(',', start);
            words.push_back(server.cluster_join.substr(start, comma - start));
            start = comma == std::string::npos ? comma : comma + 1;
        }
        made = must(words);
    }
    return made ? Result<void>{} : made.error();
}

/// Refuses a file that is not our database.
Result<void> check(const FleetServer& server)
{
    auto name = run({"ovsdb-tool", "db-name", server.database});
    if (!name)
        return name.error();
    if (name->code != 0 || last_line(name->output) != "Holdfast")
        return Error{Errc::damaged, server.database + ": is not a fleet database (" +
                                        last_line(name->output) +
                                        "); it is kept as it is: move it away"};
    return {};
}

/// "1.2.3" as numbers, to be compared.
std::array<int, 3> version_of(const std::string& text)
{
    std::array<int, 3> version{};
    std::sscanf(text.c_str(), "%d.%d.%d", &version[0], &version[1], &version[2]);
    return version;
}

/// Whether this program's schema is newer than VERSION.
Result<bool> is_older(const std::string& version, const FleetServer& server)
{
    auto ours = must({"ovsdb-tool", "schema-version", server.schema});
    if (!ours)
        return ours.error();
    return version_of(last_line(version)) < version_of(last_line(*ours));
}

Result<bool> is_clustered(const FleetServer& server)
{
    auto clustered = run({"ovsdb-tool", "db-is-clustered", server.database});
    if (!clustered)
        return clustered.error();
    return clustered->code == 0;
}

/// Whether the file is older than this program's schema.
Result<bool> file_is_older(const FleetServer& server)
{
    auto version = must({"ovsdb-tool", "db-version", server.database});
    return version ? is_older(*version, server) : version.error();
}

/// Brings the file, which is no cluster's and no server has open, to this program's schema, unless
/// a newer program did.
Result<void> convert_file(const FleetServer& server)
{
    auto older = file_is_older(server);
    if (!older)
        return older.error();
    if (!*older)
        return {};
    auto done = must({"ovsdb-tool", "convert", server.database, server.schema});
    return done ? Result<void>{} : done.error();
}

/// Brings a running cluster to this program's schema, unless a newer program did.
Result<void> convert_cluster(const FleetServer& server)
{
    const auto remote = "unix:" + socket_path(server);
    auto running = must({"ovsdb-client", "-t", "5", "get-schema-version", remote, "Holdfast"});
    if (!running)
        return {}; // A member that sees no leader yet is fine; it is converted at a later start.
    auto older = is_older(*running, server);
    if (!older)
        return older.error();
    if (!*older)
        return {};
    auto done = must({"ovsdb-client", "-t", "8", "convert", remote, server.schema});
    return done ? Result<void>{} : done.error();
}

std::vector<std::string> command(const FleetServer& server)
{
    std::vector<std::string> words{"ovsdb-server",
                                   server.database,
                                   "--detach",
                                   "--no-chdir",
                                   "--pidfile=" + pidfile(server),
                                   "--log-file=" + server.log_file,
                                   "--unixctl=" + control_path(server),
                                   "-vconsole:off",
                                   "-vsyslog:off",
                                   "--remote=punix:" + socket_path(server)};
    const bool tls = !server.private_key.empty() && !server.certificate.empty() &&
                     !server.ca_certificate.empty();
    if (tls)
        for (const auto& word :
             {"--private-key=" + server.private_key, "--certificate=" + server.certificate,
              "--ca-cert=" + server.ca_certificate})
            words.push_back(word);
    if (!server.listen.empty()) {
        const bool v6 = server.listen.find(':') != std::string::npos;
        words.push_back(std::string{"--remote="} + (tls ? "pssl:" : "ptcp:") +
                        std::to_string(server.port) + ":" +
                        (v6 ? "[" + server.listen + "]" : server.listen));
    }
    return words;
}

} // namespace

Result<void> start_fleet_server(const FleetServer& server)
{
    if (fleet_server_runs(server)) {
        auto clustered = is_clustered(server);
        if (!clustered)
            return clustered.error();
        if (*clustered)
            return convert_cluster(server);
        auto older = file_is_older(server);
        if (!older)
            return older.error();
        if (!*older)
            return {};
        // Converted while it runs, ovsdb-server 3.1 goes on to tell each client the schema from
        // before, if it is no cluster's.
        if (auto stopped = stop_fleet_server(server); !stopped)
            return stopped;
    }
    for (const auto& folder : {fs::path{server.database}.parent_path(), fs::path{server.rundir},
                               fs::path{server.log_file}.parent_path()})
        if (auto made = make_folder(folder); !made)
            return made;
    if (auto created = create(server); !created)
        return created;
    if (auto checked = check(server); !checked)
        return checked;
    auto clustered = is_clustered(server);
    if (!clustered)
        return clustered.error();
    if (!*clustered)
        if (auto converted = convert_file(server); !converted)
            return converted;
    if (auto started = must(command(server)); !started)
        return started.error();
    // A member that is new has the schema of the others.
    return *clustered && server.cluster_local.empty() ? convert_cluster(server) : Result<void>{};
}

bool fleet_server_runs(const FleetServer& server)
{
    if (!owner(server))
        return false;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = socket_path(server);
    if (path.size() >= sizeof address.sun_path)
        return false;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool answers =
        fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (fd >= 0)
        ::close(fd);
    return answers;
}

Result<void> stop_fleet_server(const FleetServer& server)
{
    const auto pid = owner(server);
    if (!pid)
        return {};
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0)
        return errno == ESRCH ? Result<void>{}
                              : Error{Errc::io, "fleet server " + std::to_string(pid) + ": " +
                                                    std::strerror(errno) + ": end it by hand"};
    ::kill(pid, SIGTERM);
    pollfd ended{fd, POLLIN, 0};
    const bool gone = ::poll(&ended, 1, limit_s * 1000) == 1;
    ::close(fd);
    if (!gone)
        return Error{Errc::io, "fleet server " + std::to_string(pid) + " did not end in " +
                                   std::to_string(limit_s) + " s: end it by hand"};
    return {};
}

} // namespace holdfast::db
