// SPDX-License-Identifier: Apache-2.0
//
// recovery/specification: what a VM is made of, as far as it matters for who can replace it
// (spec recovery.md, R1).
//
// A value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::recovery {

/// Something that a VM has or has not: a software, an operating system, a data set.
struct Element {
    std::string feature; // What kind of thing it is, e.g. "database": its weight is the feature's.
    std::string name;    // As people write it, e.g. "PostgreSQL".
    std::string version; // Empty if it is not known.

    auto operator<=>(const Element&) const = default;
};

/// "PostgreSQL 15.4".
std::string text_of(const Element& element);

/// What a VM has so much of.  Each is a feature of the same name.
enum class Quantity {
    cpu,    // Virtual CPUs.
    memory, // MiB.
    disk,   // MiB, of all its disks.
};
constexpr std::array<std::string_view, 3> quantity_names{"cpu", "memory", "disk"};
constexpr std::array<std::string_view, 3> quantity_units{"CPUs", "MiB", "MiB"};
constexpr std::size_t n_quantities = quantity_names.size();

/// By Quantity; 0: not known.
using Quantities = std::array<std::int64_t, n_quantities>;

struct Specification {
    std::vector<Element> elements; // In any order.
    Quantities quantities{};

    bool operator==(const Specification&) const = default;
};

} // namespace holdfast::recovery
