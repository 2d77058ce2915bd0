// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-system: see service-system.h.
#include <config.h>

#include "hookd/service-system.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sstream>

#include "common/run-tool.h"
#include "common/text.h"
#include "hookd/service-rules.h"

namespace holdfast::hookd {
namespace {

constexpr std::chrono::seconds switch_limit{15}; // ovs-vsctl itself waits for 10 s.
constexpr std::chrono::seconds service_limit{30};
constexpr std::chrono::minutes undo_limit{11}; // A CRIU that is at work is waited for.

Error not_found(const std::string& line)
{
    return {Errc::not_found, line};
}

std::vector<std::string> vsctl(const OurBridge& bridge, const std::vector<std::string>& words)
{
    std::vector<std::string> command{"ovs-vsctl", "--timeout=10"};
    if (!bridge.ovs_db.empty())
        command.push_back("--db=" + bridge.ovs_db);
    command.insert(command.end(), words.begin(), words.end());
    return command;
}

std::vector<std::string> holdfast_service(const std::string& verb, const std::string& rundir,
                                          const std::string& name)
{
    return {service_program(), verb, rundir, name};
}

/// What a program said of itself, without its name in front.
Error told(const Error& error)
{
    const auto name = std::string{"holdfast-service: "};
    const auto at = error.message.find(name);
    return {error.code,
            at == std::string::npos ? error.message : error.message.substr(at + name.size())};
}

bool has_user(const std::string& name)
{
    std::array<char, 16384> buffer;
    passwd entry{};
    passwd* found = nullptr;
    return getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == 0 && found;
}

bool is_program(const std::string& path)
{
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           access(path.c_str(), X_OK) == 0;
}

bool is_directory(const std::string& path)
{
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// The file of a command that was named without a folder.
Result<std::string> find_program(const std::string& word)
{
    if (word.front() == '/')
        return is_program(word) ? Result<std::string>{word}
                                : not_found("command " + word +
                                            " is no program on this hypervisor: see that it is "
                                            "there and executable");
    for (const char* folder :
         {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"})
        if (const auto path = std::string{folder} + "/" + word; is_program(path))
            return path;
    return not_found("command " + one_line(word, 60) +
                     " is in no folder of programs of this hypervisor: give its whole path");
}

} // namespace

std::string program_of_ours(const std::string& name)
{
    const char* named = std::getenv("HOLDFAST_LIBEXECDIR");
    return std::string{named ? named : HOLDFAST_PKGLIBEXECDIR} + "/" + name;
}

std::string service_program()
{
    return program_of_ours("holdfast-service");
}

Result<std::string> plug_service(const db::Service& row, int tag, const OurBridge& bridge)
{
    const auto port = service_port(row.id);
    std::vector<std::string> words{"--may-exist", "add-port", bridge.name, port};
    if (tag)
        words.push_back("tag=" + std::to_string(tag));
    for (const auto& word :
         {std::string{"--"}, std::string{"set"}, std::string{"Interface"}, port,
          "external_ids:iface-id=" + row.id, "external_ids:attached-mac=\"" + row.mac + "\""})
        words.push_back(word);
    return run_tool(vsctl(bridge, words), switch_limit);
}

Result<System> look_at_system(const db::Service& row, const OurBridge& bridge)
{
    if (!has_user(row.user))
        return not_found("there is no user " + one_line(row.user, 60) +
                         " on this hypervisor: give another --user");
    auto program = find_program(row.command[0]);
    if (!program)
        return program.error();
    if (!is_directory(row.directory))
        return not_found("--directory " + one_line(row.directory, 60) +
                         " is no folder on this hypervisor: give one that is there");
    auto type =
        run_tool(vsctl(bridge, {"--if-exists", "get", "Bridge", bridge.name, "datapath_type"}),
                 switch_limit);
    if (!type)
        return type.error();
    const auto text = trimmed(*type); // Quotes around nothing for the default, the kernel's.
    if (text.empty())
        return not_found("bridge " + bridge.name +
                         " is not there: make it, or name another in holdfast.conf");
    return System{*program, text != "netdev"};
}

Result<void> look_at_engine(const std::string& mode)
{
    if (mode != "checkpoint" || find_program("criu"))
        return {};
    return not_found("criu is not on this hypervisor, by which --mode checkpoint moves a service: "
                     "apt-get install criu, or give --mode handoff");
}

Result<std::string> make_service(const service::Folder& folder, const std::string& rundir,
                                 const db::Service& row, bool offloads, const OurBridge& bridge)
{
    if (auto made = folder.make(); !made)
        return made.error();
    if (auto written = folder.write("definition", encode(definition_of(row, offloads))); !written)
        return written.error();
    if (auto made = run_tool(holdfast_service("make", rundir, row.name), service_limit); !made)
        return told(made.error());
    return plug_service(row, row.vlan, bridge);
}

Result<int> start_service(const std::string& rundir, const db::Service& row)
{
    auto started = run_tool(holdfast_service("run", rundir, row.name), service_limit);
    if (!started)
        return told(started.error());
    const auto pid = parse_number(trimmed(*started));
    if (!pid)
        return Error{Errc::damaged, "holdfast-service said " + one_line(*started, 60) +
                                        " instead of a process: install it and holdfast-hookd "
                                        "of one version"};
    return static_cast<int>(*pid);
}

Result<std::string> undo_service(const std::string& rundir, const db::Service& row, bool forget,
                                 const OurBridge& bridge)
{
    auto command = holdfast_service("undo", rundir, row.name);
    if (forget)
        command.push_back("forget");
    const auto unplugged =
        run_tool(vsctl(bridge, {"--if-exists", "del-port", service_port(row.id)}), switch_limit);
    auto undone = run_tool(command, undo_limit);
    if (!undone)
        return told(undone.error());
    if (!unplugged)
        return unplugged.error();
    return std::string{trimmed(*undone)};
}

} // namespace holdfast::hookd
