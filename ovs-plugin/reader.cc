// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/reader: see the header.
#include "ovs-plugin/reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace holdfast::plugin {

namespace {

// How soon a change is seen whose writer died before saying so.
constexpr std::chrono::seconds poll_interval{1};
// Flows that are given to the main thread before the rest is parsed.
constexpr std::size_t puts_ahead = 1000;

std::int64_t inode_of(const std::string& path)
{
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? static_cast<std::int64_t>(info.st_ino) : 0;
}

} // namespace

Reader::Reader(std::string path) : path_{std::move(path)} {}

std::shared_ptr<const db::Snapshot> Reader::first_look()
{
    if (read_store())
        read_services();
    return snapshot_;
}

void Reader::start()
{
    hf_thread_start("holdfast", body, this);
}

void* Reader::body(void* self)
{
    static_cast<Reader*>(self)->loop();
    return nullptr;
}

void Reader::set_inputs(std::vector<Port> ports, Overrides overrides, std::set<std::uint64_t> ended,
                        std::uint64_t number)
{
    std::lock_guard lock{mutex_};
    ports_ = std::move(ports);
    overrides_ = std::move(overrides);
    ended_ = std::move(ended);
    inputs_ = number;
    inputs_changed_ = true;
    changed_.notify_one();
}

void Reader::request(std::uint64_t sync)
{
    std::lock_guard lock{mutex_};
    syncs_.push_back(sync);
    changed_.notify_one();
}

std::deque<Work> Reader::take()
{
    std::lock_guard lock{mutex_};
    return std::exchange(done_, {});
}

void Reader::loop()
{
    for (;;) {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, poll_interval,
                          [this] { return inputs_changed_ || !syncs_.empty(); });
        const bool inputs_changed = std::exchange(inputs_changed_, false);
        auto syncs = std::exchange(syncs_, {});
        lock.unlock();
        std::erase_if(lent_, [](const auto& one) { return one.use_count() == 1; });
        look(inputs_changed, std::move(syncs));
    }
}

void Reader::look(bool inputs_changed, std::vector<std::uint64_t> syncs)
{
    bool changed = read_store();
    changed |= end_leaving();
    const bool state_changed = store_state_ != last_state_;
    if (state_changed && store_state_ != "ok") // Missing is how every switch begins.
        hf_log(store_missing_ ? HF_DEBUG : HF_WARN, ("store: " + store_state_).c_str());
    last_state_ = store_state_;
    if (changed)
        read_services();
    if (changed || state_changed || inputs_changed || !syncs.empty())
        compile_and_post(std::move(syncs));
}

/// True if there is a newer snapshot.  What was read last stays when the store fails.
bool Reader::read_store()
{
    const auto inode = inode_of(path_);
    if (store_ && inode != inode_)
        store_.reset(); // Another file has this name now.
    if (!store_) {
        auto opened = db::Store::open_read_only(path_);
        if (!opened) {
            store_state_ = opened.error().message;
            store_missing_ = opened.error().code == Errc::not_found;
            return false;
        }
        store_.emplace(std::move(*opened));
        inode_ = inode;
        version_ = -1;
    }
    auto version = store_->version();
    if (version && *version == version_) {
        store_state_ = "ok";
        return false;
    }
    auto snapshot = version ? store_->snapshot() : Result<db::Snapshot>{version.error()};
    if (!snapshot) {
        store_state_ = snapshot.error().message;
        store_.reset();
        return false;
    }
    version_ = snapshot->version;
    const auto before =
        std::exchange(stored_, std::make_shared<const db::Snapshot>(std::move(*snapshot)));
    leaving_.look(before.get(), *stored_);
    snapshot_ = leaving_.with(stored_);
    store_state_ = "ok";
    return true;
}

/// Balancers and servers of which nobody holds a connection any more are gone.  True if there were
/// any.
bool Reader::end_leaving()
{
    std::unique_lock lock{mutex_};
    const auto ended = ended_;
    lock.unlock();
    if (!leaving_.end(ended))
        return false;
    snapshot_ = leaving_.with(stored_);
    return true;
}

/// What the built-in director has to do.
void Reader::read_services()
{
    directed_ = directed_of(*snapshot_, directed_);
}

