// SPDX-License-Identifier: Apache-2.0
//
// hookd/load-samples: see load-samples.h.
#include <config.h>

#include "hookd/load-samples.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "hookd/libvirt-handle.h"

namespace holdfast::hookd {
namespace {

constexpr int memory_period_s = 5; // From one word of the guest to the next.

std::optional<unsigned long long> figure(const virDomainStatsRecord& record, const char* name)
{
    unsigned long long value = 0;
    if (virTypedParamsGetULLong(record.params, record.nparams, name, &value) != 1)
        return std::nullopt;
    return value;
}

/// In thousandths; -1 if the guest does not tell.
int memory_of(const virDomainStatsRecord& record)
{
    const auto all = figure(record, "balloon.available");
    auto left = figure(record, "balloon.usable");
    if (!left) // A guest before Linux 3.14.
        left = figure(record, "balloon.unused");
    if (!all || !*all || !left)
        return -1;
    return static_cast<int>(1000 - std::min(*left, *all) * 1000 / *all);
}

LoadSample sample_of(const virDomainStatsRecord& record)
{
    LoadSample sample;
    sample.time_ns = std::chrono::steady_clock::now().time_since_epoch().count();
    sample.start = static_cast<int>(virDomainGetID(record.dom));
    sample.cpu_ns = figure(record, "cpu.time").value_or(0);
    unsigned n_cpus = 0;
    if (virTypedParamsGetUInt(record.params, record.nparams, "vcpu.current", &n_cpus) == 1)
        sample.n_cpus = static_cast<int>(n_cpus);
    sample.memory = memory_of(record);
    return sample;
}

} // namespace

LoadSamples load_samples(virConnectPtr connection, const std::vector<std::string>& uuids,
                         MemoryAsked& asked)
{
    LoadSamples samples;
    std::vector<DomainPtr> domains;
    std::vector<virDomainPtr> list;
    for (const std::string& uuid : uuids) {
        DomainPtr domain{virDomainLookupByUUIDString(connection, uuid.c_str())};
        if (!domain || virDomainIsActive(domain.get()) != 1)
            continue;
        list.push_back(domain.get());
        domains.push_back(std::move(domain));
    }
    if (list.empty())
        return samples;
    list.push_back(nullptr);
    virDomainStatsRecordPtr* records = nullptr;
    const int n = virDomainListGetStats(
        list.data(), VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_BALLOON,
        &records, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    for (int i = 0; i < n; ++i) {
        const std::string uuid = uuid_of(records[i]->dom);
        const auto sample = sample_of(*records[i]);
        if (is_to_be_asked(asked, uuid, sample)) // It may be that it cannot tell.
            virDomainSetMemoryStatsPeriod(records[i]->dom, memory_period_s, VIR_DOMAIN_AFFECT_LIVE);
        samples.emplace(uuid, sample);
    }
    if (n >= 0)
        virDomainStatsRecordListFree(records);
    return samples;
}

} // namespace holdfast::hookd
