// SPDX-License-Identifier: Apache-2.0
//
// env/container-text: the texts that a user's container is made of: libvirt's domain, and the files
// of its /etc (spec Q8).
//
// Pure.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace holdfast::env {

/// A user's container on this hypervisor.
struct Container {
    std::string user;    // A name of the hypervisor's password database.
    uid_t uid = 0;       // His there; not root's.
    gid_t gid = 0;       // His first group's.
    std::string folder;  // What stays of it: `root` and `home`, and the address, are in there.
    std::string proc;    // Where env/proc-fs is mounted.
    std::string bridge;  // Where its port is plugged in.
    std::string address; // IPv4.
    int prefix = 0;
    std::string gateway;             // Of its default route; empty if there is none.
    int cpus = 0;                    // The hypervisor's.
    long long memory_kib = 0;        // Likewise.
    std::vector<std::string> shared; // Folders of the hypervisor that it sees, and may not write.
};

/// The name of the user's domain, which is the container's host name.
std::string domain_name(const std::string& user);
/// Whose domain it is; empty if it is no user's container.
std::string user_of_domain(const std::string& name);

/// The domain of libvirt's LXC driver.
std::string domain_xml(const Container& container);

/// Files of its /etc, by their path below it.
std::map<std::string, std::string> etc_files(const Container& container);

} // namespace holdfast::env
