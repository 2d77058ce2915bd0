// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/secret-hash: for tables by what clients choose, addresses and ports: a secret is in
// it, so nobody can choose his place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ovs-plugin/address.h"

namespace holdfast::plugin {

/// Another one in each process.
std::size_t secret_hash(const Ip& address, std::uint64_t more);

} // namespace holdfast::plugin
