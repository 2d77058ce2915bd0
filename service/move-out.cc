// SPDX-License-Identifier: Apache-2.0
//
// service/move-out: home's side of a service's move, see move.h and doc/service-move.md.
#include <config.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>

#include "handoff/agent.h"
#include "service/caught.h"
#include "service/checkpoint-out.h"
#include "service/folder.h"
#include "service/handoff-door.h"
#include "service/keep.h"
#include "service/link.h"
#include "service/marks.h"
#include "service/message.h"
#include "service/move.h"
#include "service/processes.h"
#include "service/space.h"
#include "sockets/flush.h"
#include "sockets/guard.h"
#include "sockets/refusal.h"
#include "sockets/save.h"

namespace holdfast::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds ask_limit{10'000};
constexpr std::uintmax_t log_max = 16U << 20;
constexpr seconds connect_limit{10};
constexpr milliseconds come_limit{3'000}; // A program looks for an agent that is away each second.
constexpr seconds ready_limit{60}; // The target makes namespaces and a port, starts a program.
constexpr seconds restore_limit{60};
constexpr seconds bring_back_limit{600}; // Processes, too: CRIU reads all of their memory.
constexpr seconds give_limit{10};        // The service stands still meanwhile.
constexpr seconds live_limit{60};

Deadline in(std::chrono::milliseconds time)
{
    return std::chrono::steady_clock::now() + time;
}

/// What hookd told.
struct Job {
    std::string rundir, name, address;
    std::uint16_t port = 0;
    std::string target;
    Credentials credentials;
    Hello hello;
};

Result<Job> job_of(const nlohmann::json& json)
try {
    Job job;
    job.rundir = json.at("rundir");
    job.name = json.at("name");
    job.address = json.at("address");
    job.port = json.at("port");
    job.target = json.at("target");
    const auto& files = json.at("credentials");
    job.credentials = {files.at("ca_certificate"), files.at("certificate"),
                       files.at("private_key")};
    job.hello.move = json.at("move");
    job.hello.home = json.at("home");
    job.hello.mode = json.at("mode");
    job.hello.service = json.at("service");
    job.hello.name = job.name;
    return job;
} catch (const nlohmann::json::exception& wrong) {
    return Error{Errc::damaged, std::string{"the order to move: "} + wrong.what()};
}

/// One move.
class MoveOut {
public:
    MoveOut(Talk& talk, Job job)
        : talk_{talk}, job_{std::move(job)}, folder_{job_.rundir, job_.name}
    {
    }

    /// Errors: the service goes on here, unless committed().
    Result<void> run()
    try {
        for (auto step :
             {&MoveOut::find, &MoveOut::greet, &MoveOut::look, &MoveOut::send_ahead,
              &MoveOut::flush, &MoveOut::hold_still, &MoveOut::save_and_send, &MoveOut::commit})
            if (auto done = (this->*step)(); !done)
                return done;
        return {};
    } catch (const nlohmann::json::exception& wrong) {
        return Error{Errc::damaged,
                     job_.target + " says what is of the wrong shape: " + wrong.what()};
    }
    /// Whether the service may live at the target.
    bool committed() const { return committed_; }
    /// Whether the target has said that it will not live there.
    bool given_back() const { return given_back_; }
    /// The service goes on here.
    void undo(const std::string& why);
    /// Ends the copy here without a word.
    void discard();
    /// When each part of the pause was done.
    const Marks& marks() const { return marks_; }
    /// What is told with them.
    std::map<std::string, std::int64_t> figures() const
    {
        std::map<std::string, std::int64_t> known;
        if (connections_)
            known["connections"] = *connections_;
        if (saved_in_)
            known["save_us"] = *saved_in_;
        if (restored_in_)
            known["restore_us"] = *restored_in_;
        return known;
    }

private:
    Result<void> find();
    Result<void> greet();
    Result<void> look();
    Result<void> send_ahead();
    Result<void> flush();
    Result<void> hold_still();
    Result<void> save_and_send();
    Result<void> commit();
    Result<void> take_given();
    void catch_again();
    Result<void> take_waiting();
    Result<void> name_places();
    Result<void> send_sockets(const std::vector<MovedSocket>& moved);
    Result<nlohmann::json> await(Message wanted, seconds limit);
    Result<void> send(Message type, const nlohmann::json& json)
    {
        return link_->send(static_cast<std::uint8_t>(type), payload_of(json), in(restore_limit));
    }
    void step(const std::string& what, const std::string& text)
    {
        talk_.say("step", {{"step", what}, {"text", text}});
    }
    void tell_progress(const Progress& progress);

    Talk& talk_;
    Job job_;
    Folder folder_;
    std::optional<Process> init_;
    std::optional<handoff::Service> program_; // It gives and takes by doc/handoff.md.
    std::optional<Link> link_;
    std::optional<sockets::Space> space_;
    std::vector<Caught> sockets_;
    std::vector<sockets::Neighbour> neighbours_;
    std::string reuse_;
    std::optional<Stopped> stopped_;
    std::optional<CheckpointOut> checkpoint_; // In that mode.
    Marks marks_;
    std::optional<std::int64_t> connections_;
    std::optional<std::int64_t> saved_in_, restored_in_; // Microseconds that all sockets took.
    bool touched_ = false;                               // The gate is not open any more.
    bool given_ = false;                                 // The program was asked to give.
    bool committed_ = false;
    bool given_back_ = false;
};

Result<void> MoveOut::find()
{
    init_ = folder_.init();
    if (!init_)
        return Error{Errc::not_found, "service " + job_.name + " does not run here"};
    if (auto noted = folder_.be_mover(); !noted)
        return noted;
    auto definition = decode(folder_.read("definition"));
    if (!definition)
        return definition.error();
    if (job_.hello.mode == "checkpoint") {
        if (auto able = check_engine(); !able)
            return able;
        std::error_code code;
        if (std::filesystem::file_size(folder_.file("log"), code) > log_max && !code)
            return Error{Errc::invalid, "its log, " + folder_.file("log") +
                                            ", is larger than 16 MB, and would be sent while it "
                                            "stands still: truncate it"};
        checkpoint_.emplace(folder_, init_->pid,
                            [this](const Progress& progress) { tell_progress(progress); });
    }
    if (definition->checkpoint)
        return {}; // No way leads from its mounts to the agent's door.
    const bool kept = static_cast<bool>(open_door(folder_));
    if (!kept)
        if (auto again = keep_on(job_.rundir, *definition, folder_); !again)
            return again;
    auto program = greet_program(folder_, kept ? milliseconds{0} : come_limit);
    if (!program)
        return program.error();
    program_ = std::move(*program);
    job_.hello.speaks = program_ && program_->hello().gives && program_->hello().takes;
    return {};
}

Result<void> MoveOut::greet()
{
    auto link =
        Link::connect(job_.address, job_.port, job_.credentials, job_.target, in(connect_limit));
    if (!link)
        return link.error();
    link_ = std::move(*link);
    if (auto sent = send(Message::hello, to_json(job_.hello)); !sent)
        return sent;
    auto ready = await(Message::ready, ready_limit);
    return ready ? Result<void>{} : ready.error();
}

/// The next message, which must be this one, or says why not.
Result<nlohmann::json> MoveOut::await(Message wanted, seconds limit)
{
    auto frame = link_->receive(in(limit));
    if (!frame)
        return frame.error();
    auto json = parse_payload(frame->payload);
    if (!json)
        return json;
    const auto type = static_cast<Message>(frame->type);
    given_back_ = type == Message::refused || type == Message::failed;
    if (given_back_)
        return Error{Errc::invalid, job_.target + ": " + json->value("why", "it does not say why")};
    if (type != wanted)
        return Error{Errc::damaged, job_.target + " says what is not to be said now (message " +
                                        std::to_string(frame->type) + ")"};
    return json;
}

/// S7: nothing is touched yet.
Result<void> MoveOut::look()
{
    const Descriptor net{open(folder_.file("net").c_str(), O_RDONLY | O_CLOEXEC)};
    if (!net || setns(net.get(), CLONE_NEWNET) != 0)
        return Error{Errc::io, folder_.file("net") + ": cannot be entered"};
    auto pids = processes_of(init_->pid);
    auto space = sockets::Space::open();
    auto holders = pids ? sockets::holders_of(*pids) : Result<sockets::Holders>{pids.error()};
    if (!space || !holders)
        return !space ? space.error() : holders.error();
    space_.emplace(std::move(*space));
    auto seen = sockets::survey(*holders);
    auto groups = sockets::multicast_groups();
    if (!seen || !groups)
        return !seen ? seen.error() : groups.error();
    const auto method =
        job_.hello.mode == "checkpoint" ? sockets::Method::checkpoint : sockets::Method::handoff;
    const auto refused = sockets::refusals(*seen, *holders, *groups, method);
    if (!refused.empty())
        return Error{Errc::invalid, refused.front().line};
    auto caught = catch_sockets(*pids);
    auto neighbours = sockets::known_neighbours(inner);
    if (!caught || !neighbours)
        return !caught ? caught.error() : neighbours.error();
    sockets_ = std::move(*caught);
    neighbours_ = std::move(*neighbours);
    reuse_ = reuse_list(sockets_);
    connections_ = std::count_if(sockets_.begin(), sockets_.end(),
                                 [](const Caught& socket) { return socket.connected; });
    talk_.say("progress", {{"figures", figures()}});
    return folder_.write("reuse", reuse_);
}

/// While memory goes ahead.
void MoveOut::tell_progress(const Progress& progress)
{
    talk_.say("progress", {{"figures",
                            {{"connections", connections_.value_or(0)},
                             {"round", progress.round},
                             {"bytes", progress.bytes},
                             {"rate", progress.rate},
                             {"left_ms", progress.left.count()}}}});
}

Result<void> MoveOut::send_ahead()
{
    if (!checkpoint_)
        return {};
    // This takes long, and a copy here would keep open what the service closes meanwhile.
    sockets_.clear();
    auto sent = [this](std::uint32_t round) -> Result<void> {
        if (auto told = send(Message::round, {{"round", round}}); !told)
            return told;
        auto ready = await(Message::ready, ready_limit);
        return ready ? Result<void>{} : ready.error();
    };
    if (auto ahead = checkpoint_->send_ahead(
            *link_, sent, [this](const std::string& text) { step("round", text); });
        !ahead)
        return ahead;
    return look();
}

Result<void> MoveOut::flush()
{
    step("flush", "its peers stop sending");
    marks_.note("flush");
    touched_ = true;
    std::vector<int> fds;
    for (const Caught& socket : sockets_)
        if (socket.connected)
            fds.push_back(socket.fd.get());
    auto flushed = sockets::run_flush(*space_, fds, {});
    if (!flushed)
        return flushed.error();
    marks_.note("flushed");
    if (flushed->last.orphaned) // No descriptor leads to them: they cannot be saved.
        return Error{Errc::unavailable,
                     std::to_string(flushed->last.orphaned) +
                         " bytes are still to be sent on connections that the service has closed: "
                         "try again when they are sent"};
    if (flushed->step == sockets::FlushStep::capped)
        step("flush", "not empty, and goes on all the same: " + flushed->why);
    return {};
}

/// The processes stand still, the switch holds what comes, and nothing more passes.
Result<void> MoveOut::hold_still()
{
    if (job_.hello.speaks) {
        if (auto given = take_given(); !given)
            return given;
    }
    auto stopped = stop(init_->pid, checkpoint_.has_value());
    if (!stopped)
        return stopped.error();
    stopped_ = std::move(*stopped);
    marks_.note("frozen");
    step("stopped", "it stands still");
    if (!job_.hello.speaks) { // It may have accepted some, and closed some, since look().
        sockets_.clear();     // Two descriptors of each may be more than one process can have.
        auto pids = processes_of(init_->pid);
        auto caught = pids ? catch_sockets(*pids) : Result<std::vector<Caught>>{pids.error()};
        if (!caught)
            return caught.error();
        sockets_ = std::move(*caught);
        reuse_ = reuse_list(sockets_);
        if (auto noted = folder_.write("reuse", reuse_); !noted)
            return noted;
    }
    if (checkpoint_)
        checkpoint_->begin_rest();
    if (auto turned = talk_.ask("turn", {}, ask_limit); !turned)
        return turned.error();
    return sockets::set_gate(sockets::Gate::shut);
}

/// What the program itself gives, instead of what was caught.
Result<void> MoveOut::take_given()
{
    given_ = true;
    if (auto noted = folder_.write("given", "1\n"); !noted)
        return noted;
    sockets_.clear(); // The same are given: this process is to have 10,000 of them once.
    auto given = program_->give(in(give_limit));
    if (!given)
        return given.error();
    std::vector<Caught> named;
    for (handoff::Socket& socket : *given) {
        Caught caught;
        caught.name = socket.name;
        caught.state = std::move(socket.state);
        caught.fd = std::move(socket.fd);
        if (auto told = tell_kind(caught); !told)
            return told;
        named.push_back(std::move(caught));
    }
    sockets_ = std::move(named);
    return {};
}

/// Connections that wait to be accepted have the listener's name (S4).
Result<void> MoveOut::take_waiting()
{
    const std::size_t n = sockets_.size();
    for (std::size_t i = 0; i < n; ++i) {
        if (!sockets_[i].listens)
            continue;
        auto waiting = sockets::take_backlog(sockets_[i].fd.get());
        if (!waiting)
            return waiting.error();
        for (Descriptor& fd : *waiting) {
            Caught caught;
            caught.name = sockets_[i].name;
            caught.fd = std::move(fd);
            if (auto told = tell_kind(caught); !told)
                return told;
            sockets_.push_back(std::move(caught));
        }
    }
    return {};
}

/// They are made again where CRIU puts sockets.  A connection that waits to be accepted has no
/// place.
Result<void> MoveOut::name_places()
{
    for (Caught& socket : sockets_) {
        const auto inner = inner_number(socket.holder.pid);
        if (!inner)
            return Error{Errc::unavailable, "a process of the service has ended just now"};
        if (auto told = tell_kind(socket); !told)
            return told;
        if (socket.waiting)
            return Error{Errc::unavailable,
                         socket.holder.program + " has not accepted " +
                             std::to_string(socket.waiting) +
                             " connections that wait: try again when it takes them, or give --mode "
                             "handoff"};
        socket.name = text(Held{*inner, socket.holder.fd});
    }
    return {};
}

Result<void> MoveOut::save_and_send()
{
    if (auto named = checkpoint_ ? name_places() : take_waiting(); !named)
        return named;
    std::vector<MovedSocket> moved;
    const auto begun = std::chrono::steady_clock::now();
    for (const Caught& socket : sockets_) {
        auto image = sockets::save(*space_, socket.fd.get());
        if (!image)
            return image.error();
        const std::string bytes = sockets::encode(*image);
        moved.push_back({socket.name, {bytes.begin(), bytes.end()}, socket.state});
    }
    saved_in_ = std::chrono::duration_cast<std::chrono::microseconds>(
                    std::chrono::steady_clock::now() - begun)
                    .count();
    marks_.note("saved");
    if (auto sent = send_sockets(moved); !sent)
        return sent;
    if (checkpoint_) {
        auto sent =
            checkpoint_->end_rest([this](const std::string& text) { step("dumped", text); });
        marks_.note("dumped");
        if (sent)
            sent = checkpoint_->send_rest(*link_);
        if (!sent)
            return sent;
    }
    marks_.note("copied");
    step("saved", std::to_string(moved.size()) + " sockets are on their way");
    std::vector<int> stood;
    for (const pid_t pid : stopped_->others)
        if (const auto inner = inner_number(pid))
            stood.push_back(*inner);
    if (auto sent = send(
            Message::restore,
            {{"sockets", moved.size()}, {"stood", stood}, {"neighbours", to_json(neighbours_)}});
        !sent)
        return sent;
    auto restored = await(Message::restored, checkpoint_ ? bring_back_limit : restore_limit);
    if (!restored)
        return restored.error();
    restored_in_ = restored->at("restore_us");
    return {};
}

Result<void> MoveOut::send_sockets(const std::vector<MovedSocket>& moved)
{
    constexpr std::size_t most = 32 << 20; // A frame holds twice that; one socket's is less.
    for (std::size_t i = 0; i < moved.size();) {
        std::size_t n = 0, size = 0;
        do
            size += moved[i + n].image.size() + moved[i + n].state.size();
        while (++n < moved.size() - i && size < most);
        const auto part = std::span{moved}.subspan(i, n);
        i += n;
        if (auto sent = link_->send(static_cast<std::uint8_t>(Message::sockets), encode(part),
                                    in(restore_limit));
            !sent)
            return sent;
    }
    return {};
}

Result<void> MoveOut::commit()
{
    if (auto stored = talk_.ask("commit", {}, ask_limit); !stored)
        return stored.error();
    committed_ = true;
    if (auto sent = send(Message::commit, nlohmann::json::object()); !sent)
        return sent;
    auto live = await(Message::live, live_limit);
    return live ? Result<void>{} : live.error();
}

/// Of a program that has not given them: its peers wait to hear that it goes on.
void MoveOut::catch_again()
{
    auto pids = processes_of(init_->pid);
    auto caught = pids ? catch_sockets(*pids) : Result<std::vector<Caught>>{pids.error()};
    if (caught)
        sockets_ = std::move(*caught);
    else
        std::fprintf(stderr, "service %s: its peers are not told that it goes on: %s\n",
                     job_.name.c_str(), caught.error().message.c_str());
}

void MoveOut::undo(const std::string& why)
{
    if (link_) // If it is not heard, it finds out by the end of the connection.
        static_cast<void>(send(Message::failed, {{"why", why}}));
    link_.reset();
    if (!touched_)
        return;
    if (checkpoint_)
        checkpoint_->await_rest(); // Its code is inside the processes until then.
    if (auto opened = sockets::set_gate(sockets::Gate::open); !opened)
        std::fprintf(stderr, "service %s: %s\n", job_.name.c_str(), opened.error().message.c_str());
    if (sockets_.empty())
        catch_again();
    if (auto done = go_on_all(*space_, sockets_, reuse_); !done)
        std::fprintf(stderr, "service %s: %s\n", job_.name.c_str(), done.error().message.c_str());
    if (stopped_)
        let_go(*stopped_);
    if (stopped_ && checkpoint_)
        if (folder_.init() == init_)
            kill(init_->pid, SIGCONT); // CRIU has stopped it, too.
    sockets_.clear();                  // A copy here would keep open what the program closes.
    if (given_) {
        if (auto kept = program_->keep(in(give_limit)); !kept)
            std::fprintf(stderr, "service %s: %s\n", job_.name.c_str(),
                         kept.error().message.c_str());
        else
            unlink(folder_.file("given").c_str());
    }
    if (auto removed = sockets::remove_gate(); !removed)
        std::fprintf(stderr, "service %s: %s\n", job_.name.c_str(),
                     removed.error().message.c_str());
}

void MoveOut::discard()
{
    // In repair mode close() says nothing; the lock is there until the namespace goes.
    sockets_.clear();
}

} // namespace

int move_out(Talk& talk)
{
    auto line = talk.hear(ask_limit);
    auto job = line ? job_of(*line) : Result<Job>{line.error()};
    if (!job) {
        talk.say("failed", {{"why", job.error().message}});
        return 1;
    }
    MoveOut move{talk, std::move(*job)};
    const auto done = move.run();
    // Not while it stood still.  Figures again: the first time the row may not have been there yet.
    talk.say("marks", {{"times", move.marks().times()}, {"figures", move.figures()}});
    if (done) {
        move.discard();
        talk.say("live");
        return 0;
    }
    // Once committed only the target's word counts: hookd asks it.
    if (!move.committed() || move.given_back()) {
        move.undo(done.error().message);
        talk.say("failed", {{"why", done.error().message}});
    }
    return 1;
}

int move_ask(Talk& talk)
{
    auto line = talk.hear(ask_limit);
    auto job = line ? job_of(*line) : Result<Job>{line.error()};
    auto link = job ? Link::connect(job->address, job->port, job->credentials, job->target,
                                    in(connect_limit))
                    : Result<Link>{job.error()};
    Result<void> sent = link ? link->send(static_cast<std::uint8_t>(Message::outcome),
                                          payload_of({{"move", job->hello.move}}), in(ask_limit))
                             : Result<void>{link.error()};
    auto frame = sent ? link->receive(in(ready_limit)) : Result<Frame>{sent.error()};
    auto answer = frame ? parse_payload(frame->payload) : Result<nlohmann::json>{frame.error()};
    if (!answer) {
        talk.say("unknown", {{"why", answer.error().message}});
        return 1;
    }
    const bool live = answer->value("outcome", "") == "live";
    talk.say(live ? "live" : "failed", {{"why", "it never came to live there"}});
    return 0;
}

} // namespace holdfast::service
