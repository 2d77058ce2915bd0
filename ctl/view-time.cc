// SPDX-License-Identifier: Apache-2.0
//
// ctl/view-time: moves and events as people and scripts see them; see view.h.
#include <config.h>

#include <cmath>
#include <cstdio>
#include <ctime>

#include "common/text.h"
#include "ctl/view.h"

namespace holdfast::ctl {

namespace {

Tone tone_of(Outcome outcome)
{
    switch (outcome) {
    case Outcome::under_way:
        return Tone::warn;
    case Outcome::done:
        return Tone::good;
    case Outcome::back:
        return Tone::bad;
    }
    return Tone::plain;
}

Tone tone_of_kind(const std::string& kind)
{
    for (const char* word : {"failed", "refused", "forged", "problem", "error", "dead", "lost"})
        if (kind.find(word) != std::string::npos)
            return Tone::bad;
    return Tone::head;
}

/// Milliseconds as a number with microseconds kept, for scripts.
double as_milliseconds(db::TimeNs duration)
{
    return std::round(static_cast<double>(duration) / 1000.0) / 1000.0;
}

std::string place(const std::string& hypervisor)
{
    return hypervisor.empty() ? "?" : hypervisor;
}

/// Two places that line up under each other, and the words after them.
std::string padded(std::string text, std::size_t length)
{
    if (std::size_t taken = width(text); taken < length)
        text.append(length - taken, ' ');
    return text;
}

} // namespace

std::string time_text(db::TimeNs time)
{
    // Milliseconds are cut, not rounded, so that no time is shown before it came.
    std::time_t seconds = static_cast<std::time_t>(time / 1000000000);
    std::tm parts{};
    if (time < 0 || !::localtime_r(&seconds, &parts))
        return "-";
    char date[64];
    std::size_t size = std::strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
    char fraction[16];
    std::snprintf(fraction, sizeof fraction, ".%03d", static_cast<int>(time / 1000000 % 1000));
    return std::string(date, size) + fraction;
}

std::string milliseconds(db::TimeNs duration)
{
    char text[64];
    std::snprintf(text, sizeof text, "%.1f", static_cast<double>(duration) / 1e6);
    return text;
}

std::string move_page(const MoveLine& move, const World& world, const Style& style)
{
    std::string page = style.paint(one_line(world.name_of(move.vm)), Tone::head) + "  " +
                       place(move.from) + " → " + place(move.to) + "  " +
                       style.paint(to_string(move.outcome), tone_of(move.outcome)) +
                       (move.outcome == Outcome::under_way ? " (" + move.state + ")" : "") + "  " +
                       time_text(move.begun()) + "\n";
    Table table{{"WHAT", "WHERE", ">MS", ">SINCE LAST"}};
    db::TimeNs last = move.begun();
    for (const auto& mark : move.marks) {
        table.add({mark.what, place(mark.hypervisor), milliseconds(mark.time - move.begun()),
                   "+" + milliseconds(mark.time - last)});
        last = mark.time;
    }
    page += table.text(style, 2);
    std::string figures;
    for (const auto& [what, value] : move.figures)
        figures += (figures.empty() ? "" : ", ") + what + " " + std::to_string(value);
    return figures.empty() ? page : page + "  " + figures + "\n";
}

Json move_json(const MoveLine& move, const World& world)
{
    Json marks = Json::array();
    db::TimeNs last = move.begun();
    for (const auto& mark : move.marks) {
        marks.push_back({{"what", mark.what},
                         {"hypervisor", mark.hypervisor},
                         {"time_ns", mark.time},
                         {"since_first_ms", as_milliseconds(mark.time - move.begun())},
                         {"since_last_ms", as_milliseconds(mark.time - last)}});
        last = mark.time;
    }
    return {{"id", move.id},
            {"vm", world.name_of(move.vm)},
            {"vm_id", move.vm},
            {"from", move.from},
            {"to", move.to},
            {"outcome", to_string(move.outcome)},
            {"state", move.state},
            {"begun_ns", move.begun()},
            {"marks", std::move(marks)},
            {"figures", move.figures}};
}

std::string event_line(const db::Event& event, const World& world, const Style& style)
{
    std::string about = event.vm.empty() ? event.chain : world.name_of(event.vm);
    std::string line =
        style.paint(time_text(event.time), Tone::dim) + "  " + padded(place(event.hypervisor), 8) +
        "  " + style.paint(padded(one_line(event.kind), 17), tone_of_kind(event.kind)) + "  " +
        padded(one_line(about.empty() ? "-" : about), 10) + "  " + one_line(event.text);
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

Json event_json(const db::Event& event, const World& world)
{
    return {{"id", event.id},
            {"time_ns", event.time},
            {"hypervisor", event.hypervisor},
            {"kind", event.kind},
            {"vm", event.vm.empty() ? "" : world.name_of(event.vm)},
            {"vm_id", event.vm},
            {"chain", event.chain},
            {"text", event.text}};
}

} // namespace holdfast::ctl
