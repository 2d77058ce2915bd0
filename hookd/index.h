// SPDX-License-Identifier: Apache-2.0
//
// hookd/index: finds rows by their key, for loops over many of them.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace holdfast::hookd {

/// The rows of a vector by one of their members.  The vector must not change meanwhile.
template <class Row>
class Index {
public:
    Index(const std::vector<Row>& rows, std::string Row::*key)
    {
        rows_.reserve(rows.size());
        for (const Row& row : rows)
            rows_.emplace(row.*key, &row);
    }

    /// Null if there is none.
    const Row* find(const std::string& key) const
    {
        auto found = rows_.find(key);
        return found == rows_.end() ? nullptr : found->second;
    }

private:
    std::unordered_map<std::string_view, const Row*> rows_;
};

} // namespace holdfast::hookd
