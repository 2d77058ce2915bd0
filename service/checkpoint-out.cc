// SPDX-License-Identifier: Apache-2.0
//
// service/checkpoint-out: see the header.
#include <config.h>

#include "service/checkpoint-out.h"

#include <fcntl.h>

#include <vector>

#include "service/image-files.h"
#include "service/round-plan.h"

namespace holdfast::service {
namespace {

// CRIU must not be ended at work, when its code is in the service's processes: this is for one that
// hangs.
constexpr std::chrono::minutes criu_limit{10};
constexpr std::chrono::seconds tell_each{5}; // The fleet's database hears of it, too.

std::string megabytes(std::uint64_t bytes)
{
    return std::to_string(bytes / 1'000'000) + "." + std::to_string(bytes / 100'000 % 10) + " MB";
}

} // namespace

CheckpointOut::~CheckpointOut()
{
    await_rest();
    remove_images(folder_);
}

Result<Figures> CheckpointOut::write_round(bool last)
{
    if (auto room = has_room(folder_); !room)
        return room.error();
    ++round_;
    auto path = make_round(folder_, round_);
    if (!path)
        return path.error();
    const Images images{*path, round_ > 1 ? "../" + std::to_string(round_ - 1) : ""};
    auto engine = folder_.engine();
    if (!engine)
        return engine.error();
    fcntl(engine->get(), F_SETFD,
          0); // CRIU has it, too, as long as it works, whatever becomes of us.
    return last ? dump(images, init_, folder_.file("log"), criu_limit)
                : pre_dump(images, init_, criu_limit);
}

Result<void> CheckpointOut::send_ahead(Link& link, const Sent& sent, const Say& say)
{
    remove_images(folder_); // Of a move that was cut off.
    auto path = make_round(folder_, 0);
    if (!path)
        return path.error();
    if (auto written = write_processor(*path); !written)
        return written;
    auto done = service::send_round(link, folder_, 0, false, [](std::uint64_t) {});
    if (done)
        done = sent(0);
    if (!done)
        return done;
    count_ = ProgressCount{std::chrono::steady_clock::now()};
    std::vector<std::uint64_t> pages;
    while (another_round(pages)) {
        auto written = round_ahead(link, sent, say);
        if (!written)
            return written.error();
        pages.push_back(*written);
    }
    return {};
}

/// One round.  Returns the pages that it had.
Result<std::uint64_t> CheckpointOut::round_ahead(Link& link, const Sent& sent, const Say& say)
{
    auto figures = write_round(false);
    if (!figures)
        return figures.error();
    const auto size = size_of_round(folder_, round_);
    if (!size)
        return size;
    count_.round(*size);
    auto done = send_round(link, true);
    if (done)
        done = sent(round_);
    if (!done)
        return done.error();
    tell(std::chrono::steady_clock::now());
    say("round " + std::to_string(round_) + ": " + std::to_string(figures->written) +
        " pages of memory, " + megabytes(*size));
    return figures->written;
}

Result<void> CheckpointOut::send_round(Link& link, bool ahead)
{
    return service::send_round(link, folder_, round_, ahead, [this](std::uint64_t bytes) {
        count_.sent(bytes);
        if (const auto now = std::chrono::steady_clock::now(); now - told_ >= tell_each)
            tell(now);
    });
}

void CheckpointOut::tell(ProgressCount::Time now)
{
    told_ = now;
    far_(count_.at(now));
}

void CheckpointOut::begin_rest()
{
    rest_ = std::async(std::launch::async, [this] { return write_round(true); });
}

void CheckpointOut::await_rest() const
{
    if (rest_.valid())
        rest_.wait();
}

Result<void> CheckpointOut::end_rest(const Say& say)
{
    auto figures = rest_.get();
    if (!figures)
        return figures.error();
    const auto size = size_of_round(folder_, round_);
    if (!size)
        return size.error();
    count_.round(*size);
    say(std::to_string(figures->written) + " pages of memory were left, " + megabytes(*size));
    return {};
}

Result<void> CheckpointOut::send_rest(Link& link)
{
    auto done = send_round(link, false);
    tell(std::chrono::steady_clock::now());
    return done;
}

} // namespace holdfast::service
