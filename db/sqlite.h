// SPDX-License-Identifier: Apache-2.0
//
// db/sqlite: SQLite's C interface behind values that clean up after themselves.
//
// Used inside db/ only.  A failure is thrown as SqliteError and caught where db/store meets
// its callers; nothing of this header leaves the folder.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace holdfast::db {

/// What SQLite refused: its (extended) code and its words.
class SqliteError : public std::runtime_error {
public:
    SqliteError(int code, const std::string& message) : std::runtime_error(message), code_{code} {}
    /// The primary code, e.g. SQLITE_CORRUPT.
    int code() const { return code_ & 0xff; }

private:
    int code_;
};

/// A column that holds what no program of ours writes.
class BadRow : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A prepared statement.  Kept and used again by its Connection.
class Statement {
public:
    Statement(sqlite3* connection, std::string_view sql);
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    /// Binds the next parameter, from the left.
    Statement& bind(std::int64_t value);
    Statement& bind(const std::string& value);
    /// True while there is a row; the columns are then read from the left.
    bool step();
    /// For a statement without rows.
    void run();

    /// The next column of the row.  Errors: throws BadRow if it holds no whole number.
    std::int64_t integer();
    /// The same, if it goes into an int, or what else T is.
    template <class T>
    T number()
    {
        const auto value = integer();
        if (!std::in_range<T>(value))
            throw BadRow{name() + " is " + std::to_string(value) + ": it is out of range"};
        return static_cast<T>(value);
    }
    std::string text();
    /// The first column of the row, whatever was read of it.
    std::string first();

    /// Ready to be bound and run again; also frees the read lock.
    void reset();

private:
    std::string name() const;
    std::string text_at(int column) const;

    sqlite3_stmt* statement_ = nullptr;
    int bound_ = 0;
    int column_ = 0;
};

/// Resets a statement at the end of its use, also on a throw.
class Use {
public:
    explicit Use(Statement& statement) : statement_{statement} {}
    ~Use() { statement_.reset(); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    Statement* operator->() { return &statement_; }
    Statement& operator*() { return statement_; }

private:
    Statement& statement_;
};

/// One connection to one file; belongs to one thread.
class Connection {
public:
    /// How the file is opened.
    enum class Mode {
        write,     ///< Made if missing.
        read,      ///< Must exist; shares memory with a writer.
        immutable, ///< Must exist and have no writer: no locks, no shared memory.
    };

    Connection(const std::string& path, Mode mode);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Takes all that `other` has in place of one's own.
    void copy_from(Connection& other);
    /// Runs statements without parameters or rows.
    void run(const std::string& sql);
    /// The first column of the first row, as a number.
    std::int64_t integer(const std::string& sql);
    /// The same, as text.
    std::string text(const std::string& sql);
    /// The kept statement for this text; `sql` must be a literal.
    Use use(std::string_view sql);
    /// Ends a transaction without its changes, if one is open; never throws.
    void roll_back() noexcept;
    /// Whether the file could be opened for reading only.
    bool read_only() const;
    /// Whether the file it has open is no more the one at its path: removed, or another's place.
    bool moved() const;
    /// Whether closing the last connection copies the write-ahead log into the file.
    void checkpoint_on_close(bool on);
    /// The number given to the row inserted last.
    std::int64_t last_id() const;

private:
    sqlite3* connection_ = nullptr;
    std::map<std::string_view, Statement> statements_;
};

} // namespace holdfast::db
