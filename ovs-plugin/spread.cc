// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/spread: see the header.
#include "ovs-plugin/spread.h"

#include "ovs-plugin/mix.h"

namespace holdfast::plugin {

namespace {

/// The same in every process, unlike std::hash.
std::uint64_t number_of(const std::string& id)
{
    std::uint64_t number = id.size();
    for (unsigned char byte : id)
        number = mix(number ^ byte);
    return number;
}

} // namespace

std::vector<std::size_t> spread(const std::vector<std::string>& ids)
{
    std::vector<std::size_t> owners(ids.empty() ? 0 : spread_slots);
    std::vector<std::uint64_t> numbers;
    for (const auto& id : ids)
        numbers.push_back(number_of(id));
    for (std::size_t slot = 0; slot < owners.size(); ++slot) {
        std::uint64_t highest = 0;
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            const auto weight = mix(numbers[i] ^ mix(slot));
            if (i == 0 || weight > highest) {
                highest = weight;
                owners[slot] = i;
            }
        }
    }
    return owners;
}

} // namespace holdfast::plugin
