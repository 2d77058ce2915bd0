// SPDX-License-Identifier: Apache-2.0
//
// ctl/certificate: see certificate.h.
#include <config.h>

#include "ctl/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "common/text.h"

namespace holdfast::ctl {

namespace {

/// OpenSSL's objects, with an owner.
template <auto function>
struct Free {
    void operator()(auto* object) const { function(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;

Error openssl_failed(const char* what)
{
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    return {Errc::io,
            std::string{"OpenSSL cannot "} + what + ": " + (reason ? reason : "unknown error")};
}

std::string text_of(BIO* bio)
{
    char* begin = nullptr;
    const long size = BIO_get_mem_data(bio, &begin);
    return {begin, static_cast<std::size_t>(size)};
}

Result<Pem> pem_of(X509* certificate, EVP_PKEY* key)
{
    Bio first{BIO_new(BIO_s_mem())}, second{BIO_new(BIO_s_mem())};
    if (!first || !second || !PEM_write_bio_X509(first.get(), certificate) ||
        !PEM_write_bio_PKCS8PrivateKey(second.get(), key, nullptr, nullptr, 0, nullptr, nullptr))
        return openssl_failed("write a certificate");
    return Pem{text_of(first.get()), text_of(second.get())};
}

/// Random, 127 bits, so that no two of a CA are alike without anything to be remembered.
bool give_serial(X509* certificate)
{
    Number number{BN_new()};
    return number && BN_rand(number.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

bool give_validity(X509* certificate, const Validity& validity)
{
    const auto from = std::chrono::system_clock::to_time_t(validity.from);
    const auto until = std::chrono::system_clock::to_time_t(validity.until);
    return ASN1_TIME_set(X509_getm_notBefore(certificate), from) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), until);
}

bool give_name(X509* certificate, const std::string& name)
{
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                      0);
}

using Words = std::span<const std::pair<int, std::string>>;

bool give_extensions(X509* certificate, X509* issuer, Words extensions)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    for (const auto& [kind, value] : extensions) {
        Extension extension{X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())};
        if (!extension || !X509_add_ext(certificate, extension.get(), -1))
            return false;
    }
    return true;
}

/// What `make_ca` and `make_certificate` share; without an issuer it signs itself.
Result<Pem> make(const std::string& name, const Validity& validity, Words extensions, X509* issuer,
                 EVP_PKEY* issuer_key)
{
    Key key{EVP_EC_gen("P-256")};
    Certificate certificate{X509_new()};
    X509* made = certificate.get();
    if (!key || !made || !X509_set_version(made, X509_VERSION_3) || !give_serial(made) ||
        !give_validity(made, validity) || !give_name(made, name) ||
        !X509_set_issuer_name(made, X509_get_subject_name(issuer ? issuer : made)) ||
        !X509_set_pubkey(made, key.get()) ||
        !give_extensions(made, issuer ? issuer : made, extensions) ||
        !X509_sign(made, issuer_key ? issuer_key : key.get(), EVP_sha256()))
        return openssl_failed("make a certificate");
    return pem_of(made, key.get());
}

Result<void> check_name(const std::string& name)
{
    constexpr std::size_t longest = 64; // Of a common name.
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (name.empty() || name.size() > longest ||
        name.find_first_not_of(allowed) != std::string::npos)
        return Error{Errc::invalid, "\"" + one_line(name, 64) +
                                        "\" is no hypervisor's name: give at most 64 letters, "
                                        "digits, - _ ."};
    return {};
}

} // namespace

Result<Pem> make_ca(const Validity& validity)
{
    const std::array<std::pair<int, std::string>, 3> extensions{{
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
    }};
    return make("Holdfast fleet CA", validity, extensions, nullptr, nullptr);
}

Result<Pem> make_certificate(const Pem& ca, const std::string& name, const Validity& validity)
{
    if (auto good = check_name(name); !good)
        return good.error();
    Bio certificate_text{BIO_new_mem_buf(ca.certificate.data(), int(ca.certificate.size()))};
    Bio key_text{BIO_new_mem_buf(ca.key.data(), int(ca.key.size()))};
    Certificate issuer{PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr)};
    Key issuer_key{PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr)};
    if (!issuer || !issuer_key || !X509_check_private_key(issuer.get(), issuer_key.get()))
        return Error{Errc::damaged, "the CA's certificate and key are not in PEM, or do not "
                                    "belong together"};
    const std::array<std::pair<int, std::string>, 6> extensions{{
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth,clientAuth"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid"},
        {NID_subject_alt_name, "DNS:" + name},
    }};
    return make(name, validity, extensions, issuer.get(), issuer_key.get());
}

} // namespace holdfast::ctl
