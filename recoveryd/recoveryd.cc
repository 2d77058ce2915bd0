// SPDX-License-Identifier: Apache-2.0
//
// recoveryd: the daemon that decides who is recovered.  See holdfast-recoveryd(8) and
// doc/architecture.md.
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
#include "recoveryd/daemon.h"

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
    std::fprintf(stderr, "holdfast-recoveryd: %s\n", message.c_str());
    return code;
}

int run(const Config& config)
{
    const std::string rundir = run_directory();
    asio::io_context io{1};
    OvsLoop::Options options;
    options.name = "holdfast-recoveryd";
    options.version = PACKAGE_VERSION;
    options.socket = rundir + "/holdfast-recoveryd.ctl";
    options.pidfile = rundir + "/holdfast-recoveryd.pid";
    options.log_file = config.log_file;
    auto loop = OvsLoop::start(options, io.get_executor());
    if (!loop)
        return fail(loop.error().message, failed);
    recoveryd::Daemon daemon{io, config};
    daemon.start(**loop);
    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&](boost::system::error_code, int signal) {
        spdlog::info("ended by signal {}", signal);
        daemon.stop([&io] { io.stop(); });
    });
    spdlog::info("holdfast-recoveryd {} serves hypervisor {}", PACKAGE_VERSION, config.hypervisor);
    io.run();
    loop->reset();
    return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv)
{
    std::string file = default_config_file();
    CLI::App app{"Holdfast's daemon that has lost VMs replaced."};
    app.add_option("-c,--config", file, "Configuration file")->capture_default_str();
    app.set_version_flag("-V,--version", "holdfast-recoveryd " PACKAGE_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) ? misconfigured : EXIT_SUCCESS;
    }
    auto config = load_config(file);
    if (!config)
        return fail(config.error().message, misconfigured);
    if (auto opened = open_log(*config, "recoveryd"); !opened)
        return fail(opened.error().message, misconfigured);
    return run(*config);
}
