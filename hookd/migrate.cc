// SPDX-License-Identifier: Apache-2.0
//
// hookd/migrate: see migrate.h.
#include <config.h>

#include "hookd/migrate.h"

#include <libvirt/virterror.h>

#include "common/text.h"
#include "hookd/libvirt-handle.h"

namespace holdfast::hookd {
namespace {

Error libvirt_error(const std::string& what)
{
    return {Errc::invalid, what + ": " + one_line(virGetLastErrorMessage())};
}

void put_in(std::string& text, const std::string& word, const std::string& value)
{
    for (std::size_t at = text.find(word); at != std::string::npos;
         at = text.find(word, at + value.size())) {
        text.replace(at, word.size(), value);
    }
}

/// Whether the domain is defined here, so that its definition has to follow.
bool is_persistent(virDomainPtr domain)
{
    return virDomainIsPersistent(domain) == 1;
}

} // namespace

std::string expand_uri(std::string pattern, const db::Hypervisor& peer)
{
    put_in(pattern, "{hypervisor}", peer.name);
    put_in(pattern, "{vtep}", peer.vtep);
    return pattern;
}

Result<std::string> migrate(const Config& config, const std::string& uuid,
                            const db::Hypervisor& peer)
{
    // A connection of its own: the call holds it until the VM is there.
    ConnectPtr connection{virConnectOpen(config.libvirt_uri.c_str())};
    if (!connection)
        return libvirt_error("libvirt cannot be reached");
    DomainPtr domain{virDomainLookupByUUIDString(connection.get(), uuid.c_str())};
    if (!domain)
        return libvirt_error("VM " + uuid + " is not on this hypervisor");
    unsigned flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER;
    if (is_persistent(domain.get()))
        flags |= VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
    virTypedParameterPtr parameters = nullptr;
    int n = 0;
    int most = 0;
    if (!config.migration_network.empty()) {
        virTypedParamsAddString(&parameters, &n, &most, VIR_MIGRATE_PARAM_URI,
                                expand_uri(config.migration_network, peer).c_str());
    }
    std::string to = expand_uri(config.migration_uri, peer);
    int failed = virDomainMigrateToURI3(domain.get(), to.c_str(), parameters,
                                        static_cast<unsigned>(n), flags);
    Error error = failed ? libvirt_error("libvirt") : Error{};
    virTypedParamsFree(parameters, n);
    if (failed)
        return error;
    return std::string{};
}

} // namespace holdfast::hookd
