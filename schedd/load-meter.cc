// SPDX-License-Identifier: Apache-2.0
//
// schedd/load-meter: see load-meter.h.
#include <config.h>

#include "schedd/load-meter.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <nlohmann/json.hpp>

namespace holdfast::schedd {
namespace {

using nlohmann::json;

constexpr std::size_t n_days = 366; // The longest period.
constexpr Seconds recent_hours{7200};

std::string content(const std::string& file)
{
    std::ifstream in{file};
    return {std::istreambuf_iterator<char>{in}, {}};
}

json slots_json(const std::vector<AverageSlot>& slots)
{
    json all = json::array();
    for (const AverageSlot& slot : slots)
        if (slot.seconds > 0)
            all.push_back({slot.period, slot.seconds, slot.sum});
    return all;
}

AverageSlot slot_from(const json& slot)
{
    return {slot.at(0), slot.at(1), slot.at(2)};
}

int known(const std::optional<std::int64_t>& load)
{
    return load ? static_cast<int>(std::min<std::int64_t>(*load, 1000)) : -1;
}

} // namespace

std::optional<CpuTicks> parse_cpu_ticks(std::string_view stat)
{
    std::istringstream in{std::string{stat.substr(0, stat.find('\n'))}};
    std::string name;
    in >> name;
    CpuTicks ticks;
    constexpr int n_counts = 8; // user nice system idle iowait irq softirq steal
    for (int i = 0; i < n_counts; ++i) {
        std::uint64_t count = 0;
        if (!(in >> count))
            return std::nullopt;
        ticks.all += count;
        if (i != 3 && i != 4)
            ticks.busy += count;
    }
    return name == "cpu" ? std::optional{ticks} : std::nullopt;
}

std::optional<Load> load_between(const CpuTicks& before, const CpuTicks& after)
{
    if (after.all <= before.all || after.busy < before.busy)
        return std::nullopt;
    return static_cast<Load>((after.busy - before.busy) * 1000 / (after.all - before.all));
}

std::string averages_text(const Averages& averages)
{
    return json{{"hours", slots_json(averages.hours())}, {"days", slots_json(averages.days())}}
        .dump();
}

Averages averages_from(const std::string& text)
{
    Averages averages{24, n_days};
    try {
        const auto object = json::parse(text);
        for (const json& slot : object.at("hours"))
            averages.restore_hour(slot_from(slot));
        for (const json& slot : object.at("days"))
            averages.restore_day(slot_from(slot));
    } catch (const json::exception&) {
        return Averages{24, n_days};
    }
    return averages;
}

LoadMeter::LoadMeter(std::string file)
    : file_{std::move(file)}, averages_{averages_from(content(file_))}
{
}

void LoadMeter::look(Time now)
{
    const auto ticks = parse_cpu_ticks(content("/proc/stat"));
    if (ticks && last_)
        if (const auto load = load_between(*last_, *ticks))
            averages_.add(since_, now, *load);
    last_ = ticks;
    since_ = now;
}

Result<void> LoadMeter::save() const
{
    const std::string anew = file_ + ".new";
    std::ofstream out{anew};
    out << averages_text(averages_) << "\n";
    out.close();
    std::error_code failed;
    if (out)
        std::filesystem::rename(anew, file_, failed);
    if (!out || failed)
        return Error{Errc::io, file_ + ": cannot be written (" +
                                   (failed ? failed.message() : std::strerror(errno)) +
                                   "): loads are measured anew after a restart"};
    return {};
}

int LoadMeter::recent(Time now) const
{
    return known(averages_.over_hours(now - recent_hours, now));
}

int LoadMeter::over(Seconds period, Time now) const
{
    return known(averages_.over_days(now - period, now));
}

} // namespace holdfast::schedd
