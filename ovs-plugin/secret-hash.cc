// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/secret-hash: see the header.
#include "ovs-plugin/secret-hash.h"

#include <sys/random.h>

#include <cstring>

namespace holdfast::plugin {

namespace {

std::uint64_t random_number()
{
    std::uint64_t number = 0;
    (void)getrandom(&number, sizeof number, 0); // At worst it is no secret.
    return number;
}

/// Each bit goes everywhere (the finalizer of MurmurHash3).
std::uint64_t mix(std::uint64_t value)
{
    value = (value ^ value >> 33) * 0xff51afd7ed558ccd;
    value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53;
    return value ^ value >> 33;
}

} // namespace

std::size_t secret_hash(const Ip& address, std::uint64_t more)
{
    static const std::uint64_t secret = random_number();
    std::uint64_t high, low;
    std::memcpy(&high, address.data(), sizeof high);
    std::memcpy(&low, address.data() + sizeof high, sizeof low);
    return static_cast<std::size_t>(mix(mix(mix(secret ^ high) ^ low) ^ more));
}

} // namespace holdfast::plugin
