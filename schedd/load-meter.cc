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

namespace holdfast::schedd {
namespace {

using nlohmann::json;

constexpr std::size_t n_days = 366; // The longest period.
constexpr std::size_t n_service_days = 31;
constexpr Seconds recent_hours{7200};
constexpr Seconds day{86400};

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

/// Empty averages if the object has none.
void restore(Averages& averages, const json& object)
{
    const Averages none = averages;
    try {
        for (const json& slot : object.at("hours"))
            averages.restore_hour(slot_from(slot));
        for (const json& slot : object.at("days"))
            averages.restore_day(slot_from(slot));
    } catch (const json::exception&) {
        averages = none;
    }
}

int known(const std::optional<std::int64_t>& load)
{
    return load ? static_cast<int>(std::min<std::int64_t>(*load, 1000)) : -1;
}

/// Of all processors.
Cpu cpu_between(const CpuTicks& before, const CpuTicks& after, int n_cpus)
{
    return static_cast<Cpu>((after.busy - before.busy) * 1000 * static_cast<unsigned>(n_cpus) /
                            (after.all - before.all));
}

} // namespace

std::optional<Load> load_between(const CpuTicks& before, const CpuTicks& after)
{
    if (after.all <= before.all || after.busy < before.busy)
        return std::nullopt;
    return static_cast<Load>((after.busy - before.busy) * 1000 / (after.all - before.all));
}

json averages_json(const Averages& averages)
{
    return {{"hours", slots_json(averages.hours())}, {"days", slots_json(averages.days())}};
}

Averages averages_from(const json& object)
{
    Averages averages{24, n_days};
    restore(averages, object);
    return averages;
}

// --- Services. ---

ServiceLoads::One& ServiceLoads::one(const std::string& id)
{
    return services_.try_emplace(id, One{std::nullopt, Recent{span_}, Averages{24, n_service_days}})
        .first->second;
}

void ServiceLoads::take(const ServiceTimes& times, Cpu busy, std::chrono::nanoseconds length,
                        Time from, Time to)
{
    std::erase_if(services_, [&](const auto& known) { return !times.contains(known.first); });
    Cpu sum = 0;
    for (const auto& [id, worked] : times) {
        One& service = one(id);
        // One that worked less than before has been started anew.
        if (service.worked && worked >= *service.worked && length.count() > 0) {
            const Cpu cpu = static_cast<Cpu>((worked - *service.worked) * 1000 /
                                             static_cast<std::uint64_t>(length.count()));
            service.recent.add(cpu, length);
            service.averages.add(from, to, cpu);
            sum += cpu;
        }
        service.worked = worked;
    }
    rest_.add(std::max<Cpu>(0, busy - sum), length);
}

json ServiceLoads::report(Time now) const
{
    json services = json::object();
    for (const auto& [id, service] : services_)
        if (service.recent.seen() > Seconds{0})
            services[id] = {{"cpu", service.recent.value()},
                            {"seconds", service.recent.seen().count()},
                            {"day", service.averages.over_hours(now - day, now).value_or(-1)}};
    return {{"system", rest_.value()}, {"seconds", rest_.seen().count()}, {"services", services}};
}

json ServiceLoads::averages() const
{
    json all = json::object();
    for (const auto& [id, service] : services_)
        all[id] = averages_json(service.averages);
    return all;
}

void ServiceLoads::restore(const json& object)
{
    for (const auto& [id, averages] : object.items())
        schedd::restore(one(id).averages, averages);
}

// --- The node. ---

LoadMeter::LoadMeter(std::string file, NodeCpu node, Seconds span)
    : file_{std::move(file)}, node_{std::move(node)}, services_{span}
{
    const json object = json::parse(content(file_), nullptr, false);
    averages_ = averages_from(object);
    if (object.is_object() && object.contains("services") && object["services"].is_object())
        services_.restore(object["services"]);
}

void LoadMeter::look(const std::vector<ServiceHere>& services, Time now)
{
    const auto time = Clock::now();
    const auto ticks = node_.read();
    ServiceTimes times;
    for (const ServiceHere& one : services)
        if (const auto worked = read_tree(one.pid))
            times[one.id] = *worked;
    if (ticks && last_)
        if (const auto load = load_between(*last_, *ticks)) {
            averages_.add(since_, now, *load);
            services_.take(times, cpu_between(*last_, *ticks, node_.n_cpus()), time - looked_,
                           since_, now);
        }
    last_ = ticks;
    looked_ = time;
    since_ = now;
}

Result<void> LoadMeter::save() const
{
    json all = averages_json(averages_);
    all["services"] = services_.averages();
    const std::string anew = file_ + ".new";
    std::ofstream out{anew};
    out << all.dump() << "\n";
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

json LoadMeter::report(Time now) const
{
    json all = services_.report(now);
    all["cpus"] = node_.n_cpus();
    all["pressure"] = node_.pressure();
    return all;
}

} // namespace holdfast::schedd
