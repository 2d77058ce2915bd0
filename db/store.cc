// SPDX-License-Identifier: Apache-2.0
//
// db/store: opening, checking, transactions.  The tables are in store-rows.cc.
#include <config.h>

#include "db/store.h"

#include <filesystem>
#include <system_error>

#include <sqlite3.h>

#include "db/schema.h"
#include "db/store-impl.h"

namespace holdfast::db {
namespace {

namespace fs = std::filesystem;

bool is_new(Connection& store)
{
    return store.integer("PRAGMA application_id") == 0 &&
           store.integer("PRAGMA user_version") == 0 &&
           store.integer("SELECT count(*) FROM sqlite_schema") == 0;
}

/// Refuses what is not a store, is newer than this program, or is damaged.
Result<void> check(Connection& store, const std::string& path)
{
    if (store.integer("PRAGMA application_id") != application_id)
        return Error{Errc::damaged, path + ": is a database of another program; it is kept as it "
                                           "is: move it away or name another store"};
    const auto version = store.integer("PRAGMA user_version");
    if (version > schema_version())
        return Error{Errc::too_new, path + ": was written by a newer Holdfast (schema " +
                                        std::to_string(version) + ", this program knows " +
                                        std::to_string(schema_version()) +
                                        "): install that version again"};
    if (const auto verdict = store.text("PRAGMA quick_check(1)"); verdict != "ok")
        return Error{Errc::damaged,
                     path + ": is damaged (" + verdict +
                         "); it is kept as it is: move it away, holdfast-hookd makes a new one"};
    return {};
}

/// Makes the folder of a new store.
Result<void> make_folder(const std::string& path)
{
    const auto folder = fs::path{path}.parent_path();
    std::error_code code;
    if (!folder.empty())
        fs::create_directories(folder, code);
    if (code)
        return Error{Errc::io, path + ": cannot make its folder (" + code.message() +
                                   "): check the path and who may write there"};
    return {};
}

/// Whether a write-ahead log with content lies beside the file.
bool has_log(const std::string& path)
{
    std::error_code code;
    const auto size = fs::file_size(path + "-wal", code);
    return !code && size > 0;
}

/// Takes a checked or new file into use: this version's schema, WAL mode.
void take_into_use(Connection& store)
{
    // NORMAL: a power cut may lose the last commits, never the file's integrity.
    store.run("PRAGMA journal_mode = WAL");
    store.run("PRAGMA synchronous = NORMAL");
    if (store.integer("PRAGMA user_version") < schema_version())
        migrate(store);
    store.checkpoint_on_close(true);
}

} // namespace

Error Store::Impl::explain(const SqliteError& error) const
{
    switch (error.code()) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return {Errc::damaged,
                path + ": is damaged (" + error.what() +
                    "); it is kept as it is: move it away, holdfast-hookd makes a new one"};
    case SQLITE_FULL:
        return {Errc::io, path + ": the disk is full, nothing was changed: make room there"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return {Errc::unavailable, path + ": another program holds it, nothing was changed: see "
                                          "who has it open with fuser"};
    case SQLITE_CONSTRAINT:
        return {Errc::exists, path + ": " + error.what()};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return {Errc::io, path + ": cannot be " + (read_only ? "read" : "written") + " (" +
                              error.what() + "): check its folder's owner and mode"};
    default:
        return {Errc::io, path + ": " + error.what() + ": check the disk it is on"};
    }
}

Error Store::Impl::explain(const BadRow& error) const
{
    return {Errc::damaged,
            path + ": " + error.what() +
                "; it is kept as it is: move it away, holdfast-hookd makes a new one"};
}

Result<void> Store::Impl::open()
{
    connection.reset();
    look_again = false;
    std::error_code code; // What cannot be looked at is refused by opening it.
    Result<void> opened;
    if (fs::is_directory(path, code))
        opened = Error{Errc::invalid, path + ": is a folder: name the store's file in it"};
    else
        opened = read_only ? open_to_read() : open_to_write();
    look_again |= !opened;
    return opened;
}

Result<void> Store::Impl::open_to_write()
{
    if (auto made = make_folder(path); !made)
        return made;
    Result<void> checked;
    auto opened = caught([&] {
        connection = std::make_unique<Connection>(path, Connection::Mode::write);
        connection->checkpoint_on_close(false); // Until checked, the file is not touched.
        if (connection->read_only())
            throw SqliteError{SQLITE_READONLY, "it may only be read"};
        if (!is_new(*connection))
            checked = check(*connection, path);
        if (checked)
            take_into_use(*connection);
    });
    return opened ? checked : opened;
}

Result<void> Store::Impl::open_to_read()
{
    std::error_code code;
    if (!fs::exists(path, code))
        return Error{Errc::not_found,
                     path + ": there is no store yet: start holdfast-hookd, which makes it"};
    auto opened = open_to_read(Connection::Mode::read);
    if (opened || opened.error().code != Errc::io || has_log(path))
        return opened;
    // Nobody writes, and this user cannot make the shared memory file beside the store.
    look_again = true;
    return open_to_read(Connection::Mode::immutable);
}

Result<void> Store::Impl::open_to_read(Connection::Mode mode)
{
    Result<void> checked;
    auto opened = caught([&] {
        connection = std::make_unique<Connection>(path, mode);
        connection->checkpoint_on_close(false);
        if (is_new(*connection)) {
            checked = Error{Errc::not_found, path + ": the store is empty as yet: start "
                                                    "holdfast-hookd, which fills it"};
            return;
        }
        checked = check(*connection, path);
        if (checked && connection->integer("PRAGMA user_version") < schema_version())
            read_a_copy_of_this_version();
    });
    return opened ? checked : opened;
}

/// Who only reads must not change the file, but neither can it wait for the one who does: after an
/// upgrade the switch can be there before holdfast-hookd, and must have its chains.
void Store::Impl::read_a_copy_of_this_version()
{
    auto copy = std::make_unique<Connection>(":memory:", Connection::Mode::write);
    copy->copy_from(*connection);
    migrate(*copy);
    connection = std::move(copy);
    look_again = true;
}

Result<bool> Store::Impl::keep_file()
{
    const auto moved = guarded([](Connection& store) { return store.moved(); });
    if (!moved || !*moved)
        return moved;
    std::error_code code;
    if (fs::exists(path, code))
        return Error{Errc::exists, path + ": is not the file that holdfast-hookd has open: restart "
                                          "it to use this one, or move it away and the open one "
                                          "is written here again"};
    if (code)
        return Error{Errc::io, path + ": cannot be looked at (" + code.message() +
                                   "): check its folder's owner and mode"};
    if (auto written = write_anew(); !written)
        return written.error();
    return true;
}

/// A file without a name lives as long as it is open: it is the source.
Result<void> Store::Impl::write_anew()
{
    if (auto made = make_folder(path); !made)
        return made;
    const auto draft = path + ".new";
    std::error_code code;
    // Of an earlier attempt, or of the file that went: they would be taken for the new one's.
    for (const auto& stale : {draft, draft + "-wal", draft + "-shm", path + "-wal", path + "-shm"})
        if (fs::remove(stale, code); code)
            return Error{Errc::io, stale + ": cannot be removed (" + code.message() +
                                       "): check its folder's owner and mode"};
    if (auto copied = caught([&] {
            Connection{draft, Connection::Mode::write}.copy_from(*connection);
        });
        !copied)
        return copied;
    if (fs::rename(draft, path, code); code)
        return Error{Errc::io, path + ": cannot be made (" + code.message() +
                                   "): check its folder's owner and mode"};
    auto old = std::move(connection);
    auto opened = open_to_write();
    if (!opened)
        connection = std::move(old);
    return opened;
}

Result<void> Store::Impl::begin()
{
    if (in_transaction)
        return Error{Errc::invalid, path + ": a transaction is open already"};
    if (read_only)
        return Error{Errc::invalid, path + ": was opened for reading only"};
    auto begun = guarded([](Connection& store) { store.run("BEGIN IMMEDIATE"); });
    in_transaction = bool(begun);
    failed.reset();
    return begun;
}

Result<void> Store::Impl::commit()
{
    Result<void> committed;
    if (failed) {
        committed = *failed;
    } else {
        committed = guarded([](Connection& store) {
            store.use("UPDATE change SET version = version + 1")->run();
            store.run("COMMIT");
        });
    }
    if (!committed) {
        roll_back();
        return committed;
    }
    in_transaction = false;
    return {};
}

void Store::Impl::roll_back()
{
    connection->roll_back();
    in_transaction = false;
    failed.reset();
}

Store::Store(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const std::string& path)
{
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    if (auto opened = impl->open(); !opened)
        return opened.error();
    return Store{std::move(impl)};
}

Result<Store> Store::open_read_only(const std::string& path)
{
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    impl->read_only = true;
    if (auto opened = impl->open(); !opened)
        return opened.error();
    return Store{std::move(impl)};
}

Result<bool> Store::keep_file()
{
    return impl_->keep_file();
}

Store::Transaction::Transaction(Store& store) : store_{store}, begun_{store.impl_->begin()}
{
    // What is put while the transaction could not begin must not be written one by one.
    if (!begun_ && !store_.impl_->in_transaction) {
        store_.impl_->in_transaction = true;
        store_.impl_->failed = begun_.error();
    } else if (!begun_) {
        done_ = true; // The outer transaction stays whose it is.
    }
}

Store::Transaction::~Transaction()
{
    if (!done_)
        store_.impl_->roll_back();
}

Result<void> Store::Transaction::commit()
{
    if (done_)
        return begun_ ? Error{Errc::invalid, "the transaction has ended already"} : begun_.error();
    done_ = true;
    return store_.impl_->commit();
}

} // namespace holdfast::db
