// SPDX-License-Identifier: Apache-2.0
//
// ctl/certificate: makes the fleet's CA, and certificates of hypervisors.
//
// Values in, PEM out; the clock is the caller's, the keys' randomness OpenSSL's.  Keys are of
// the curve P-256.
#pragma once

#include <chrono>
#include <string>

#include "common/result.h"

namespace holdfast::ctl {

/// A certificate and its private key, each in PEM.
struct Pem {
    std::string certificate;
    std::string key;
};

/// When a certificate counts.
struct Validity {
    std::chrono::system_clock::time_point from;
    std::chrono::system_clock::time_point until;
};

/// A new CA, which signs itself.
/// Errors: io if OpenSSL fails.
/// Source: RFC 5280, section 4.2.1.
Result<Pem> make_ca(const Validity& validity);

/// A new certificate of `ca` for hypervisor `name`, as client and as server: common name and DNS
/// name are `name`.
/// Errors: invalid if `name` cannot be one: 1 to 64 letters, digits, - _ .; damaged if `ca` is
///         none; io if OpenSSL fails.
/// Source: RFC 5280, section 4.2.1.
Result<Pem> make_certificate(const Pem& ca, const std::string& name, const Validity& validity);

} // namespace holdfast::ctl
