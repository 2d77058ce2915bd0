// SPDX-License-Identifier: Apache-2.0
//
// hookd/job: see the header.
#include <config.h>

#include "hookd/job.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <istream>
#include <iterator>

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <spdlog/spdlog.h>

#include "common/text.h"

extern char** environ;

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

// A job's line is a handful of names and figures.
constexpr std::size_t longest_line = 1 << 20;

/// Starts the program with `talk` as its standard input and output, `extra` as its descriptor 3.
Result<int> spawn(const std::vector<std::string>& command, int talk, int extra)
{
    std::vector<char*> argv;
    for (const std::string& word : command)
        argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, talk, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, talk, STDOUT_FILENO);
    if (extra >= 0)
        posix_spawn_file_actions_adddup2(&actions, extra, 3);
    // Nothing else of the daemon's: its listener would outlive it there.
    posix_spawn_file_actions_addclosefrom_np(&actions, extra >= 0 ? 4 : 3);
    pid_t pid = 0;
    const int error = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        return Error{Errc::io, command[0] + " cannot be run: " + std::strerror(error)};
    return pid;
}

std::string how_it_ended(int status)
{
    if (WIFSIGNALED(status))
        return "signal " + std::to_string(WTERMSIG(status));
    const int code = WEXITSTATUS(status);
    return code ? "exit status " + std::to_string(code) : "";
}

} // namespace

Result<std::shared_ptr<Job>> Job::start(asio::io_context& io,
                                        const std::vector<std::string>& command, int extra,
                                        Said said, Ended ended)
{
    asio::local::stream_protocol::socket ours{io}, theirs{io};
    boost::system::error_code error;
    asio::local::connect_pair(ours, theirs, error);
    Result<int> pid = error ? Result<int>{Error{Errc::io, command[0] + ": " + error.message()}}
                            : spawn(command, theirs.native_handle(), extra);
    if (extra >= 0)
        close(extra);
    if (!pid)
        return pid.error();
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, *pid, 0));
    if (pidfd < 0) {
        const int why = errno;
        ::kill(*pid, SIGKILL);
        waitpid(*pid, nullptr, 0);
        return Error{Errc::io, command[0] + ": pidfd_open: " + std::strerror(why)};
    }
    std::shared_ptr<Job> job{
        new Job{io, std::move(ours), *pid, pidfd, std::move(said), std::move(ended)}};
    job->read();
    job->await_end();
    return job;
}

Job::Job(asio::io_context& io, asio::local::stream_protocol::socket socket, int pid, int pidfd,
         Said said, Ended ended)
    : socket_{std::move(socket)}, process_{io, pidfd}, pid_{pid}, said_{std::move(said)},
      ended_{std::move(ended)}, input_{longest_line}
{
}

Job::~Job() = default;

void Job::tell(const nlohmann::json& line)
{
    const bool busy = !output_.empty();
    output_.push_back(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    if (!busy)
        write();
}

void Job::write()
{
    asio::async_write(socket_, asio::buffer(output_.front()),
                      [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                          if (error) {
                              self->output_.clear(); // It is gone; await_end() tells.
                              return;
                          }
                          self->output_.pop_front();
                          if (!self->output_.empty())
                              self->write();
                      });
}

void Job::kill()
{
    if (!over_)
        ::kill(pid_, SIGKILL);
}

void Job::read()
{
    asio::async_read_until(
        socket_, input_, '\n',
        [self = shared_from_this()](boost::system::error_code error, std::size_t) {
            self->take_lines();
            if (!error) {
                self->read();
                return;
            }
            self->silent_ = true;
            self->end_if_over();
        });
}

void Job::take_lines()
{
    for (;;) {
        const auto data = input_.data();
        const auto end = asio::buffers_end(data);
        const auto newline = std::find(asio::buffers_begin(data), end, '\n');
        if (newline == end)
            return;
        const std::string line{asio::buffers_begin(data), newline};
        input_.consume(line.size() + 1);
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (json.is_object() && said_)
            said_(json);
        else
            spdlog::warn("process {} says what is no JSON object: {}", pid_, one_line(line, 80));
    }
}

void Job::await_end()
{
    process_.async_wait(asio::posix::stream_descriptor::wait_read,
                        [self = shared_from_this()](boost::system::error_code error) {
                            if (error)
                                return;
                            int status = 0;
                            while (waitpid(self->pid_, &status, 0) < 0 && errno == EINTR)
                                continue;
                            self->over_ = true;
                            self->how_ = how_it_ended(status);
                            self->end_if_over();
                        });
}

void Job::end_if_over()
{
    if (!over_ || !silent_ || !ended_)
        return;
    // Who listens holds this object, and this object them: that ends here.
    auto ended = std::exchange(ended_, nullptr);
    said_ = nullptr;
    boost::system::error_code ignored;
    socket_.close(ignored);
    process_.close(ignored);
    ended(how_);
}

} // namespace holdfast::hookd
