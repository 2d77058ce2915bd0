// SPDX-License-Identifier: Apache-2.0
//
// env/figures: see figures.h.
#include <config.h>

#include "env/figures.h"

#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <optional>
#include <sstream>

#include "common/text.h"

namespace holdfast::env {
namespace {

/// What all processors did since the machine's start, in ticks.
struct CpuTimes {
    std::uint64_t user = 0, system = 0, idle = 0, iowait = 0;
};

std::optional<CpuTimes> parse_times(const std::string& stat)
{
    std::istringstream in{stat};
    std::string name;
    std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0;
    std::uint64_t irq = 0, softirq = 0, steal = 0;
    if (!(in >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal) ||
        name != "cpu")
        return std::nullopt;
    return CpuTimes{user + nice, system + irq + softirq + steal, idle, iowait};
}

/// The thousandths of `all` that went by from `before` to `now`; counts of some kernels go back.
int part(std::uint64_t before, std::uint64_t now, double all)
{
    return now > before ? static_cast<int>(static_cast<double>(now - before) * 1000 / all) : 0;
}

Result<void> take_stat(db::Resources& found, const std::string& stat,
                       const std::string& stat_before)
{
    const auto now = parse_times(stat);
    const CpuTimes before = parse_times(stat_before).value_or(CpuTimes{});
    if (!now)
        return Error{Errc::damaged, "stat does not begin with the times of all processors"};
    const auto later = [](std::uint64_t a, std::uint64_t b) { return b > a ? b - a : 0; };
    const auto all =
        static_cast<double>(later(before.user, now->user) + later(before.system, now->system) +
                            later(before.idle, now->idle) + later(before.iowait, now->iowait));
    if (all > 0) {
        found.user = part(before.user, now->user, all);
        found.system = part(before.system, now->system, all);
        found.iowait = part(before.iowait, now->iowait, all);
    }
    std::istringstream lines{stat};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("cpu") && line.size() > 3 &&
            std::isdigit(static_cast<unsigned char>(line[3])))
            ++found.cpus;
        else if (line.starts_with("btime "))
            found.booted = parse_number(line.substr(6)).value_or(0);
    }
    if (found.cpus == 0 || found.booted <= 0)
        return Error{Errc::damaged, "stat names no processor, or not when the machine was started"};
    return {};
}

/// The text behind "NAME<blanks>:" of the first line that has it; empty if none has.
std::string field(const std::string& text, const std::string& name)
{
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        const auto colon = line.find(':');
        if (colon != std::string::npos && trimmed(line.substr(0, colon)) == name)
            return std::string{trimmed(line.substr(colon + 1))};
    }
    return {};
}

/// Errors: damaged if there is no size of the memory.
Result<void> take_memory(db::Resources& found, const std::string& meminfo)
{
    for (const char* name : {"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "Shmem",
                             "SReclaimable", "SwapTotal", "SwapFree"}) {
        const std::string size = field(meminfo, name);
        if (const auto kib = parse_number(size.substr(0, size.find(' '))); kib && *kib >= 0)
            found.memory[name] = *kib;
    }
    if (!found.memory.contains("MemTotal"))
        return Error{Errc::damaged, "meminfo names no MemTotal"};
    return {};
}

Result<void> take_load(db::Resources& found, const std::string& loadavg)
{
    std::istringstream in{loadavg};
    std::array<double, 3> load{};
    char slash = 0;
    if (!(in >> load[0] >> load[1] >> load[2] >> found.running >> slash >> found.tasks) ||
        slash != '/')
        return Error{Errc::damaged, "loadavg is not three averages and the numbers of tasks"};
    for (std::size_t i = 0; i < load.size(); ++i)
        found.load[i] = static_cast<int>(std::lround(load[i] * 100));
    return {};
}

} // namespace

Result<db::Resources> read_figures(const ProcTexts& now, const std::string& stat_before)
{
    db::Resources found;
    found.model = one_line(field(now.cpuinfo, "model name"), 80);
    std::istringstream speed{field(now.cpuinfo, "cpu MHz")};
    if (double mhz = 0; speed >> mhz && mhz > 0 && mhz < 1e6)
        found.mhz = static_cast<int>(std::lround(mhz));
    if (auto taken = take_stat(found, now.stat, stat_before); !taken)
        return taken.error();
    if (auto taken = take_memory(found, now.meminfo); !taken)
        return taken.error();
    if (auto taken = take_load(found, now.loadavg); !taken)
        return taken.error();
    return found;
}

} // namespace holdfast::env
