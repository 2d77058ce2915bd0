// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "lab/probe-report.h"

#include <algorithm>
#include <cstdio>

namespace lab {
namespace {

std::string ms(int64_t ns)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", static_cast<double>(ns) / 1e6);
    return text;
}

std::string field(const char* key, int64_t value)
{
    return "\"" + std::string(key) + "\":" + std::to_string(value) + ",";
}

Gap longest_gap(const std::vector<Arrival>& arrivals, int64_t end_ns)
{
    Gap longest;
    const auto consider = [&](const Arrival& from, int64_t to_ns, std::optional<uint32_t> to) {
        if (to_ns - from.time_ns > longest.length_ns)
            longest = {to_ns - from.time_ns, from.time_ns, to_ns, from.sequence, to};
    };
    for (size_t i = 1; i < arrivals.size(); i++)
        consider(arrivals[i - 1], arrivals[i].time_ns, arrivals[i].sequence);
    if (!arrivals.empty())
        consider(arrivals.back(), end_ns, std::nullopt);
    return longest;
}

int64_t median(std::vector<int64_t> values)
{
    if (values.empty())
        return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

} // namespace

Report sum_up(const std::vector<int64_t>& sent_ns, const std::vector<Arrival>& arrivals)
{
    Report report;
    report.sent = sent_ns.size();
    if (!sent_ns.empty()) {
        report.start_ns = sent_ns.front();
        report.end_ns = sent_ns.back();
    }
    std::vector<bool> answered(sent_ns.size());
    std::vector<int64_t> round_trips;
    uint32_t highest = 0;
    for (const Arrival& arrival : arrivals) {
        if (arrival.sequence >= sent_ns.size())
            continue;
        if (answered[arrival.sequence]) {
            report.doubled++;
            continue;
        }
        answered[arrival.sequence] = true;
        report.answered++;
        if (arrival.sequence < highest)
            report.reordered++;
        highest = std::max(highest, arrival.sequence);
        round_trips.push_back(arrival.time_ns - sent_ns[arrival.sequence]);
    }
    for (uint32_t i = 0; i < sent_ns.size(); i++)
        if (!answered[i] && report.lost++ < max_lost_list)
            report.lost_list.push_back({i, sent_ns[i]});
    report.gap = longest_gap(arrivals, report.end_ns);
    report.round_trip_ns = median(std::move(round_trips));
    return report;
}

std::string to_json(const Report& r)
{
    std::string lost;
    for (const Lost& one : r.lost_list)
        lost += (lost.empty() ? "{" : ",{") + field("seq", one.sequence) +
                "\"sent_ns\":" + std::to_string(one.sent_ns) + "}";
    return "{" + field("run", r.run) + field("sent", static_cast<int64_t>(r.sent)) +
           field("answered", static_cast<int64_t>(r.answered)) +
           field("lost", static_cast<int64_t>(r.lost)) +
           field("doubled", static_cast<int64_t>(r.doubled)) +
           field("reordered", static_cast<int64_t>(r.reordered)) +
           field("unsent", static_cast<int64_t>(r.unsent)) + "\"gap_ms\":" + ms(r.gap.length_ns) +
           "," + field("gap_from_ns", r.gap.from_ns) + field("gap_to_ns", r.gap.to_ns) +
           field("gap_from_seq", r.gap.from_sequence) +
           "\"gap_to_seq\":" + (r.gap.to_sequence ? std::to_string(*r.gap.to_sequence) : "null") +
           "," + field("start_ns", r.start_ns) + field("end_ns", r.end_ns) +
           "\"lateness_max_ms\":" + ms(r.lateness_max_ns) +
           ",\"round_trip_ms\":" + ms(r.round_trip_ns) + ",\"lost_list\":[" + lost + "]}";
}

std::string to_text(const Report& r)
{
    std::string text = std::to_string(r.sent) + " sent, " + std::to_string(r.answered) +
                       " answered, " + std::to_string(r.lost) + " lost, " +
                       std::to_string(r.doubled) + " doubled, " + std::to_string(r.reordered) +
                       " out of order\n";
    text += "longest gap between answers " + ms(r.gap.length_ns) + " ms, after packet " +
            std::to_string(r.gap.from_sequence) +
            (r.gap.to_sequence ? " until packet " + std::to_string(*r.gap.to_sequence)
                               : " and no answer any more") +
            "\nround trip " + ms(r.round_trip_ns) + " ms (median), sent at worst " +
            ms(r.lateness_max_ns) + " ms late\n";
    if (r.unsent)
        text += std::to_string(r.unsent) + " packets the kernel did not take\n";
    for (const Lost& one : r.lost_list)
        text += "lost: packet " + std::to_string(one.sequence) + ", sent " +
                ms(one.sent_ns - r.start_ns) + " ms after the first\n";
    return text;
}

} // namespace lab
