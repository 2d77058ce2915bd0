// SPDX-License-Identifier: Apache-2.0
//
// service/tls: the part of service/link that speaks to OpenSSL: contexts, one session, and what
// its errors mean.  Private to service/link.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "common/result.h"
#include "service/link.h"

namespace holdfast::service::tls {

/// Which side of a connection this is.
enum class Side { connects, accepts };

/// How an operation on a non-blocking session went.
enum class Outcome {
    done,
    wants_read,  // Again, when something has come.
    wants_write, // Again, when something has gone.
    ended,       // The peer ended the connection.
    dead,        // The peer's machine does not answer any more.
    refused,     // One side refuses the other, or TLS is broken: Session::cause().
};

/// Our certificate and whose we trust.
class Context {
public:
    /// Errors: io, naming the file and the mend, if one cannot be used.
    static Result<Context> load(const Credentials& own, Side side);

private:
    friend class Session;
    struct Free {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };
    std::unique_ptr<SSL_CTX, Free> context_;
    Side side_ = Side::connects;
};

/// One connection's TLS 1.3.
class Session {
public:
    Session() = default;
    /// `fd` is a connected, non-blocking socket, which stays the caller's; `own` is for messages.
    Session(const Context& context, int fd, const Credentials& own);

    Outcome handshake();
    /// `n` is how many of `size` bytes went or came; more than 0 if done.
    Outcome write(const std::uint8_t* bytes, std::size_t size, std::size_t& n);
    Outcome read(std::uint8_t* bytes, std::size_t size, std::size_t& n);
    bool pending() const;

    /// After refused: why, following the peer's name in a line, e.g. "shows no certificate".
    std::string cause() const { return cause_; }
    /// The first DNS name among the subject's alternative names of the peer's certificate.
    std::string peer_name() const;

private:
    struct Free {
        void operator()(SSL* session) const { SSL_free(session); }
    };
    Outcome outcome_of(int result);
    std::string cause_of(unsigned long error) const;

    std::unique_ptr<SSL, Free> session_;
    Credentials own_;
    std::string cause_;
};

} // namespace holdfast::service::tls
