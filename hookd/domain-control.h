// SPDX-License-Identifier: Apache-2.0
//
// hookd/domain-control: pauses, resumes, ends and starts a domain of this hypervisor's, for
// recovery (spec recovery.md, R6, R9).
//
// Each call blocks, for seconds at times: for a thread aside.
#pragma once

#include <string>

#include "common/result.h"

namespace holdfast::hookd {

/// A domain, and whose libvirt it is in.
struct DomainPlace {
    std::string uri;
    std::string uuid;
    std::string name;
};

/// What pause_domain() says of one that is paused, and not killed.
inline constexpr const char* paused_word = "paused";

/// Lets no CPU of its guest run any more.  Where libvirt does not do it, its QEMU is killed.
/// Errors:  unavailable: its QEMU lives on.
Result<std::string> pause_domain(const DomainPlace& domain);
/// Lets its guest go on.
/// Errors:  invalid, with libvirt's own line.
Result<std::string> resume_domain(const DomainPlace& domain);
/// Starts it, if libvirt is to start it with the machine, and it does not run.
/// Errors:  invalid, with libvirt's own line.
Result<std::string> autostart_domain(const DomainPlace& domain);
/// Ends it, by libvirt or else by killing its QEMU; one that does not run is fine.
/// Errors:  unavailable: its QEMU lives on.
Result<std::string> end_domain(const DomainPlace& domain);
/// Defines it by its XML, and starts it without letting its guest begin; one that runs is fine.
/// Errors:  invalid, with libvirt's own line.
Result<std::string> start_domain(const std::string& uri, const std::string& xml);

} // namespace holdfast::hookd
