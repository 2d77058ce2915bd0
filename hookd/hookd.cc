// SPDX-License-Identifier: Apache-2.0
//
// hookd: the hypervisor's daemon.  See holdfast-hookd(8) and doc/architecture.md.
//
// One thread and one io_context decide and write; OvsLoop's thread serves the control
// socket, UserServer's the users', and a few threads wait for libvirtd and for other programs.
#include <config.h>

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include "common/config.h"
#include "common/log.h"
#include "common/ovs-loop.h"
#include "common/run-directory.h"
#include "hookd/commands.h"
#include "hookd/daemon.h"
#include "hookd/libvirt-loop.h"
#include "hookd/user-server.h"

namespace asio = boost::asio;
using namespace holdfast;
using namespace holdfast::hookd;

namespace {

/// Exit codes, for the service manager: a restart helps after the first only.
enum Exit {
    failed = 1,        // Something that may pass.
    misconfigured = 2, // The command line, the configuration, or the store needs a person.
};

int fail(const std::string& message, int code)
{
    std::fprintf(stderr, "holdfast-hookd: %s\n", message.c_str());
    return code;
}

int run(const Config& config)
{
    // At a guest's stop each millisecond that we wait for a processor is frames held longer.
    constexpr int before_others = -10;
    setpriority(PRIO_PROCESS, 0, before_others); // Without the right to, it goes on as it is.
    std::string rundir = run_directory();
    asio::io_context io{1};
    register_libvirt_loop(io);
    OvsLoop::Options options;
    options.name = "holdfast-hookd";
    options.version = PACKAGE_VERSION;
    options.socket = rundir + "/holdfast-hookd.ctl";
    options.pidfile = rundir + "/holdfast-hookd.pid";
    options.log_file = config.log_file;
    auto loop = OvsLoop::start(options, io.get_executor());
    if (!loop)
        return fail(loop.error().message, failed);
    auto ledger = Ledger::open(config.store);
    if (!ledger)
        return fail(ledger.error().message, misconfigured);
    Daemon daemon{io, World{config, std::move(*ledger)}};
    if (auto started = daemon.start(**loop, rundir); !started)
        return fail(started.error().message, failed);
    Commands commands{**loop, daemon};
    auto users =
        UserServer::start(io, rundir + "/users.ctl",
                          [&commands](const Caller& caller, const std::string& method,
                                      const nlohmann::json& arguments, UserServer::Done done) {
                              commands.user_asks(caller, method, arguments, std::move(done));
                          });
    if (!users)
        return fail(users.error().message, failed);
    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&io](boost::system::error_code, int signal) {
        spdlog::info("ended by signal {}", signal);
        io.stop();
    });
    spdlog::info("holdfast-hookd {} serves hypervisor {}", PACKAGE_VERSION, daemon.world().self());
    io.run();
    users->reset();
    daemon.stop();
    loop->reset();
    // A thread may be held for minutes by a migration, which libvirt carries on without us.
    std::_Exit(EXIT_SUCCESS);
}

} // namespace

int main(int argc, char** argv)
{
    std::string file = default_config_file();
    CLI::App app{"Holdfast's daemon on a hypervisor: libvirt's hooks and events, the store, the "
                 "fleet."};
    app.add_option("-c,--config", file, "Configuration file")->capture_default_str();
    app.set_version_flag("-V,--version", "holdfast-hookd " PACKAGE_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) ? misconfigured : EXIT_SUCCESS;
    }
    auto config = load_config(file);
    if (!config)
        return fail(config.error().message, misconfigured);
    if (auto opened = open_log(*config, "hookd"); !opened)
        return fail(opened.error().message, misconfigured);
    return run(*config);
}
