// SPDX-License-Identifier: Apache-2.0
//
// env/proc-text: see proc-text.h.
#include <config.h>

#include "env/proc-text.h"

#include <array>
#include <cstdio>
#include <map>

namespace holdfast::env {
namespace {

int all_cpus(const Nodes& nodes)
{
    int cpus = 0;
    for (const Member& node : nodes)
        cpus += node.resources->cpus;
    return cpus;
}

std::string cpu_block(int number, int socket, int core, const Member& node)
{
    const db::Resources& has = *node.resources;
    return "processor\t: " + std::to_string(number) + "\nmodel name\t: " + has.model +
           "\ncpu MHz\t\t: " + std::to_string(has.mhz) +
           ".000\nphysical id\t: " + std::to_string(socket) +
           "\nsiblings\t: " + std::to_string(has.cpus) + "\ncore id\t\t: " + std::to_string(core) +
           "\ncpu cores\t: " + std::to_string(has.cpus) + "\nnode\t\t: " + node.name + "\n\n";
}

/// A line of /proc/stat; `part` of what the node's processors did.
std::string times(const std::string& name, const NodeTicks& ticks, double part)
{
    const auto whole = [part](double all) {
        return " " + std::to_string(static_cast<long long>(all * part));
    };
    return name + whole(ticks.user) + " 0" + whole(ticks.system) + whole(ticks.idle) +
           whole(ticks.iowait) + " 0 0 0 0 0\n";
}

NodeTicks sum(const Nodes& nodes, const Ticks& ticks)
{
    NodeTicks all;
    for (const Member& node : nodes) {
        const NodeTicks& one = ticks.of(node.name);
        all.user += one.user;
        all.system += one.system;
        all.iowait += one.iowait;
        all.idle += one.idle;
    }
    return all;
}

std::string hundredths(long long number)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%lld.%02lld", number / 100, number % 100);
    return text.data();
}

} // namespace

std::string cpuinfo_text(const Nodes& nodes)
{
    std::string text;
    int number = 0, socket = 0;
    for (const Member& node : nodes) {
        for (int core = 0; core < node.resources->cpus; ++core)
            text += cpu_block(number++, socket, core, node);
        ++socket;
    }
    return text;
}

std::string stat_text(const Nodes& nodes, const Ticks& ticks)
{
    std::string text = times("cpu ", sum(nodes, ticks), 1);
    int number = 0, running = 0, tasks = 0;
    for (const Member& node : nodes) {
        for (int core = 0; core < node.resources->cpus; ++core)
            text += times("cpu" + std::to_string(number++), ticks.of(node.name),
                          1.0 / node.resources->cpus);
        running += node.resources->running;
        tasks += node.resources->tasks;
    }
    const auto booted = nodes.empty() ? 0 : nodes.front().resources->booted;
    return text + "intr 0\nctxt 0\nbtime " + std::to_string(booted) + "\nprocesses " +
           std::to_string(tasks) + "\nprocs_running " + std::to_string(running) +
           "\nprocs_blocked 0\n";
}

std::string meminfo_text(const Nodes& nodes)
{
    std::map<std::string, std::int64_t> all;
    for (const Member& node : nodes)
        for (const auto& [name, kib] : node.resources->memory)
            all[name] += kib;
    std::string text;
    // In the kernel's order, which some programs go by.
    for (const char* name : {"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached",
                             "SwapTotal", "SwapFree", "Shmem", "SReclaimable"}) {
        std::array<char, 64> line{};
        std::snprintf(line.data(), line.size(), "%-15s %8lld kB\n",
                      (std::string{name} + ":").c_str(), static_cast<long long>(all[name]));
        text += line.data();
    }
    return text;
}

std::string loadavg_text(const Nodes& nodes)
{
    std::array<long long, 3> load{};
    int running = 0, tasks = 0;
    for (const Member& node : nodes) {
        for (std::size_t i = 0; i < load.size(); ++i)
            load[i] += node.resources->load[i];
        running += node.resources->running;
        tasks += node.resources->tasks;
    }
    return hundredths(load[0]) + " " + hundredths(load[1]) + " " + hundredths(load[2]) + " " +
           std::to_string(running) + "/" + std::to_string(tasks) + " " + std::to_string(tasks) +
           "\n";
}

std::string uptime_text(const Nodes& nodes, const Ticks& ticks, double now)
{
    const double up =
        nodes.empty() ? 0 : now - static_cast<double>(nodes.front().resources->booted);
    return hundredths(static_cast<long long>(up > 0 ? up * 100 : 0)) + " " +
           hundredths(static_cast<long long>(sum(nodes, ticks).idle)) + "\n";
}

std::string cpus_text(const Nodes& nodes)
{
    const int cpus = all_cpus(nodes);
    if (cpus == 0)
        return "\n";
    return cpus == 1 ? "0\n" : "0-" + std::to_string(cpus - 1) + "\n";
}

} // namespace holdfast::env
