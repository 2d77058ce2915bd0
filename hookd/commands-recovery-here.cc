// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-recovery-here: what a recovery that another hypervisor carries out, or this one,
// asks of this one: whether a VM is gone, and to start one (spec recovery.md, R9).
//
// Who asks may have given up, and another have begun anew, while libvirt is still at it.  So a VM
// is started with its guest standing still, and goes on only by the row as the fleet's database has
// it then.
#include <config.h>

#include "hookd/commands.h"

#include <boost/asio/co_spawn.hpp>

#include "common/text.h"
#include "hookd/await.h"
#include "hookd/domain-control.h"
#include "hookd/recovery-orders.h"

// See commands-balancer.cc.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace holdfast::hookd {
namespace {

namespace asio = boost::asio;

using Json = nlohmann::json;

} // namespace

/// Whether the VM does not run here nor is about to, for its recovery elsewhere; with `end` what
/// runs is ended.
void Commands::gone_here(const Json& arguments, Done done)
{
    const auto id = text_argument(arguments, "vm");
    if (!id) {
        done(id.error());
        return;
    }
    Asked asked = daemon_.asked_for(*id);
    asked.end = arguments.value("end", false);
    asked.former = arguments.value("former", false);
    asked.recovering = starting_.contains(*id);
    asked.well = daemon_.recovery_watch().is_well(*id, arguments.value("failure", ""));
    switch (answer_for(asked)) {
    case Answer::gone:
    case Answer::stays:
        done(Json{{"gone", answer_for(asked) == Answer::gone}});
        return;
    case Answer::unknown:
        done(Error{Errc::unavailable, "libvirt is not reached on " + world().self()});
        return;
    case Answer::end:
        end_here(*id, std::move(done));
    }
}

void Commands::end_here(const std::string& vm, Done done)
{
    note("vm-ended", world().name_of(vm) + " is ended, for it is recovered elsewhere");
    daemon_.recovery_watch().end(vm, [done](const Result<std::string>& ended) {
        if (ended)
            done(Json{{"gone", true}});
        else
            done(ended.error());
    });
}

/// A lost VM is started here.
void Commands::start_here(const Json& arguments, Done done)
{
    const StartOrder order{arguments.at("vm"), arguments.at("recovery"), arguments.at("attempt")};
    const std::string text = arguments.at("xml");
    const auto xml = parse_domain_xml(text);
    if (!xml || xml->uuid != order.vm) {
        done(Error{Errc::invalid, "the definition is not that of VM " + one_line(order.vm, 40)});
        return;
    }
    if (!starting_.insert(order.vm).second) {
        done(Error{Errc::unavailable, xml->name + " is being started here: try again later"});
        return;
    }
    asio::co_spawn(daemon_.io(), start_ordered(order, DomainPlace{{}, order.vm, xml->name}, text),
                   [this, order, done](const std::exception_ptr& failure, Result<void> started) {
                       if (failure)
                           std::rethrow_exception(failure);
                       starting_.erase(order.vm);
                       if (started)
                           done(Json::object());
                       else
                           done(started.error());
                   });
}

/// Its guest runs only between two looks at the row; what came up for an attempt that has ended is
/// ended.
Commands::Step Commands::start_ordered(StartOrder order, DomainPlace place, std::string xml)
{
    Result<void> wanted = co_await still_ordered(order);
    if (!wanted)
        co_return wanted;
    note("vm-started", place.name + " is started here, for it is recovered");
    place.uri = world().config.libvirt_uri;
    std::function<Result<std::string>()> start = [place, xml] {
        return start_domain(place.uri, xml);
    };
    const Result<void> started = co_await run_aside(start);
    if (!started)
        co_return started;
    wanted = co_await still_ordered(order);
    std::function<Result<std::string>()> resume = [place] { return resume_domain(place); };
    if (wanted)
        wanted = co_await run_aside(resume);
    if (wanted)
        wanted = co_await still_ordered(order);
    if (wanted)
        co_return wanted;
    note("vm-ended", place.name + " is ended: " + wanted.error().message);
    std::function<Result<std::string>()> end = [place] { return end_domain(place); };
    const Result<void> ended = co_await run_aside(end);
    co_return ended ? wanted : ended;
}

/// By the row here, and by that in the fleet's database now.
Commands::Step Commands::still_ordered(StartOrder order)
{
    const auto row = row_of_order(world().self(), order, world().ledger.recoveries());
    if (!row)
        co_return row.error();
    std::function<void(std::function<void(const Result<void>&)>)> look = [&](auto answer) {
        daemon_.fleet().confirm_recovery(*row, answer);
    };
    co_return co_await await_answer<Result<void>>(daemon_.io(), std::move(look));
}

/// On a thread where minutes do no harm.
Commands::Step Commands::run_aside(std::function<Result<std::string>()> work)
{
    std::function<void(std::function<void(const Result<std::string>&)>)> run = [&](auto answer) {
        daemon_.migrations().run(work, answer);
    };
    const Result<std::string> done =
        co_await await_answer<Result<std::string>>(daemon_.io(), std::move(run));
    if (!done)
        co_return done.error();
    co_return Result<void>{};
}

} // namespace holdfast::hookd
