// SPDX-License-Identifier: Apache-2.0
//
// db/sqlite: see sqlite.h.
#include <config.h>

#include "db/sqlite.h"

#include <sqlite3.h>

#include "common/text.h"

namespace holdfast::db {
namespace {

[[noreturn]] void fail(sqlite3* connection, int code)
{
    throw SqliteError{code, connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code)};
}

/// A path as a URI: what is special in one is escaped.
std::string uri_of(const std::string& path)
{
    constexpr char hex[] = "0123456789abcdef";
    std::string uri = "file:";
    for (const char c : path) {
        if (c == '%' || c == '?' || c == '#') {
            const auto byte = static_cast<unsigned char>(c);
            uri += {'%', hex[byte >> 4], hex[byte & 15]};
        } else {
            uri += c;
        }
    }
    return uri;
}

} // namespace

Statement::Statement(sqlite3* connection, std::string_view sql)
{
    const int code = sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (code != SQLITE_OK)
        fail(connection, code);
}

Statement::~Statement()
{
    sqlite3_finalize(statement_);
}

Statement& Statement::bind(std::int64_t value)
{
    if (const int code = sqlite3_bind_int64(statement_, ++bound_, value); code != SQLITE_OK)
        fail(sqlite3_db_handle(statement_), code);
    return *this;
}

Statement& Statement::bind(const std::string& value)
{
    const int code = sqlite3_bind_text64(statement_, ++bound_, value.data(), value.size(),
                                         SQLITE_TRANSIENT, SQLITE_UTF8);
    if (code != SQLITE_OK)
        fail(sqlite3_db_handle(statement_), code);
    return *this;
}

bool Statement::step()
{
    column_ = 0;
    switch (const int code = sqlite3_step(statement_)) {
    case SQLITE_ROW:
        return true;
    case SQLITE_DONE:
        return false;
    default:
        fail(sqlite3_db_handle(statement_), code);
    }
}

void Statement::run()
{
    while (step())
        continue;
}

std::int64_t Statement::integer()
{
    const int column = column_++;
    if (sqlite3_column_type(statement_, column) != SQLITE_INTEGER)
        throw BadRow{name() + " is " + one_line(text_at(column), 40) + ": it is to be a number"};
    return sqlite3_column_int64(statement_, column);
}

std::string Statement::text()
{
    return text_at(column_++);
}

std::string Statement::first()
{
    return text_at(0);
}

/// Of the column that was read last.
std::string Statement::name() const
{
    return sqlite3_column_name(statement_, column_ - 1);
}

std::string Statement::text_at(int column) const
{
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (!bytes)
        return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::reset()
{
    sqlite3_reset(statement_); // Repeats the error of the last step, which was thrown there.
    sqlite3_clear_bindings(statement_);
    bound_ = column_ = 0;
}

Connection::Connection(const std::string& path, Mode mode)
{
    const int flags =
        mode == Mode::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    const auto uri = uri_of(path) + (mode == Mode::immutable ? "?immutable=1" : "");
    const int code = sqlite3_open_v2(uri.c_str(), &connection_,
                                     flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) {
        const SqliteError error{code,
                                connection_ ? sqlite3_errmsg(connection_) : sqlite3_errstr(code)};
        sqlite3_close(connection_);
        throw error;
    }
    sqlite3_extended_result_codes(connection_, 1);
    sqlite3_busy_timeout(connection_, 2000);
}

Connection::~Connection()
{
    statements_.clear();
    sqlite3_close(connection_);
}

void Connection::copy_from(Connection& other)
{
    sqlite3_backup* copy = sqlite3_backup_init(connection_, "main", other.connection_, "main");
    if (!copy)
        fail(connection_, sqlite3_errcode(connection_));
    const int stepped = sqlite3_backup_step(copy, -1);
    const int finished =
        sqlite3_backup_finish(copy); // Says nothing of a copy that could not begin.
    if (stepped != SQLITE_DONE || finished != SQLITE_OK)
        fail(nullptr, finished != SQLITE_OK ? finished : stepped);
}

void Connection::run(const std::string& sql)
{
    const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK)
        fail(connection_, code);
}

std::int64_t Connection::integer(const std::string& sql)
{
    Statement statement{connection_, sql};
    return statement.step() ? statement.integer() : 0;
}

std::string Connection::text(const std::string& sql)
{
    Statement statement{connection_, sql};
    return statement.step() ? statement.text() : std::string{};
}

Use Connection::use(std::string_view sql)
{
    return Use{statements_.try_emplace(sql, connection_, sql).first->second};
}

void Connection::roll_back() noexcept
{
    // SQLite may have done it by itself (disk full); what then fails changes nothing.
    if (!sqlite3_get_autocommit(connection_))
        sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool Connection::read_only() const
{
    return sqlite3_db_readonly(connection_, "main") == 1;
}

bool Connection::moved() const
{
    int moved = 0;
    if (const int code = sqlite3_file_control(connection_, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
        code != SQLITE_OK)
        fail(connection_, code);
    return moved != 0;
}

void Connection::checkpoint_on_close(bool on)
{
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 0 : 1, nullptr);
}

std::int64_t Connection::last_id() const
{
    return sqlite3_last_insert_rowid(connection_);
}

} // namespace holdfast::db
