// SPDX-License-Identifier: Apache-2.0
//
// schedd: the daemon of users' shares.  See holdfast-schedd(8) and doc/architecture.md.
//
// One thread and one io_context; OvsLoop's thread serves the control socket.
#include <config.h>

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <cstdio>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include "common/config.h"
#include "common/log.h"
#include "common/ovs-loop.h"
#include "common/run-directory.h"
#include "schedd/daemon.h"

namespace asio = boost::asio;
using namespace holdfast;

namespace {

/// Exit codes, for the service manager: a restart helps after the first only.
enum Exit {
    failed = 1,        // Something that may pass.
    misconfigured = 2, // The command line or the configuration needs a person.
};

int fail(const std::string& message, int code)
{
    std::fprintf(stderr, "holdfast-schedd: %s\n", message.c_str());
    return code;
}

int run(const Config& config, const schedd::Settings& settings)
{
    const std::string rundir = run_directory();
    asio::io_context io{1};
    OvsLoop::Options options;
    options.name = "holdfast-schedd";
    options.version = PACKAGE_VERSION;
    options.socket = rundir + "/holdfast-schedd.ctl";
    options.pidfile = rundir + "/holdfast-schedd.pid";
    options.log_file = config.log_file;
    auto loop = OvsLoop::start(options, io.get_executor());
    if (!loop)
        return fail(loop.error().message, failed);
    schedd::Daemon daemon{io, config, settings};
    daemon.start(**loop);
    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&](boost::system::error_code, int signal) {
        spdlog::info("ended by signal {}", signal);
        daemon.stop([&io] { io.stop(); });
    });
    spdlog::info("holdfast-schedd {} serves hypervisor {}", PACKAGE_VERSION, config.hypervisor);
    io.run();
    loop->reset();
    return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv)
{
    std::string file = default_config_file();
    CLI::App app{"Holdfast's daemon of users' shares: who gets which hypervisors."};
    app.add_option("-c,--config", file, "Configuration file")->capture_default_str();
    app.set_version_flag("-V,--version", "holdfast-schedd " PACKAGE_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) ? misconfigured : EXIT_SUCCESS;
    }
    auto config = load_config(file);
    if (!config)
        return fail(config.error().message, misconfigured);
    auto settings = schedd::settings_of(*config);
    if (!settings)
        return fail(settings.error().message, misconfigured);
    if (auto opened = open_log(*config, "schedd"); !opened)
        return fail(opened.error().message, misconfigured);
    return run(*config, *settings);
}
