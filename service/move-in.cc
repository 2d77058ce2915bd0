// SPDX-License-Identifier: Apache-2.0
//
// service/move-in: the target's side of a service's move, see move.h and doc/service-move.md.
#include <config.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "common/text.h"
#include "env/run-message.h"
#include "env/run-server.h"
#include "service/caught.h"
#include "service/checkpoint.h"
#include "service/handoff-door.h"
#include "service/image-files.h"
#include "service/keep.h"
#include "service/link.h"
#include "service/marks.h"
#include "service/message.h"
#include "service/move.h"
#include "service/processes.h"
#include "service/space.h"
#include "sockets/arrival.h"
#include "sockets/guard.h"
#include "sockets/restore.h"

namespace holdfast::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds ask_limit{10'000};
constexpr milliseconds plug_limit{20'000};
constexpr milliseconds activate_limit{3'000}; // The service lives here, and stands still meanwhile.
constexpr seconds accept_limit{10};
constexpr seconds start_limit{30}; // A program that takes sockets over says so by then.
constexpr seconds next_limit{660}; // Home's next message: CRIU there has ten minutes.
constexpr seconds take_limit{30};
constexpr seconds arrival_limit{1}; // A peer that says nothing for so long has nothing to say.

Deadline in(std::chrono::milliseconds time)
{
    return std::chrono::steady_clock::now() + time;
}

/// What hookd told.
struct Job {
    std::string rundir;
    Credentials credentials;
    std::vector<std::string> members;
};

Result<Job> job_of(const nlohmann::json& json)
try {
    const auto& files = json.at("credentials");
    return Job{json.at("rundir"),
               {files.at("ca_certificate"), files.at("certificate"), files.at("private_key")},
               json.at("members")};
} catch (const nlohmann::json::exception& wrong) {
    return Error{Errc::damaged, std::string{"the order to receive: "} + wrong.what()};
}

/// One move.
class MoveIn {
public:
    MoveIn(Talk& talk, Job job, Link link, Hello hello)
        : talk_{talk}, job_{std::move(job)}, link_{std::move(link)}, hello_{std::move(hello)},
          folder_{job_.rundir, hello_.name}
    {
    }

    /// Errors: nothing of the service is left here, unless live().
    Result<void> run()
    try {
        for (auto step :
             {&MoveIn::welcome, &MoveIn::make_room, &MoveIn::start_program, &MoveIn::say_ready,
              &MoveIn::receive, &MoveIn::restore, &MoveIn::await_commit, &MoveIn::go_live})
            if (auto done = (this->*step)(); !done)
                return done;
        return {};
    } catch (const nlohmann::json::exception& wrong) {
        return Error{Errc::damaged,
                     hello_.home + " says what is of the wrong shape: " + wrong.what()};
    }
    bool live() const { return live_; }
    /// Takes away what was made, without a word to the peers.
    void discard(const std::string& why);

private:
    Result<void> welcome();
    Result<void> make_room();
    Result<void> enter(const Descriptor& space);
    Result<void> start_program();
    Result<void> say_ready();
    Result<void> receive();
    Result<void> restore();
    Result<void> await_commit();
    Result<void> go_live();
    Result<void> restore_some(bool listeners);
    using SocketStep = Result<void> (*)(sockets::Space&, int, const sockets::SocketImage&);
    void each_socket(SocketStep step);
    void tell_arrival();
    Result<void> give_to_program();
    Result<void> start_with_sockets();
    Result<void> take_round(const Frame& frame);
    Result<void> bring_back();
    bool by_checkpoint() const { return hello_.mode == "checkpoint"; }
    Result<void> send(Message type, const nlohmann::json& json)
    {
        return link_.send(static_cast<std::uint8_t>(type), payload_of(json), in(ask_limit));
    }

    /// A socket that was restored.
    struct Restored {
        std::string name;
        sockets::SocketImage image;
        std::vector<std::uint8_t> state;
        Descriptor fd;
    };

    Talk& talk_;
    Job job_;
    Link link_;
    Hello hello_;
    Folder folder_;
    Definition definition_;
    bool made_ = false; // There is something to take away.
    bool live_ = false;
    Descriptor inside_, outside_; // Network namespaces.
    int init_ = 0;                // The service's first process here; 0 if there is none yet.
    std::optional<handoff::Service> program_;
    std::optional<ReadyKeeper> keeper_;
    std::vector<Restored> sockets_; // In the order of home's.
    std::uint32_t round_ = 0;       // The last of which files came.
    std::set<int> stood_;           // Processes that stood by their own will, by inner number.
    std::vector<sockets::Neighbour> neighbours_; // Whom the service's kernel knew at home.
    std::optional<sockets::Space> space_;
    sockets::Arrival arrival_;
    Marks marks_;
};

Result<void> MoveIn::welcome()
{
    if (hello_.home != link_.peer_name())
        return Error{Errc::invalid, "it says that it is " + hello_.home +
                                        ", and its certificate that it is " + link_.peer_name()};
    auto answer =
        talk_.ask("welcome", {{"peer", link_.peer_name()}, {"hello", to_json(hello_)}}, ask_limit);
    if (!answer)
        return answer.error();
    auto definition = decode(answer->value("definition", ""));
    if (!definition)
        return definition.error();
    if (hello_.mode != "checkpoint" && hello_.mode != "handoff")
        return Error{Errc::damaged, "there is no mode " + one_line(hello_.mode, 20)};
    if (by_checkpoint() && !definition->checkpoint)
        return Error{Errc::invalid, "it was not run with --mode checkpoint"};
    if (by_checkpoint())
        if (auto able = check_engine(); !able)
            return able;
    definition_ = std::move(*definition);
    return {};
}

Result<void> MoveIn::make_room()
{
    made_ = true;
    if (auto made = folder_.make(); !made)
        return made;
    remove_images(folder_); // Of a move that was cut off.
    unlink(folder_.file("lived").c_str());
    if (auto noted = folder_.be_mover(); !noted)
        return noted;
    if (auto noted = folder_.write("definition", encode(definition_) + "\n"); !noted)
        return noted;
    if (auto made = make_network(definition_, folder_); !made)
        return made;
    inside_ = Descriptor{open(folder_.file("net").c_str(), O_RDONLY | O_CLOEXEC)};
    outside_ = Descriptor{open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (auto entered = enter(inside_); !entered)
        return entered;
    // Before the port is in the bridge: until it is opened, the lock says that nothing lives here.
    if (auto shut = sockets::set_gate(sockets::Gate::shut); !shut)
        return shut;
    auto space = sockets::Space::open();
    if (!space)
        return space.error();
    space_.emplace(std::move(*space));
    if (auto left = enter(outside_); !left)
        return left;
    auto plugged = talk_.ask("plug", {}, plug_limit);
    return plugged ? Result<void>{} : plugged.error();
}

/// The keeper must not be made inside: it takes the namespace away at the end.
Result<void> MoveIn::enter(const Descriptor& space)
{
    if (!space || setns(space.get(), CLONE_NEWNET) != 0)
        return Error{Errc::io,
                     std::string{"entering a network namespace: "} + std::strerror(errno)};
    return {};
}

/// Ahead of the pause: a program that takes its sockets is started without any, and a keeper of
/// processes that come is ready for them.
Result<void> MoveIn::start_program()
{
    if (by_checkpoint()) {
        auto keeper = keep_ready(job_.rundir, definition_, folder_);
        if (!keeper)
            return keeper.error();
        keeper_ = std::move(*keeper);
    }
    if (!hello_.speaks)
        return {};
    auto init = keep(job_.rundir, definition_, folder_, {}, false, true);
    if (!init)
        return init.error();
    init_ = *init;
    auto door = open_door(folder_);
    auto program = door ? door->accept(in(start_limit)) : Result<handoff::Service>{door.error()};
    if (!program)
        return program.error();
    if (!program->hello().takes)
        return Error{Errc::invalid, "the program here, " + program->hello().program +
                                        ", cannot take over sockets: is it the same version?"};
    program_ = std::move(*program);
    return {};
}

Result<void> MoveIn::say_ready()
{
    return send(Message::ready, nlohmann::json::object());
}

/// Until home has sent everything.
Result<void> MoveIn::receive()
{
    ImageWriter writer{folder_};
    for (;;) {
        auto frame = link_.receive(in(next_limit));
        if (!frame)
            return frame.error();
        switch (static_cast<Message>(frame->type)) {
        case Message::sockets: {
            auto moved = decode_sockets(frame->payload);
            if (!moved)
                return moved.error();
            for (MovedSocket& socket : *moved) {
                auto image = sockets::decode(
                    {reinterpret_cast<const char*>(socket.image.data()), socket.image.size()});
                if (!image)
                    return image.error();
                sockets_.push_back(
                    {std::move(socket.name), std::move(*image), std::move(socket.state), {}});
            }
            break;
        }
        case Message::file: {
            auto part = decode_part(frame->payload);
            if (!by_checkpoint())
                return Error{Errc::damaged, "files are not to be sent in mode " + hello_.mode};
            auto taken = part ? writer.take(*part) : Result<void>{part.error()};
            if (!taken)
                return taken;
            round_ = part->round;
            break;
        }
        case Message::round:
            if (auto taken = take_round(*frame); !taken)
                return taken;
            break;
        case Message::restore: {
            auto json = parse_payload(frame->payload);
            if (!json)
                return json.error();
            stood_ = json->value("stood", std::set<int>{});
            neighbours_ = neighbours_of(json->value("neighbours", nlohmann::json::array()));
            return {};
        }
        case Message::failed: {
            auto json = parse_payload(frame->payload);
            return Error{Errc::unavailable,
                         hello_.home + " gave it up: " + (json ? json->value("why", "") : "")};
        }
        default:
            return Error{Errc::damaged,
                         "message " + std::to_string(frame->type) + " is not to be sent now"};
        }
    }
}

/// A round is here whole.
Result<void> MoveIn::take_round(const Frame& frame)
{
    auto json = parse_payload(frame.payload);
    if (!json)
        return json.error();
    if (json->value("round", 1) == 0) // What home's processor can do.
        if (auto same = check_processor(round_folder(folder_, 0)); !same)
            return same;
    return send(Message::ready, nlohmann::json::object());
}

/// The processes, and in them the sockets' places.
Result<void> MoveIn::bring_back()
{
    auto init = keeper_->bring_back(round_);
    if (!init)
        return init.error();
    init_ = *init;
    auto pids = processes_of(init_);
    if (!pids)
        return pids.error();
    std::map<int, pid_t> by_inner;
    for (const pid_t pid : *pids)
        if (const auto inner = inner_number(pid))
            by_inner[*inner] = pid;
    for (Restored& socket : sockets_) {
        auto held = parse_held(socket.name);
        if (!held)
            return held.error();
        auto place = sockets::take({by_inner[held->process], held->fd, {}});
        if (!place)
            return place.error();
        socket.fd = std::move(*place);
    }
    return {};
}

Result<void> MoveIn::restore_some(bool listeners)
{
    for (Restored& socket : sockets_) {
        if ((socket.image.kind == sockets::Kind::listener) != listeners)
            continue;
        if (by_checkpoint()) {
            if (auto done = sockets::restore_into(*space_, socket.fd.get(), socket.image); !done)
                return done;
            continue;
        }
        auto fd = sockets::restore(*space_, socket.image);
        if (!fd)
            return fd.error();
        socket.fd = std::move(*fd);
    }
    return {};
}

/// Listeners first: the others inherit their ports (S4).
Result<void> MoveIn::restore()
{
    if (by_checkpoint())
        if (auto back = bring_back(); !back)
            return back;
    const auto begun = std::chrono::steady_clock::now();
    if (auto entered = enter(inside_); !entered)
        return entered;
    // Without them it asks for each anew, which takes a moment longer.
    if (auto known = sockets::make_known(inner, neighbours_); !known)
        std::fprintf(stderr, "service %s: its neighbours are not known here: %s\n",
                     hello_.name.c_str(), known.error().message.c_str());
    for (const bool listeners : {true, false})
        if (auto done = restore_some(listeners); !done)
            return done;
    const auto took = std::chrono::steady_clock::now() - begun;
    if (auto left = enter(outside_); !left)
        return left;
    auto given = by_checkpoint() ? Result<void>{}
                 : program_      ? give_to_program()
                                 : start_with_sockets();
    if (!given)
        return given;
    marks_.note("restored");
    return send(
        Message::restored,
        {{"sockets", sockets_.size()},
         {"restore_us", std::chrono::duration_cast<std::chrono::microseconds>(took).count()}});
}

Result<void> MoveIn::give_to_program()
{
    // Lent, and not copied: this process is to have 10,000 of them once.
    std::vector<handoff::Socket> given;
    for (Restored& socket : sockets_)
        given.push_back({socket.name, std::move(socket.state), std::move(socket.fd)});
    auto taken = program_->take(given, in(take_limit));
    for (std::size_t i = 0; i < given.size(); ++i)
        sockets_[i].fd = std::move(given[i].fd);
    return taken;
}

Result<void> MoveIn::await_commit()
{
    auto frame = link_.receive(in(next_limit));
    if (!frame)
        return frame.error();
    if (static_cast<Message>(frame->type) != Message::commit) {
        auto json = parse_payload(frame->payload);
        return Error{Errc::unavailable,
                     hello_.home + " gave it up: " + (json ? json->value("why", "") : "")};
    }
    auto stored = talk_.ask("commit", {}, ask_limit);
    return stored ? Result<void>{} : stored.error();
}

/// One that its peer has reset says so here; the program finds out as it would have at home.
void MoveIn::each_socket(SocketStep step)
{
    for (const Restored& socket : sockets_)
        if (auto done = step(*space_, socket.fd.get(), socket.image); !done)
            std::fprintf(stderr, "service %s: %s\n", hello_.name.c_str(),
                         done.error().message.c_str());
}

/// The gate's opening is the one step that cannot be taken back.  Whatever ends this process after
/// it, go_on() does the rest: the kernel has all of each stream by then.
Result<void> MoveIn::go_live()
{
    if (program_)
        if (auto noted = folder_.write("agreed", "1\n"); !noted)
            return noted;
    if (auto entered = enter(inside_); !entered)
        return entered;
    each_socket(sockets::release);
    // For as long as its folder is there: if it ends soon, nobody takes that for a move that
    // failed.
    if (auto noted = folder_.write("lived", "1\n"); !noted)
        return noted;
    if (auto opened = sockets::set_gate(sockets::Gate::open); !opened) {
        unlink(folder_.file("lived").c_str());
        return opened;
    }
    live_ = true;
    // Until it is told, the switch drops what leaves the port: the peers would not hear.
    if (auto told = talk_.ask("activate", {}, activate_limit); !told)
        std::fprintf(stderr, "service %s: its port may not be open yet: %s\n", hello_.name.c_str(),
                     told.error().message.c_str());
    each_socket(sockets::go_live);
    auto gone = program_ ? program_->go(in(take_limit)) : let_all_go(init_, stood_);
    for (const Restored& socket : sockets_)
        arrival_.expect(socket.image);
    sockets_.clear(); // The program has them, and alone decides when they are closed.
    if (!gone)
        return gone; // hookd finds the gate open, and has go-on do it.
    unlink(folder_.file("agreed").c_str());
    talk_.say("live", {{"pid", init_}, {"trouble", ""}, {"time_ns", now_ns()}});
    if (auto sent = send(Message::live, nlohmann::json::object()); !sent)
        std::fprintf(stderr, "service %s: it lives here, and %s could not be told (%s): it asks\n",
                     hello_.name.c_str(), hello_.home.c_str(), sent.error().message.c_str());
    tell_arrival(); // By when it is looked for: first.
    if (auto removed = sockets::remove_gate(); !removed)
        std::fprintf(stderr, "service %s: %s\n", hello_.name.c_str(),
                     removed.error().message.c_str());
    remove_images(folder_);
    return {};
}

/// The pause has ended for a peer when it is heard.
void MoveIn::tell_arrival()
{
    auto heard = arrival_.wait(in(arrival_limit));
    if (heard && *heard)
        marks_.note("first_byte");
    else if (!heard)
        std::fprintf(stderr, "service %s: its peers' first byte is not seen: %s\n",
                     hello_.name.c_str(), heard.error().message.c_str());
    talk_.say("marks", {{"times", marks_.times()}});
}

/// The program stands still, as its sockets do, until it is let go.
Result<void> MoveIn::start_with_sockets()
{
    std::vector<Passed> passed;
    for (const Restored& socket : sockets_)
        passed.push_back({socket.fd.get(), socket.name});
    auto init = keep(job_.rundir, definition_, folder_, passed, true);
    if (!init)
        return init.error();
    init_ = *init;
    return {};
}

void MoveIn::discard(const std::string& why)
{
    if (const auto init = made_ ? folder_.init() : std::nullopt)
        kill(init->pid, SIGKILL); // Behind the lock: its sockets close in repair mode, or unheard.
    sockets_.clear();
    // hookd takes away the rest.
    static_cast<void>(send(made_ ? Message::failed : Message::refused, {{"why", why}}));
}

/// Home asks what became of a move.
int answer(Talk& talk, Link& link, const Frame& frame)
{
    auto question = parse_payload(frame.payload);
    auto outcome =
        question ? talk.ask("outcome",
                            {{"peer", link.peer_name()}, {"move", question->value("move", "")}},
                            ask_limit)
                 : question;
    if (!outcome)
        return 1; // Home asks again.
    auto sent =
        link.send(static_cast<std::uint8_t>(Message::answer), payload_of(*outcome), in(ask_limit));
    return sent ? 0 : 1;
}

int fail(Talk& talk, const std::string& why)
{
    talk.say("failed", {{"why", why}});
    return 1;
}

/// Another hypervisor has a command run in a user's container here.
int run_command(Talk& talk, Link& link, const Frame& begin)
{
    const auto may = [&talk](const std::string& user) -> Result<void> {
        auto allowed = talk.ask("run", {{"user", user}}, ask_limit);
        return allowed ? Result<void>{} : allowed.error();
    };
    auto done = env::serve_run(link, begin, may);
    return done ? 0 : fail(talk, done.error().message);
}

} // namespace

int move_in(Talk& talk, int tcp)
{
    Descriptor connection{tcp};
    auto line = talk.hear(ask_limit);
    auto job = line ? job_of(*line) : Result<Job>{line.error()};
    if (!job)
        return fail(talk, job.error().message);
    auto link =
        Link::accept(std::move(connection), job->credentials, job->members, in(accept_limit));
    if (!link)
        return fail(talk, link.error().message);
    auto frame = link->receive(in(ask_limit));
    if (!frame)
        return fail(talk, frame.error().message);
    if (static_cast<Message>(frame->type) == Message::outcome)
        return answer(talk, *link, *frame);
    if (static_cast<env::RunMessage>(frame->type) == env::RunMessage::begin)
        return run_command(talk, *link, *frame);
    auto json = parse_payload(frame->payload);
    auto hello = json ? hello_of(*json) : Result<Hello>{json.error()};
    if (!hello) {
        static_cast<void>(link->send(static_cast<std::uint8_t>(Message::refused),
                                     payload_of({{"why", hello.error().message}}), in(ask_limit)));
        return fail(talk, hello.error().message);
    }
    MoveIn move{talk, std::move(*job), std::move(*link), std::move(*hello)};
    const auto done = move.run();
    if (done)
        return 0;
    if (!move.live())
        move.discard(done.error().message);
    return fail(talk, done.error().message);
}

} // namespace holdfast::service
