// SPDX-License-Identifier: Apache-2.0
//
// schedd/load-meter: how busy this node is, and each service on it, by hour and by day, and of late
// (spec Q18).
//
// Averages are kept in a file beside the store, in bounded space: so many slots for the node, and
// for each service that is here.  Used on the daemon's loop only.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "schedd/averages.h"
#include "schedd/cpu-source.h"
#include "schedd/recent.h"

namespace holdfast::schedd {

/// None if no time has passed, or the counts went backwards.
std::optional<Load> load_between(const CpuTicks& before, const CpuTicks& after);

/// Averages as the text of a file, and back.
nlohmann::json averages_json(const Averages& averages);
/// What is no slot is left out: it is measured anew.
Averages averages_from(const nlohmann::json& object);

/// A service that is here, and its first process.
struct ServiceHere {
    std::string id;
    int pid = 0;
};

/// What services have worked since their start, by id.
/// Units:   ns.
using ServiceTimes = std::map<std::string, std::uint64_t>;

/// How loaded the services of this node are, and what the rest of it takes.
class ServiceLoads {
public:
    using Clock = std::chrono::steady_clock;

    explicit ServiceLoads(Seconds span) : span_{span}, rest_{span} {}

    /// Since the look before, which was so long ago, `busy` was taken in all.
    /// Shape:   of a service that is not there any more nothing is kept.
    void take(const ServiceTimes& times, Cpu busy, std::chrono::nanoseconds length, Time from,
              Time to);

    /// {system, seconds, services:{id:{cpu, seconds, day}}}; `day`: its average over a day, -1: not
    /// known.
    nlohmann::json report(Time now) const;
    /// The averages by hour and day, by id, as the text of a file, and back.
    nlohmann::json averages() const;
    void restore(const nlohmann::json& object);

private:
    struct One {
        std::optional<std::uint64_t> worked; // None: it was not seen yet by this process.
        Recent recent;
        Averages averages;
    };

    One& one(const std::string& id);

    Seconds span_;
    Recent rest_;
    std::map<std::string, One> services_;
};

class LoadMeter {
public:
    using Clock = std::chrono::steady_clock;

    /// Goes on with the averages in `file`, if there are any.  `span`: what "of late" is.
    LoadMeter(std::string file, NodeCpu node, Seconds span);

    /// Measures what was done since the last look.
    void look(const std::vector<ServiceHere>& services, Time now);
    /// Errors:  io.
    Result<void> save() const;

    /// Of the hours that have begun in the last two, and of a period that ends now; -1: not known.
    int recent(Time now) const;
    int over(Seconds period, Time now) const;
    /// Of late: {cpus, pressure, system, seconds, services:{id:{cpu, seconds, day}}}.
    nlohmann::json report(Time now) const;

private:
    std::string file_;
    NodeCpu node_;
    Averages averages_;
    ServiceLoads services_;
    std::optional<CpuTicks> last_;
    Clock::time_point looked_{};
    Time since_{};
};

} // namespace holdfast::schedd
