// SPDX-License-Identifier: Apache-2.0
//
// ctl/store-watch: waits until the store's file changes, for --follow.
#pragma once

#include <chrono>
#include <string>

#include "common/result.h"

namespace holdfast::ctl {

/// Watches the store's folder, since SQLite writes to a file beside the store (WAL).
class StoreWatch {
public:
    /// Errors: io if the folder cannot be watched.
    static Result<StoreWatch> on(const std::string& store);

    ~StoreWatch();
    StoreWatch(StoreWatch&& other) noexcept;
    StoreWatch& operator=(StoreWatch&&) = delete;

    /// Returns true as soon as something was written since the last call, false after `longest`.
    /// It may be called for nothing: look at the store's version.
    bool wait(std::chrono::milliseconds longest);

private:
    explicit StoreWatch(int fd) : fd_{fd} {}
    int fd_; // inotify.
};

} // namespace holdfast::ctl
