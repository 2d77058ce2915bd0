// SPDX-License-Identifier: Apache-2.0
//
// common/ovs-loop: see ovs-loop.h.
//
// Only the thread calls Open vSwitch's library; others leave work in a queue and wake it
// through an event descriptor, so that the library never learns of them.
#include <config.h>

#include "common/ovs-loop.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include <boost/asio/post.hpp>

#include "common/descriptor.h"
#include "common/ovs-loop-shim.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

Error io_error(const std::string& what, int code, const std::string& mend)
{
    return {Errc::io, what + ": " + std::strerror(code) + ": " + mend};
}

Result<void> make_folder_of(const std::string& path)
{
    std::error_code code;
    if (const auto folder = fs::path{path}.parent_path(); !folder.empty())
        fs::create_directories(folder, code);
    if (code)
        return io_error(path + ": cannot make its folder", code.value(), "check its owner");
    return {};
}

} // namespace

/// What the thread and the handles share.
struct OvsLoop::Core : std::enable_shared_from_this<OvsLoop::Core> {
    Options options;
    boost::asio::any_io_executor executor;
    Descriptor wake;
    Descriptor pidfile; // Holds the lock: closing any descriptor of the file would drop it.
    std::vector<std::string> links;
    std::thread thread;

    std::mutex mutex; // For the two below.
    std::deque<std::function<void()>> posted;
    bool ended = false;

    // The thread's own.
    unixctl_server* server = nullptr;
    std::map<std::uint64_t, unixctl_conn*> waiting; // Requests not answered yet.
    std::uint64_t last_id = 0;
    std::vector<Runner*> runners;
    bool stopping = false;

    void post(std::function<void()> work);
    void wait_for(const std::function<void()>& work);
    void run();
    void run_posted();
    void finish();
    void request(unixctl_conn* conn, const Handler& handler, std::vector<std::string> args);
    Result<void> lock_pidfile();
    void link_into_rundir();
};

namespace {

/// A command as Open vSwitch knows it: for the process's life, so also beyond its loop's.
struct Command {
    std::string usage;
    std::function<void(unixctl_conn*, std::vector<std::string>)> serve;
};

/// By name.  Only the thread of the loop there is touches it.
std::map<std::string, Command>& commands()
{
    static std::map<std::string, Command> all;
    return all;
}

} // namespace

void OvsLoop::Core::post(std::function<void()> work)
{
    {
        const std::lock_guard lock{mutex};
        if (ended)
            return;
        posted.push_back(std::move(work));
    }
    const std::uint64_t one = 1;
    // It cannot fail but for a full counter, which wakes just as well.
    [[maybe_unused]] const auto written = ::write(wake.get(), &one, sizeof one);
}

void OvsLoop::Core::wait_for(const std::function<void()>& work)
{
    std::promise<void> done;
    post([&] {
        work();
        done.set_value();
    });
    done.get_future().wait();
}

void OvsLoop::Core::run_posted()
{
    std::uint64_t count = 0;
    [[maybe_unused]] const auto n_read = ::read(wake.get(), &count, sizeof count);
    std::deque<std::function<void()>> work;
    {
        const std::lock_guard lock{mutex};
        work.swap(posted);
    }
    for (auto& item : work)
        item();
}

void OvsLoop::Core::run()
{
    while (!stopping) {
        run_posted();
        for (auto* runner : runners)
            runner->run();
        ovs_loop_serve(server);
        for (auto* runner : runners)
            runner->wait();
        ovs_loop_wait(server, wake.get());
        if (!stopping)
            ovs_loop_block();
    }
    finish();
}

void OvsLoop::Core::finish()
{
    {
        const std::lock_guard lock{mutex};
        ended = true;
    }
    run_posted(); // What was asked for before the end is done.
    for (const auto& [id, conn] : waiting)
        ovs_loop_reply(conn, (options.name + " is stopping: ask again when it runs").c_str(), true);
    waiting.clear();
    ovs_loop_close(server);
}

void OvsLoop::Core::request(unixctl_conn* conn, const Handler& handler,
                            std::vector<std::string> args)
{
    const auto id = ++last_id;
    waiting[id] = conn;
    // Shared only because a handler of Asio may have to be copied.
    auto reply = std::make_shared<Reply>(Reply{weak_from_this(), id});
    boost::asio::post(
        executor, [handler, args = std::move(args), reply] { handler(args, std::move(*reply)); });
}

Result<void> OvsLoop::Core::lock_pidfile()
{
    const auto& path = options.pidfile;
    if (auto made = make_folder_of(path); !made)
        return made;
    pidfile.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (pidfile.get() < 0)
        return io_error(path, errno, "check the folder's owner");
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(pidfile.get(), F_SETLK, &lock) < 0)
        return Error{Errc::exists,
                     path + ": another " + options.name + " runs already: end it first"};
    const auto text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(pidfile.get(), 0) < 0 ||
        ::write(pidfile.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return io_error(path, errno, "make room on that disk");
    return {};
}

