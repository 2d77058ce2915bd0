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

std::string megabytes(std::uint64_t bytes)
{
    return std::to_string(bytes / 1'000'000) + "." + std::to_string(bytes / 100'000 % 10) + " MB";
}

} // namespace

CheckpointOut::~CheckpointOut()
{
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
    const Images images{*path, round_ > 1 ? "../" + std::to_string(round_ - 1) : "",
                        folder_.file("net")};
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
    auto bytes = send_round(link, folder_, 0, false);
    if (auto done = bytes ? sent(0) : Result<void>{bytes.error()}; !done)
        return done;
    std::vector<std::uint64_t> pages;
    while (another_round(pages)) {
        auto figures = write_round(false);
        if (!figures)
            return figures.error();
        pages.push_back(figures->written);
        bytes = send_round(link, folder_, round_, true);
        if (auto done = bytes ? sent(round_) : Result<void>{bytes.error()}; !done)
            return done;
        say("round " + std::to_string(round_) + ": " + std::to_string(figures->written) +
            " pages of memory, " + megabytes(*bytes));
    }
    return {};
}

Result<void> CheckpointOut::send_rest(Link& link, const Say& say)
{
    auto figures = write_round(true);
    if (!figures)
        return figures.error();
    auto bytes = send_round(link, folder_, round_, false);
    if (!bytes)
        return bytes.error();
    say(std::to_string(figures->written) + " pages of memory were left, " + megabytes(*bytes));
    return {};
}

} // namespace holdfast::service
