// SPDX-License-Identifier: Apache-2.0
//
// hookd/trace-walk: see trace-walk.h.
#include <config.h>

#include "hookd/trace-walk.h"

#include <memory>

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

constexpr auto task_limit = std::chrono::seconds{10};
constexpr int most_steps = 64;

/// A walk under way.
class TraceWalk : public std::enable_shared_from_this<TraceWalk> {
public:
    TraceWalk(Commands& commands, Daemon& daemon, WalkOrder order,
              std::function<void(const Walked&)> done)
        : commands_{commands}, daemon_{daemon}, order_{std::move(order)}, done_{std::move(done)}
    {
    }

    void begin() { visit(order_.hypervisor, order_.where); }

private:
    /// `where`: "in_port=N", perhaps with tunnel fields, or "uplink", or "tunnel,...".
    void visit(const std::string& hypervisor, const std::string& where)
    {
        walked_.hypervisor = hypervisor;
        if (walked_.steps.size() >= most_steps) {
            lose("the packet goes round: more than " + std::to_string(most_steps) + " steps");
            return;
        }
        Json arguments{{"where", where}, {"packet", order_.packet}};
        auto take = [self = shared_from_this()](const Result<Json>& answer) { self->take(answer); };
        if (hypervisor == daemon_.world().self())
            commands_.do_task("trace-step", arguments, take);
        else
            daemon_.fleet().ask(hypervisor, "trace-step", arguments, task_limit, take);
    }

    void take(const Result<Json>& answer)
    {
        if (!answer) {
            lose(walked_.hypervisor + ": " + answer.error().message);
            return;
        }
        walked_.steps.push_back({walked_.hypervisor, vm_, answer->value("text", ""),
                                 answer->value("rules", std::vector<std::string>{})});
        vm_.clear();
        std::string tunnel = answer->value("tunnel", "");
        if (!tunnel.empty())
            go_through_tunnel(tunnel, answer->value("tun_id", 0));
        else
            leave(*answer);
    }

    void go_through_tunnel(const std::string& vtep, int tun_id)
    {
        for (const db::Hypervisor& row : daemon_.world().ledger.hypervisors()) {
            if (row.vtep == vtep) {
                visit(row.name, "tunnel,tun_id=" + std::to_string(tun_id));
                return;
            }
        }
        lose("sent to " + vtep + ", which is no hypervisor's tunnel address");
    }

    void leave(const Json& answer)
    {
        int out_port = answer.value("out_port", 0);
        const db::Vm* vm = vm_at(daemon_.world().ledger.vms(), walked_.hypervisor, out_port);
        if (vm && order_.is_hop(*vm)) {
            vm_ = vm->name;
            visit(walked_.hypervisor, "in_port=" + std::to_string(out_port));
            return;
        }
        walked_.out_port = out_port;
        walked_.lost = answer.value("dropped", false);
        walked_.result = answer.value("end", "");
        done_(walked_);
    }

    void lose(const std::string& why)
    {
        walked_.lost = true;
        walked_.result = why;
        done_(walked_);
    }

    Commands& commands_;
    Daemon& daemon_;
    WalkOrder order_;
    std::function<void(const Walked&)> done_;
    Walked walked_;
    std::string vm_; // The hop that it comes out of, empty if none.
};

} // namespace

void walk_frame(Commands& commands, Daemon& daemon, WalkOrder order,
                std::function<void(const Walked&)> done)
{
    std::make_shared<TraceWalk>(commands, daemon, std::move(order), std::move(done))->begin();
}

} // namespace holdfast::hookd