std::vector<ReadyProbe> Reader::ready(const std::vector<HopProbe>& probes,
                                      std::vector<std::string>& problems) const
{
    std::vector<ReadyProbe> all;
    for (const auto& probe : probes) {
        std::uint8_t frame[256];
        const auto size = hf_frame_compose(probe.packet.c_str(), frame, sizeof frame);
        const auto catcher = std::lower_bound(
            intended_.begin(), intended_.end(), probe.catcher,
            [](const FlowPtr& have, const Flow& flow) { return have->flow.key() < flow.key(); });
        if (size == 0 || catcher == intended_.end() ||
            (*catcher)->flow.key() != probe.catcher.key())
            problems.push_back("probe " + probe.packet + ": it cannot be sent: give another");
        else
            all.push_back({probe, *catcher, {frame, frame + size}});
    }
    return all;
}

void Reader::compile_and_post(std::vector<std::uint64_t> syncs)
{
    Work work;
    work.syncs = std::move(syncs);
    work.store = store_state_;
    work.leaving = leaving_.keys();
    work.snapshot = snapshot_;
    if (snapshot_ && (lent_.empty() || lent_.back() != snapshot_))
        lent_.push_back(snapshot_);
    std::unique_lock lock{mutex_};
    const auto ports = ports_;
    const auto overrides = overrides_;
    work.inputs = inputs_;
    lock.unlock();

    FlowSet wanted;
    std::string bridge = bridge_;
    if (snapshot_) {
        wanted = compile(*snapshot_, ports, overrides);
        for (const auto& hypervisor : snapshot_->hypervisors)
            if (hypervisor.self)
                bridge = hypervisor.bridge;
    }
    if (bridge != bridge_)
        intended_.clear(); // The main thread takes the old bridge's flows away.
    bridge_ = bridge;

    set_intended(wanted, work);
    work.bridge = bridge_;
    work.probes = ready(wanted.probes, wanted.problems);
    work.guarded = std::move(wanted.guarded);
    if (snapshot_)
        work.origins = origins_of(*snapshot_, ports, directed_.get(), addresses_);
    addresses_ = work.origins.empty() ? nullptr : work.origins.front().all;
    work.directed = directed_;
    work.problems = std::move(wanted.problems);
    work.generation = ++generation_;

    post(std::move(work));
}

/// Puts what is new or different, removes what is not wanted any more.  Both lists are sorted by
/// key, so one pass finds that; it goes backwards, since later tables are put first, so that no
/// flow ever leads to one that is not there yet.
void Reader::set_intended(FlowSet& wanted, Work& work)
{
    std::vector<FlowPtr> next;
    next.reserve(wanted.flows.size());
    auto old = intended_.rbegin();
    for (auto flow = wanted.flows.rbegin(); flow != wanted.flows.rend(); ++flow) {
        while (old != intended_.rend() && flow->key() < (*old)->flow.key())
            work.removes.push_back(*old++);
        const bool known = old != intended_.rend() && (*old)->flow.key() == flow->key();
        if (known && (*old)->flow.actions == flow->actions) {
            next.push_back(*old++);
            continue;
        }
        hf_flow* parsed = nullptr;
        char* error = hf_flow_parse(flow->table, flow->priority, flow->match.c_str(),
                                    flow->actions.c_str(), &parsed);
        if (error) {
            wanted.problems.push_back(std::string{"flow refused: "} + error);
            std::free(error);
            continue;
        }
        old += known;
        next.push_back(std::make_shared<const ParsedFlow>(std::move(*flow), parsed));
        work.puts.push_back(next.back());
        if (work.puts.size() == puts_ahead)
            post_ahead(work);
    }
    work.removes.insert(work.removes.end(), old, intended_.rend());
    std::reverse(work.removes.begin(), work.removes.end());
    lent_.insert(lent_.begin(), work.removes.begin(), work.removes.end());
    std::reverse(next.begin(), next.end());
    intended_ = std::move(next);
}

/// The main thread puts what is ready while the rest is parsed.
void Reader::post_ahead(Work& work)
{
    Work ahead;
    ahead.ahead = true;
    ahead.bridge = bridge_;
    ahead.puts = std::exchange(work.puts, {});
    post(std::move(ahead));
}

void Reader::post(Work work)
{
    std::unique_lock lock{mutex_};
    done_.push_back(std::move(work));
    lock.unlock();
    hf_wake();
}

} // namespace holdfast::plugin
