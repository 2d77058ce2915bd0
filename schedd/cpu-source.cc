// SPDX-License-Identifier: Apache-2.0
//
// schedd/cpu-source: see cpu-source.h.
#include <config.h>

#include "schedd/cpu-source.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>

#include "common/process-tree.h"

namespace holdfast::schedd {
namespace {

constexpr std::uint64_t ns_a_second = 1'000'000'000;
constexpr const char* groups = "/sys/fs/cgroup/";

std::string content(const std::string& file)
{
    std::ifstream in{file};
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// Where a control group's file is: version 2, alone or beside version 1, or version 1.
std::string group_content(const std::string& group, const char* second, const char* first)
{
    for (const auto& [root, file] :
         {std::pair{"", second}, std::pair{"unified/", second}, std::pair{"cpuacct/", first},
          std::pair{"cpu,cpuacct/", first}})
        if (auto text = content(std::string{groups} + root + group + "/" + file); !text.empty())
            return text;
    return {};
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

std::optional<std::uint64_t> parse_process_ticks(std::string_view stat)
{
    // The name, in brackets, may hold anything.
    const auto after = stat.rfind(')');
    if (after == std::string_view::npos)
        return std::nullopt;
    std::istringstream in{std::string{stat.substr(after + 1)}};
    std::string skipped;
    constexpr int n_before = 11; // state ppid pgrp session tty tpgid flags minflt .. cmajflt
    for (int i = 0; i < n_before; ++i)
        in >> skipped;
    std::uint64_t sum = 0;
    for (int i = 0; i < 4; ++i) {
        std::uint64_t count = 0;
        if (!(in >> count))
            return std::nullopt;
        sum += count;
    }
    return sum;
}

std::optional<std::uint64_t> parse_group_usage(std::string_view text)
{
    std::istringstream in{std::string{text}};
    std::string word;
    in >> word;
    const bool second = word == "usage_usec";
    if (second)
        in >> word;
    if (word.empty() || word.size() > 19 ||
        !std::ranges::all_of(word, [](unsigned char one) { return one >= '0' && one <= '9'; }))
        return std::nullopt;
    return std::stoull(word) * (second ? 1000 : 1);
}

std::optional<int> parse_pressure(std::string_view text)
{
    constexpr std::string_view key = "avg300=";
    const auto at = text.find(key);
    if (!text.starts_with("some ") || at == std::string_view::npos)
        return std::nullopt;
    double percent = 0;
    std::istringstream in{std::string{text.substr(at + key.size())}};
    return in >> percent ? std::optional{static_cast<int>(std::lround(percent * 10))}
                         : std::nullopt;
}

NodeCpu::NodeCpu(int n_cpus, std::string group)
    : n_cpus_{n_cpus > 0 ? n_cpus : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN))},
      group_{std::move(group)}
{
}

std::optional<CpuTicks> NodeCpu::read() const
{
    if (group_.empty())
        return parse_cpu_ticks(content("/proc/stat"));
    const auto usage = parse_group_usage(group_content(group_, "cpu.stat", "cpuacct.usage"));
    if (!usage)
        return std::nullopt;
    const auto passed = std::chrono::steady_clock::now().time_since_epoch().count();
    return CpuTicks{*usage,
                    static_cast<std::uint64_t>(passed) * static_cast<std::uint64_t>(n_cpus_)};
}

int NodeCpu::pressure() const
{
    return parse_pressure(group_.empty() ? content("/proc/pressure/cpu")
                                         : group_content(group_, "cpu.pressure", "cpu.pressure"))
        .value_or(-1);
}

std::optional<std::uint64_t> read_tree(int pid)
{
    std::optional<std::uint64_t> sum;
    // One that has ended meanwhile is in its parent's count, if not in this look's.
    for (const int one : process_tree(pid))
        if (const auto ticks =
                parse_process_ticks(content("/proc/" + std::to_string(one) + "/stat")))
            sum = sum.value_or(0) + *ticks;
    if (sum)
        *sum *= ns_a_second / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    return sum;
}

} // namespace holdfast::schedd
