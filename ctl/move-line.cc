// SPDX-License-Identifier: Apache-2.0
//
// ctl/move-line: see move-line.h.
#include <config.h>

#include "ctl/move-line.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

namespace holdfast::ctl {

namespace {

/// Both rows of a move; either may be missing.
struct Sides {
    const db::Move* source = nullptr;
    const db::Move* destination = nullptr;
};

/// Words for people: the store's underscores are blanks.
std::string spoken(std::string word)
{
    std::replace(word.begin(), word.end(), '_', ' ');
    return word;
}

/// With one digit behind the point, cut off.
std::string tenths(std::int64_t value, std::int64_t unit)
{
    return std::to_string(value / unit) + "." + std::to_string(value % unit * 10 / unit);
}

Outcome outcome_of(const Sides& sides)
{
    std::string source = sides.source ? sides.source->state : "";
    std::string destination = sides.destination ? sides.destination->state : "";
    if (source == "back" || destination == "failed")
        return Outcome::back;
    if (source == "cleaned" || (source.empty() && destination == "active"))
        return Outcome::done;
    return Outcome::under_way;
}

std::string state_of(const Sides& sides)
{
    if (!sides.source)
        return sides.destination->state;
    if (!sides.destination)
        return sides.source->state;
    bool ended = sides.source->state == "cleaned" || sides.source->state == "back";
    return ended || sides.destination->state == "staged" ? sides.source->state
                                                         : sides.destination->state;
}

/// The order of what happened at the same nanosecond: that of a move.
int rank(const std::string& what)
{
    constexpr std::array<std::string_view, 19> order{
        "staged",    "plugged",   "armed",   "flush",       "flushed",   "frozen",
        "suspended", "turned",    "drained", "saved",       "dumped",    "copied",
        "restored",  "committed", "resumed", "first frame", "activated", "first guest frame",
        "cleaned"};
    return static_cast<int>(std::find(order.begin(), order.end(), what) - order.begin());
}

void take(MoveLine& line, const db::Move* row)
{
    if (!row)
        return;
    bool source = row->role == "source";
    (source ? line.from : line.to) = row->hypervisor;
    if (auto& other = source ? line.to : line.from; other.empty())
        other = row->peer;
    line.vm = row->vm;
    for (const auto& [what, time] : row->times)
        line.marks.push_back({spoken(what), row->hypervisor, time});
    line.figures.insert(row->figures.begin(), row->figures.end());
}

} // namespace

const char* to_string(Outcome outcome)
{
    switch (outcome) {
    case Outcome::under_way:
        return "under way";
    case Outcome::done:
        return "done";
    case Outcome::back:
        return "back";
    }
    return "";
}

std::string progress_text(const MoveLine& move)
{
    std::string text = move.state;
    const auto figure = [&](const char* name) -> const std::int64_t* {
        const auto found = move.figures.find(name);
        return found == move.figures.end() ? nullptr : &found->second;
    };
    const auto add = [&](const std::string& word) { text += ", " + word; };
    if (const auto* round = figure("round"))
        add("round " + std::to_string(*round));
    if (const auto* bytes = figure("bytes"))
        add(tenths(*bytes, 1'000'000) + " MB");
    if (const auto* rate = figure("rate"))
        add(tenths(*rate, 1'000'000) + " MB/s");
    if (const auto* connections = figure("connections"))
        add(std::to_string(*connections) + (*connections == 1 ? " connection" : " connections"));
    if (const auto* left = figure("left_ms"))
        add(tenths(*left, 1000) + " s left");
    return text;
}

std::vector<MoveLine> move_lines(const std::vector<db::Move>& rows)
{
    std::map<std::string, Sides> moves;
    for (const auto& row : rows)
        (row.role == "source" ? moves[row.id].source : moves[row.id].destination) = &row;
    std::vector<MoveLine> lines;
    for (const auto& [id, sides] : moves) {
        MoveLine line;
        line.id = id;
        line.state = state_of(sides);
        line.outcome = outcome_of(sides);
        take(line, sides.destination);
        take(line, sides.source);
        std::sort(line.marks.begin(), line.marks.end(), [](const Mark& a, const Mark& b) {
            return std::tuple{a.time, rank(a.what), a.what} <
                   std::tuple{b.time, rank(b.what), b.what};
        });
        lines.push_back(std::move(line));
    }
    std::stable_sort(lines.begin(), lines.end(),
                     [](const MoveLine& a, const MoveLine& b) { return a.begun() < b.begun(); });
    return lines;
}

} // namespace holdfast::ctl
