// SPDX-License-Identifier: Apache-2.0
//
// service/space: the namespaces of a service, and its port.
//
// The network namespace is made before anything runs inside, and outlives it, as a file in the
// service's folder: so a service can be received while there is no process of its own yet.
// Sequential code: waits.
#pragma once

#include <functional>

#include "common/result.h"
#include "service/definition.h"
#include "service/folder.h"

namespace holdfast::service {

/// The port's end inside.
constexpr const char* inner = "eth0";

/// Makes the network namespace `net` with lo and eth0: addresses, routes, both up.  The port's
/// other end, `definition.interface`, is here, up, and in no bridge yet.
/// Errors: exists if the namespace is there already; io, with what the system said; then all that
///         was made is gone again.
Result<void> make_network(const Definition& definition, const Folder& folder);

/// Does `work` in a process of its own inside the network namespace.
/// Errors: io; not_found if there is no such namespace; those of `work`.
Result<void> in_network(const Folder& folder, const std::function<Result<void>()>& work);

/// Makes the kernel complete every frame that leaves by eth0 of this thread's network namespace: a
/// switch in user space passes on bytes, and a checksum left for the hardware would stay wrong.
void without_offload();

/// Takes the port and the namespaces away; what is not there need not go.  A process that runs in
/// them keeps them alive, without a name.
void remove_space(const std::string& interface, const Folder& folder);

} // namespace holdfast::service