/// A switch's run folder that is missing or not ours to write is no fault: the socket's
/// path then has to be given to ovs-appctl.
void OvsLoop::Core::link_into_rundir()
{
    const fs::path rundir = options.ovs_rundir.empty() ? ovs_loop_rundir() : options.ovs_rundir;
    const auto pid = std::to_string(::getpid());
    const std::pair<fs::path, std::string> wanted[] = {
        {rundir / (options.name + ".pid"), options.pidfile},
        {rundir / (options.name + "." + pid + ".ctl"), options.socket},
    };
    for (const auto& [link, target] : wanted) {
        std::error_code code;
        const auto absolute = fs::absolute(target, code);
        if (fs::weakly_canonical(link, code) == fs::weakly_canonical(absolute, code) &&
            !fs::is_symlink(link, code))
            continue; // The daemon's own folder is the switch's.
        if (fs::is_symlink(link, code))
            fs::remove(link, code);
        fs::create_symlink(absolute, link, code);
        if (!code)
            links.push_back(link);
    }
}

OvsLoop::OvsLoop(std::shared_ptr<Core> core) : core_{std::move(core)} {}

Result<std::unique_ptr<OvsLoop>> OvsLoop::start(const Options& options,
                                                boost::asio::any_io_executor executor)
{
    auto core = std::make_shared<Core>();
    core->options = options;
    core->executor = std::move(executor);
    std::signal(SIGPIPE, SIG_IGN); // A client that goes away must not end the daemon.
    core->wake.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (core->wake.get() < 0)
        return io_error("eventfd", errno, "raise the limit of open files");
    if (auto locked = core->lock_pidfile(); !locked)
        return locked.error();
    if (auto made = make_folder_of(options.socket); !made)
        return made.error();

    std::promise<int> opened;
    core->thread = std::thread{[core, &opened] {
        const auto& its = core->options;
        const int error = ovs_loop_open(its.name.c_str(), its.version.c_str(), its.socket.c_str(),
                                        its.log_file.c_str(), &core->server);
        if (!error)
            core->link_into_rundir();
        opened.set_value(error);
        if (!error)
            core->run();
    }};
    if (const int error = opened.get_future().get()) {
        core->thread.join();
        ::unlink(options.pidfile.c_str());
        return io_error(options.socket, error,
                        "check the control socket's folder and the log file");
    }
    return std::unique_ptr<OvsLoop>{new OvsLoop{std::move(core)}};
}

OvsLoop::~OvsLoop()
{
    core_->post([core = core_.get()] { core->stopping = true; });
    core_->thread.join();
    std::error_code code;
    for (const auto& link : core_->links)
        fs::remove(link, code);
    ::unlink(core_->options.pidfile.c_str());
}

void OvsLoop::register_command(const std::string& name, const std::string& usage, int min, int max,
                               Handler handler)
{
    core_->wait_for([&] {
        auto [at, is_new] = commands().try_emplace(name);
        if (is_new)
            at->second.usage = usage;
        at->second.serve = [weak = std::weak_ptr{core_}, handler = std::move(handler)](
                               unixctl_conn* conn, std::vector<std::string> args) {
            if (auto core = weak.lock())
                core->request(conn, handler, std::move(args));
            else
                ovs_loop_reply(conn, "this command's loop has ended", true);
        };
        ovs_loop_register(
            name.c_str(), at->second.usage.c_str(), min, max,
            [](unixctl_conn* conn, int argc, const char** argv, void* aux) {
                static_cast<Command*>(aux)->serve(conn, {argv + 1, argv + argc});
            },
            &at->second);
    });
}

void OvsLoop::add(Runner* runner)
{
    core_->wait_for([&] { core_->runners.push_back(runner); });
}

void OvsLoop::remove(Runner* runner, const std::function<void()>& last)
{
    core_->wait_for([&] {
        std::erase(core_->runners, runner);
        last();
    });
}

void OvsLoop::post(std::function<void()> work)
{
    core_->post(std::move(work));
}

boost::asio::any_io_executor OvsLoop::executor() const
{
    return core_->executor;
}

OvsLoop::Reply& OvsLoop::Reply::operator=(Reply&& other) noexcept
{
    std::swap(core_, other.core_);
    std::swap(id_, other.id_);
    return *this;
}

OvsLoop::Reply::~Reply()
{
    if (id_)
        send("the request was dropped without an answer: see the daemon's log", true);
}

void OvsLoop::Reply::ok(const std::string& text)
{
    send(text, false);
}

void OvsLoop::Reply::error(const std::string& line)
{
    send(line, true);
}

void OvsLoop::Reply::send(const std::string& text, bool failed)
{
    const auto id = std::exchange(id_, 0);
    auto core = id ? core_.lock() : nullptr;
    if (!core)
        return;
    core->post([core = core.get(), id, text, failed] {
        auto at = core->waiting.find(id);
        if (at == core->waiting.end())
            return;
        ovs_loop_reply(at->second, text.c_str(), failed);
        core->waiting.erase(at);
    });
}

} // namespace holdfast
