// SPDX-License-Identifier: Apache-2.0
//
// service/criu: CRIU's command line, and what it prints.
//
// Pure.  By its command, which is stable from 3.17 on, and needs no library of the same version.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "service/outside.h"

namespace holdfast::service {

/// What CRIU is to do with one folder of images.
struct Images {
    std::string folder; // Absolute.
    std::string parent; // The folder of the round before, as seen from `folder`; empty: none.
};

/// Where a restore finds file systems.
struct Places {
    std::string root;    // The machine's own, bound there.
    std::string carried; // The folder in which those are that go along (service/own-files).
};

/// Command lines, to be run in the service's network namespace: so CRIU leaves that, and who may
/// pass there, to us.  `init` is the service's first process.
std::vector<std::string> pre_dump_words(const Images& images, int init);
/// The processes are left standing.
std::vector<std::string> dump_words(const Images& images, int init, const Outside& outside);
/// The processes come up standing.  `log`: a descriptor for what their log was.
std::vector<std::string> restore_words(const Images& images, const Places& places,
                                       const Outside& outside, int log);

/// The file in `folder` where restore() puts the number of the first process.
std::string pid_file(const Images& images);
/// The file in `folder` with what CRIU did.
std::string log_file(const Images& images);

/// What a round or a dump did.
struct Figures {
    std::uint64_t scanned = 0;   // Pages of the processes,
    std::uint64_t unchanged = 0; // those of them that an earlier round has,
    std::uint64_t written = 0;   // and those of 4096 bytes that this one wrote.
    std::uint64_t frozen = 0;    // Microseconds for which CRIU held the processes.

    bool operator==(const Figures&) const = default;
};

/// Reads them from what `--display-stats` prints.
/// Errors: damaged if one is missing.
Result<Figures> parse_figures(const std::string& text);

/// The line in CRIU's log that says why it failed, without time and place; empty if there is none.
std::string parse_reason(const std::string& log);

/// The number in "Version: 3.17.1"; empty if there is none.
std::string parse_version(const std::string& text);

} // namespace holdfast::service
