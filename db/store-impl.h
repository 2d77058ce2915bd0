// SPDX-License-Identifier: Apache-2.0
//
// db/store-impl: what store.cc (files, transactions) and store-rows.cc (tables) share.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "db/sqlite.h"
#include "db/store.h"

namespace holdfast::db {

struct Store::Impl {
    std::string path;
    bool read_only = false;
    bool look_again =
        false; // Opened without locks, as a copy, or not at all: again for the next read.
    std::unique_ptr<Connection> connection;
    bool in_transaction = false;
    std::optional<Error> failed; // Why the transaction that is open cannot commit.

    /// Opens the connection and checks that the file is a store of this version.
    Result<void> open();
    Result<void> open_to_write();
    Result<void> open_to_read();
    Result<void> open_to_read(Connection::Mode mode);
    void read_a_copy_of_this_version();
    Result<bool> keep_file();
    Result<void> write_anew();
    /// The error for a failure of SQLite, naming the file and the mend.
    Error explain(const SqliteError& error) const;
    Error explain(const BadRow& error) const;
    Result<void> begin();
    Result<void> commit();
    void roll_back();

    /// Runs `work()` and turns a throw into an error.
    template <class Work>
    auto caught(Work work) const -> Result<decltype(work())>
    {
        try {
            if constexpr (std::is_void_v<decltype(work())>) {
                work();
                return {};
            } else {
                return work();
            }
        } catch (const SqliteError& error) {
            return explain(error);
        } catch (const BadRow& error) {
            return explain(error);
        }
    }

    /// The same with the connection.
    template <class Work>
    auto guarded(Work work) const -> Result<decltype(work(*connection))>
    {
        return caught([&] { return work(*connection); });
    }

    /// Reads; all statements of `work` see the same instant.
    template <class Work>
    auto read(Work work) -> Result<decltype(work(*connection))>
    {
        if (look_again)
            if (auto opened = open(); !opened)
                return opened.error();
        if (in_transaction)
            return guarded(work);
        return guarded([&](Connection& store) {
            struct End {
                Connection& store;
                ~End() { store.roll_back(); } // It read only: ending it either way is the same.
            };
            store.run("BEGIN");
            const End end{store};
            return work(store);
        });
    }

    /// Writes, all or nothing, in the open transaction or in one of its own.
    template <class Work>
    Result<void> write(Work work)
    {
        const bool own = !in_transaction;
        if (own)
            if (auto begun = begin(); !begun)
                return begun;
        if (failed)
            return *failed;
        if (auto done = guarded(work); !done) {
            if (own)
                roll_back();
            else
                failed = done.error(); // Half a change must not be committed.
            return done;
        }
        return own ? commit() : Result<void>{};
    }
};

} // namespace holdfast::db
