// SPDX-License-Identifier: Apache-2.0
//
// common/result: errors as values.
//
// Used everywhere a caller can act on a failure.  A failure that no caller can act on
// is thrown and ends the daemon at its top.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace holdfast {

/// What kind of failure; the message says what, where and the mend.
enum class Errc {
    invalid = 1, // The input is wrong; nothing was changed.
    not_found,   // The thing named is not known.
    exists,      // The name or number is taken.
    unavailable, // The other party is not there now; ask again later.
    damaged,     // A file or message is not what it should be.
    too_new,     // The store was made by a newer program.
    io,          // The operating system refused.
    outdated,    // What the decision rests on is another by now: decide again.
};

/// A failure: its kind, and one line for a person.
struct Error {
    Errc code = Errc::invalid;
    std::string message;

    bool operator==(const Error&) const = default;
};

/// A value, or why there is none.
template <class T>
class Result {
public:
    Result(T value) : value_{std::move(value)} {}
    Result(Error error) : value_{std::move(error)} {}

    explicit operator bool() const { return value_.index() == 0; }
    T& operator*() { return std::get<0>(value_); }
    const T& operator*() const { return std::get<0>(value_); }
    T* operator->() { return &std::get<0>(value_); }
    const T* operator->() const { return &std::get<0>(value_); }
    /// Only when there is no value.
    const Error& error() const { return std::get<1>(value_); }

private:
    std::variant<T, Error> value_;
};

/// Success without a value, or an error.
template <>
class Result<void> {
public:
    Result() = default;
    Result(Error error) : error_{std::move(error)}, ok_{false} {}

    explicit operator bool() const { return ok_; }
    const Error& error() const { return error_; }

private:
    Error error_;
    bool ok_ = true;
};

} // namespace holdfast
