// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/turn: see the header.
#include "ovs-plugin/turn.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <limits>
#include <utility>

namespace holdfast::plugin {

namespace {

// A paused QEMU reads the canary within a fraction of this, if it reads at all: its main
// loop is awake between the stop and the moment libvirt lets it go on.
constexpr std::int64_t settle_ms = 4;
// On a machine that is overloaded the main loop is late: then it is waited for, this long.
constexpr std::int64_t settle_late_ms = 40;
// How often the guest's count of frames is compared with ours while it is armed.
constexpr std::int64_t compare_ms = 10;
// What QEMU can lose of a stopped guest's frames: one purged at the stop, one kept since.
constexpr std::size_t lost_by_qemu_max = 2;
// More than the hypervisor itself says in some tens of milliseconds.
constexpr std::uint64_t strange_max = 16;
// A longer frame can take several of the guest's buffers.
constexpr std::size_t one_buffer = 1518;
// Copies kept for going back.  Past this the oldest go: 16384 frames are 1.6 s at 10 kpps.
constexpr std::size_t sent_max = 16384;
// The second byte before a tap's frame, gso_type (virtio 1.1, 5.1.6).
constexpr std::uint8_t no_gso = 0;
// What came before the guest announced itself at its new place has left the uplink's queue by then,
// also where the switch is late; QEMU, and the port with it, takes longer to end.
constexpr std::int64_t leave_ms = 50;
// The main loop takes 32 frames of each port at a turn: so many of its turns, too.
constexpr int leave_runs = 8;
// Frames read from a tap at one look; a tap's queue holds 1000 by default.
constexpr int take_max = 4096;

/// How many frames have left a tap, by its driver: those that the hypervisor itself has put in too
/// (a router solicitation), which pass no switch.  Read without the kernel's lock for links.
int open_counter(const std::string& interface)
{
    return open(("/sys/class/net/" + interface + "/statistics/tx_packets").c_str(),
                O_RDONLY | O_CLOEXEC);
}

} // namespace

SourceTurn::SourceTurn(std::string bridge, std::string interface, std::string mac,
                       std::uint32_t label, int tap, int qemu, bool led)
    : bridge_{std::move(bridge)}, mac_{std::move(mac)}, own_{mac_of(mac_)}, label_{label},
      tap_{tap}, qemu_{qemu}, led_{led}, watch_{hf_watch_open(bridge_.c_str(), interface.c_str())},
      pin_{hf_pin_open(bridge_.c_str(), interface.c_str(), mac_.c_str(), false)},
      counter_{open_counter(interface)}
{
    ifreq request{};
    // The number was looked up a moment ago: it must still be this port's tap, and not block.
    if (tap_ >= 0 && (ioctl(tap_, TUNGETIFF, &request) != 0 || interface != request.ifr_name ||
                      !(fcntl(tap_, F_GETFL) & O_NONBLOCK))) {
        hf_log(HF_WARN, (interface + ": the descriptor is not its tap: what lies in the tap at "
                                     "the guest's stop will be lost")
                            .c_str());
        close(tap_);
        tap_ = -1;
    }
    has_header_ = request.ifr_flags & IFF_VNET_HDR;
    many_queues_ = request.ifr_flags & IFF_MULTI_QUEUE;
    if (watch_)
        hf_watch_set_mode(watch_, HF_COPY);
}

SourceTurn::~SourceTurn()
{
    hf_watch_close(watch_);
    // An entry that leads to where the guest is not is of no use.
    hf_pin_close(pin_, (state_ == State::passing) != left_);
    for (const int descriptor : {tap_, counter_})
        if (descriptor >= 0)
            close(descriptor);
}

/// A frame for the guest itself, of an ethertype that no stack takes (IEEE 802 local
/// experimental): if it ever reaches the guest, the guest drops it.
Frame SourceTurn::canary() const
{
    Frame frame(60, 0);
    std::copy(own_.begin(), own_.end(), frame.begin());
    constexpr std::uint8_t rest[] = {0x02, 0x48, 0x46, 0, 0, 1, 0x88, 0xb5};
    std::copy(std::begin(rest), std::end(rest), frame.begin() + 6);
    return frame;
}

void SourceTurn::turn(const std::string& vtep, std::uint32_t tunnel_port, std::int64_t stop_ns,
                      std::int64_t now_ms)
{
    if (state_ != State::armed)
        return;
    hf_watch_set_mode(watch_, HF_HOLD);
    state_ = State::settling;
    vtep_ = vtep;
    tunnel_port_ = tunnel_port;
    stop_ns_ = stop_ns;
    turned_ms_ = now_ms;
    next_look_ms_ = now_ms + 1;
    if (tap_ < 0) {
        next_look_ms_ = now_ms;
        return;
    }
    if (!tap_holds()) // Else what is on its way into the tap is to get there first.
        begin_settling(now_ms);
}

void SourceTurn::begin_settling(std::int64_t now_ms)
{
    begun_ = true;
    turned_ms_ = now_ms;
    next_look_ms_ = now_ms + 1;
    take_from_tap();
    if (tap_holds())
        set_later_aside(taken_of_recent(recent(SIZE_MAX), taken_));
    if (finish_by_ring())
        return;
    const auto frame = canary();
    hf_watch_send(watch_, frame.data(), frame.size());
}

void SourceTurn::use_ring(std::uint64_t address)
{
    if (tap_ < 0 || many_queues_)
        return; // Which frames lie where is not known.
    ring_ = {qemu_, address};
    count_ = {};
    next_look_ms_ = 0;
}

std::vector<SentFrame> SourceTurn::recent(std::size_t n) const
{
    std::vector<SentFrame> frames;
    hf_watch_recent(
        watch_, n,
        [](const std::uint8_t* frame, std::size_t size, std::int64_t time_ns, void* aux) {
            static_cast<std::vector<SentFrame>*>(aux)->push_back(
                {Frame(frame, frame + size), time_ns});
        },
        &frames);
    return frames;
}

/// What a frame's taking by the guest's device depends on; nothing if every device takes it: for
/// its own MAC, or broadcast, without a VLAN's tag, which the device filters too, and of one
/// buffer.
std::optional<FrameKind> SourceTurn::kind_of(std::span<const std::uint8_t> frame) const
{
    constexpr std::size_t tagged_size = 16;
    const bool tagged = frame.size() >= tagged_size && frame[12] == 0x81 && frame[13] == 0;
    const auto to = frame.first(std::min(frame.size(), own_.size()));
    const bool plain = std::equal(to.begin(), to.end(), own_.begin(), own_.end()) ||
                       std::all_of(to.begin(), to.end(), [](auto byte) { return byte == 0xff; });
    if (plain && !tagged && frame.size() <= one_buffer)
        return std::nullopt;
    FrameKind kind{};
    std::copy(to.begin(), to.end(), kind.begin());
    if (tagged) {
        kind[6] = 0x10 | (frame[14] & 0x0f); // Identifier 0 is not the same as no tag.
        kind[7] = frame[15];
    }
    kind[8] = frame.size() > one_buffer;
    return kind;
}

/// Of all frames after the first `sent`.
FrameKinds SourceTurn::kinds_since(std::uint64_t sent) const
{
    struct Aux {
        const SourceTurn& turn;
        FrameKinds kinds;
    } aux{*this, {}};
    const auto n = hf_watch_sent(watch_) - sent;
    const auto shown = hf_watch_recent(
        watch_, n,
        [](const std::uint8_t* frame, std::size_t size, std::int64_t, void* to) {
            auto& found = *static_cast<Aux*>(to);
            if (const auto kind = found.turn.kind_of({frame, size}))
                found.kinds.others.insert(*kind);
        },
        &aux);
    aux.kinds.all_known = shown == n;
    return std::move(aux.kinds);
}

/// At a moment when nothing is on its way to the guest, its count must be ours.  QEMU's main loop
/// reads the tap: if that is empty, and the loop sleeps, all that was put in has been counted.
void SourceTurn::compare_counts(std::int64_t now_ms)
{
    next_look_ms_ = now_ms + compare_ms;
    if (!tap_is_empty())
        return;
    const auto before = counts_now();
    if (!tap_is_empty() || !qemu_waits())
        return;
    const auto kinds = kinds_since(count_.last().sent);
    const auto now = counts_now();
    if (before && now && before->sent == now->sent && before->strange == now->strange)
        count_.quiet(*now, kinds);
}

/// Nothing if one of them cannot be read.
std::optional<TapCounts> SourceTurn::counts_now() const
{
    const auto used = ring_.used();
    const auto sent = hf_watch_sent(watch_);
    // In the kernel's datapath what the hypervisor says is among what was sent.
    const auto left = hf_watch_holds(watch_) && counter_ >= 0 ? left_tap() : sent;
    if (!used || !left)
        return std::nullopt;
    // What lies in the tap has not left it: with such frames it is less, and nobody believes it.
    return TapCounts{sent, *left - sent, *used};
}

/// How many frames have left the tap, whoever had put them in; nothing if the kernel does not say.
std::optional<std::uint64_t> SourceTurn::left_tap() const
{
    char text[24];
    std::uint64_t n = 0;
    const auto size = pread(counter_, text, sizeof text, 0);
    if (size <= 0 || std::from_chars(text, text + size, n).ec != std::errc{})
        return std::nullopt;
    return n;
}

/// The guest's own count says how many frames it has not got.  Those that were not in the tap any
/// more QEMU keeps, or has purged as it stopped; all go to the destination, in their order.
bool SourceTurn::finish_by_ring()
{
    const auto now = counts_now();
    if (!now)
        return false;
    const auto n_sent = now->sent - count_.last().sent;
    const auto n_strange = now->strange - count_.last().strange;
    if (n_strange > strange_max)
        return false;
    auto taken = taken_;
    const auto strange_back = drop_strange(taken, recent(n_sent), n_strange);
    const auto missing = count_.missing(*now, kinds_since(count_.last().sent), strange_back);
    if (!missing)
        return false;
    const auto frames = recent(*missing);
    const auto lost = frames_not_taken(frames, taken, *missing);
    if (!lost || lost->size() > lost_by_qemu_max)
        return false;
    // Of two the first was purged.  Of one it is told by the time.
    const bool keeps = !lost->empty() && (lost->size() == lost_by_qemu_max ||
                                          (stop_ns_ && frames[lost->back()].time_ns >= stop_ns_));
    for (std::size_t i = 0; i < frames.size(); ++i) {
        pass(frames[i].frame);
        if (keeps && i == lost->back())
            sent_.pop_back(); // Not for going back: QEMU has it.
    }
    figures_.swallowed = lost->size();
    taken_ = std::move(taken);
    finish();
    return true;
}

bool SourceTurn::tap_is_empty() const
{
    pollfd poller{tap_, POLLIN, 0};
    return poll(&poller, 1, 0) == 0;
}

/// Whether QEMU's main loop sleeps in its poll.  With the canary in the tap it would not, if it
/// were reading: so it is not.  False if it is running, waits for a lock, or cannot be looked at.
bool SourceTurn::qemu_waits() const
{
    const auto id = std::to_string(qemu_);
    std::FILE* file = std::fopen(("/proc/" + id + "/task/" + id + "/syscall").c_str(), "re");
    if (!file)
        return false;
    long number = -1; // "running" where it is not in a call.
    const bool in_call = std::fscanf(file, "%ld", &number) == 1;
    std::fclose(file);
    return in_call && (number == SYS_ppoll || number == SYS_poll);
}

void SourceTurn::take_from_tap()
{
    std::uint8_t buffer[65536 + 64];
    // The virtio-net header before each frame: of 10 bytes until the guest's driver has begun.
    int header = 0;
    if (has_header_ && ioctl(tap_, TUNGETVNETHDRSZ, &header) != 0)
        return; // The tap has gone.
    for (int i = 0; i < take_max; ++i) {
        const auto size = read(tap_, buffer, sizeof buffer);
        if (size < header + 14)
            return; // Empty (EAGAIN), or the tap has gone.
        n_unfinished_ += header >= 2 && buffer[1] != no_gso;
        taken_.emplace_back(buffer + header, buffer + size);
    }
}

/// Of the frames taken from the tap the first `n_taken` were put in before the stop.
void SourceTurn::set_later_aside(std::size_t n_taken)
{
    const auto from = taken_.begin() + static_cast<std::ptrdiff_t>(n_taken);
    std::move(from, taken_.end(), std::back_inserter(later_));
    taken_.erase(from, taken_.end());
}

void SourceTurn::run(std::int64_t now_ms)
{
    if (state_ == State::armed && counts() && now_ms >= next_look_ms_) {
        compare_counts(now_ms);
    } else if (state_ == State::settling && tap_holds() && !begun_) {
        if (now_ms >= next_look_ms_)
            begin_settling(now_ms);
    } else if (state_ == State::settling && now_ms >= next_look_ms_) {
        const auto waited = now_ms - turned_ms_;
        const bool sure =
            tap_ < 0 || tap_is_empty() || (waited >= settle_ms && qemu_waits() && !tap_is_empty());
        if (sure || waited >= settle_late_ms)
            finish_settling(sure);
        next_look_ms_ = now_ms + 1;
    } else if (state_ == State::passing) {
        pass_held();
        if (leaves() && --leave_runs_ <= 0 && now_ms >= leave_ms_) {
            left_ = hf_pin_move(pin_, uplink_.c_str());
            uplink_.clear(); // One that has gone meanwhile is told anew.
        }
    }
}

/// `sure`: it is known whether QEMU keeps a frame.  If not, its main loop has been held up since
/// before the canary; then only a frame from after the stop can be kept, as there was time to read.
void SourceTurn::finish_settling(bool sure)
{
    // If QEMU read the canary, it was reading: it keeps the canary, and no frame of ours.
    bool swallowed_canary = true;
    const auto n_taken = taken_.size();
    if (tap_ >= 0) {
        take_from_tap();
        const auto mark = canary();
        const auto found = std::find(taken_.begin(), taken_.end(), mark);
        if (found != taken_.end()) {
            swallowed_canary = false;
            taken_.erase(found);
        }
    }
    if (tap_holds())
        set_later_aside(n_taken);
    if (!swallowed_canary) {
        const auto frames = recent(SIZE_MAX);
        if (auto at = swallowed_frame(frames, taken_, sure ? 0 : stop_ns_)) {
            pass(frames[*at].frame);
            sent_.pop_back(); // Not for going back: QEMU has it.
            figures_.swallowed = 1;
        }
    }
    for (const auto& frame : taken_)
        pass(frame);
    finish();
}

/// All that the guest here did not get is on its way: what was held follows.
void SourceTurn::finish()
{
    figures_.taken = std::exchange(taken_, {}).size();
    figures_.passed = 0;
    state_ = State::passing;
    for (const auto& frame : std::exchange(later_, {}))
        pass(frame);
    pass_held();
    figures_.held = std::exchange(figures_.passed, 0);
}

bool SourceTurn::is_for_own_mac(const Frame& frame) const
{
    return frame.size() >= ethernet_size && std::equal(own_.begin(), own_.end(), frame.begin());
}

void SourceTurn::pass(const Frame& frame)
{
    sent_.push_back(frame);
    finish_checksum(sent_.back()); // Where the sender left it to the guest's device.
    const auto& whole = sent_.back();
    if (sent_.size() > sent_max)
        sent_.pop_front(); // Never the one that is being sent.
    ++figures_.passed;
    if (!led_ && !is_for_own_mac(whole))
        return;
    // Marked as passed on: a destination that has no port for it any more drops it, rather than
    // send it back to be held and passed on for ever.
    if (hf_tunnel_send(bridge_.c_str(), label_ | passed_on_bit, vtep_.c_str(), tunnel_port_,
                       whole.data(), whole.size()) != 0)
        ++n_refused_;
}

void SourceTurn::pass_held()
{
    if (tap_holds()) {
        take_from_tap();
        for (const auto& frame : std::exchange(taken_, {}))
            pass(frame);
    }
    std::vector<Frame> held;
    hf_watch_take_held(
        watch_,
        [](const std::uint8_t* frame, std::size_t size, void* aux) {
            static_cast<std::vector<Frame>*>(aux)->emplace_back(frame, frame + size);
        },
        &held);
    // A destination's barrier goes behind all that came with it: the first frame of a kind is
    // forwarded before others that came ahead of it in one batch.
    std::stable_partition(held.begin(), held.end(), [](const Frame& frame) {
        return !hf_is_barrier(frame.data(), frame.size());
    });
    for (const auto& frame : held)
        pass(frame);
    figures_.lost = hf_watch_overflowed(watch_) + n_refused_ + n_unfinished_;
}

void SourceTurn::wait() const
{
    if (state_ == State::passing && tap_holds() && !port_gone())
        hf_wait_for_descriptor(tap_);
}

std::int64_t SourceTurn::next_wake() const
{
    const bool looks =
        state_ == State::settling || (state_ == State::armed && counts() && !port_gone());
    if (leaves())
        return leave_ms_;
    return looks ? next_look_ms_ : std::numeric_limits<std::int64_t>::max();
}

void SourceTurn::leave_by(const std::string& uplink, std::int64_t now_ms)
{
    if (left_ || uplink == uplink_)
        return;
    uplink_ = uplink;
    leave_ms_ = now_ms + leave_ms;
    leave_runs_ = leave_runs;
}

void SourceTurn::back()
{
    if (state_ == State::settling || state_ == State::passing) {
        for (const auto& frame : taken_)
            hf_watch_send(watch_, frame.data(), frame.size());
        for (const auto& frame : later_)
            hf_watch_send(watch_, frame.data(), frame.size());
        for (const auto& frame : sent_)
            hf_watch_send(watch_, frame.data(), frame.size());
        hf_watch_take_held(
            watch_,
            [](const std::uint8_t* frame, std::size_t size, void* aux) {
                hf_watch_send(static_cast<SourceTurn*>(aux)->watch_, frame, size);
            },
            this);
    }
    if (watch_)
        hf_watch_set_mode(watch_, HF_THROUGH);
    taken_.clear();
    later_.clear();
    sent_.clear();
    state_ = State::ended;
}

} // namespace holdfast::plugin
