// SPDX-License-Identifier: Apache-2.0
//
// service/tls: see tls.h.
#include <config.h>

#include "service/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace holdfast::service::tls {

namespace {

constexpr const char* mend =
    "'holdfast fleet certificate', on the fleet's first hypervisor, makes a new one";

/// Without a signal to the process when the peer has gone, which OpenSSL's own would cause.
int write_quietly(BIO* bio, const char* bytes, int size)
{
    int fd = -1;
    BIO_get_fd(bio, &fd);
    BIO_clear_retry_flags(bio);
    ssize_t n = ::send(fd, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return static_cast<int>(n);
}

/// OpenSSL's way to a socket, with our write.  Lives as long as the process.
const BIO_METHOD* quiet_socket()
{
    static const BIO_METHOD* method = [] {
        const BIO_METHOD* theirs = BIO_s_socket();
        BIO_METHOD* ours = BIO_meth_new(BIO_TYPE_SOCKET, "quiet socket");
        BIO_meth_set_write(ours, write_quietly);
        BIO_meth_set_read(ours, BIO_meth_get_read(theirs));
        BIO_meth_set_ctrl(ours, BIO_meth_get_ctrl(theirs));
        BIO_meth_set_create(ours, BIO_meth_get_create(theirs));
        BIO_meth_set_destroy(ours, BIO_meth_get_destroy(theirs));
        return ours;
    }();
    return method;
}

/// A key that wants a passphrase cannot be used: nobody is there to type one.
int no_passphrase(char*, int, int, void*)
{
    return 0;
}

Error unusable(const char* key, const std::string& file, const std::string& why)
{
    return {Errc::io, std::string{key} + " " + file + ": " + why + "; " + mend};
}

/// Errors: io if the file cannot be opened, which OpenSSL would not say so plainly.
Result<void> readable(const char* key, const std::string& file)
{
    if (std::ifstream in{file}; in)
        return {};
    return unusable(key, file, std::string{"cannot be read ("} + std::strerror(errno) + ")");
}

/// What is wrong with the peer's certificate, as we see it.
std::string objection(long verified, const Credentials& own)
{
    switch (verified) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return std::string{"shows a certificate that has expired: "} + mend;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "shows a certificate that is not valid yet: are both clocks right?";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return "shows a certificate that is not of this fleet's CA (" + own.ca_certificate +
               "): " + mend;
    default:
        return std::string{"shows a certificate that will not do: "} +
               X509_verify_cert_error_string(verified);
    }
}

} // namespace

Result<Context> Context::load(const Credentials& own, Side side)
{
    for (auto [key, file] :
         {std::pair{"ca_certificate", &own.ca_certificate},
          std::pair{"certificate", &own.certificate}, std::pair{"private_key", &own.private_key}}) {
        if (auto there = readable(key, *file); !there)
            return there.error();
    }
    Context result;
    result.side_ = side;
    result.context_.reset(SSL_CTX_new(TLS_method()));
    SSL_CTX* context = result.context_.get();
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION))
        return Error{Errc::io, "OpenSSL here has no TLS 1.3"};
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_num_tickets(context, 0); // A connection is never resumed.
    SSL_CTX_set_read_ahead(context, 1);
    ERR_clear_error();
    if (SSL_CTX_load_verify_locations(context, own.ca_certificate.c_str(), nullptr) != 1)
        return unusable("ca_certificate", own.ca_certificate, "is no certificate in PEM");
    if (SSL_CTX_use_certificate_chain_file(context, own.certificate.c_str()) != 1)
        return unusable("certificate", own.certificate, "is no certificate in PEM");
    if (SSL_CTX_use_PrivateKey_file(context, own.private_key.c_str(), SSL_FILETYPE_PEM) != 1)
        return unusable("private_key", own.private_key,
                        "is no private key in PEM without a passphrase that belongs to " +
                            own.certificate);
    return result;
}

Session::Session(const Context& context, int fd, const Credentials& own)
    : session_{SSL_new(context.context_.get())}, own_{own}
{
    BIO* bio = BIO_new(quiet_socket());
    BIO_set_fd(bio, fd, BIO_NOCLOSE);
    SSL_set_bio(session_.get(), bio, bio);
    if (context.side_ == Side::connects)
        SSL_set_connect_state(session_.get());
    else
        SSL_set_accept_state(session_.get());
}

Outcome Session::handshake()
{
    ERR_clear_error();
    errno = 0;
    return outcome_of(SSL_do_handshake(session_.get()));
}

Outcome Session::write(const std::uint8_t* bytes, std::size_t size, std::size_t& n)
{
    ERR_clear_error();
    errno = 0;
    return outcome_of(SSL_write_ex(session_.get(), bytes, size, &n));
}

Outcome Session::read(std::uint8_t* bytes, std::size_t size, std::size_t& n)
{
    ERR_clear_error();
    errno = 0;
    return outcome_of(SSL_read_ex(session_.get(), bytes, size, &n));
}

bool Session::pending() const
{
    return SSL_has_pending(session_.get()) == 1;
}

Outcome Session::outcome_of(int result)
{
    if (result == 1)
        return Outcome::done;
    const int failed = errno;
    switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
        return Outcome::wants_read;
    case SSL_ERROR_WANT_WRITE:
        return Outcome::wants_write;
    case SSL_ERROR_ZERO_RETURN:
        return Outcome::ended;
    case SSL_ERROR_SYSCALL:
        return failed == ETIMEDOUT || failed == EHOSTUNREACH ? Outcome::dead : Outcome::ended;
    default:
        break;
    }
    const unsigned long error = ERR_peek_error();
    if (ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return Outcome::ended;
    cause_ = cause_of(error);
    return Outcome::refused;
}

/// Alerts are the peer's objections to us; the rest are ours to the peer.
std::string Session::cause_of(unsigned long error) const
{
    const std::string refuses = "refuses this hypervisor's certificate " + own_.certificate;
    switch (ERR_GET_REASON(error)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return objection(SSL_get_verify_result(session_.get()), own_);
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return "shows no certificate: only hypervisors of the fleet may connect";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return refuses + ": it has expired, or a clock is wrong; " + mend;
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return refuses + ": it is not of its fleet's CA; " + mend;
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        return refuses + "; " + mend;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return "does not speak TLS 1.3: is it holdfast-hookd that listens there?";
    default:
        break;
    }
    const char* reason = ERR_reason_error_string(error);
    return std::string{"breaks TLS: "} + (reason ? reason : "unknown error");
}

std::string Session::peer_name() const
{
    std::unique_ptr<X509, decltype(&X509_free)> peer{SSL_get1_peer_certificate(session_.get()),
                                                     X509_free};
    if (!peer)
        return {};
    std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names{
        static_cast<GENERAL_NAMES*>(
            X509_get_ext_d2i(peer.get(), NID_subject_alt_name, nullptr, nullptr)),
        GENERAL_NAMES_free};
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* entry = sk_GENERAL_NAME_value(names.get(), i);
        if (entry->type != GEN_DNS)
            continue;
        const auto* text = ASN1_STRING_get0_data(entry->d.dNSName);
        return {reinterpret_cast<const char*>(text),
                static_cast<std::size_t>(ASN1_STRING_length(entry->d.dNSName))};
    }
    return {};
}

} // namespace holdfast::service::tls
