// SPDX-License-Identifier: Apache-2.0
//
// service/image-files: CRIU's images on their way (spec S5).
//
// They lie in the service's folder, on both sides alike: images/N for each round N, with `parent`
// in it, a link to the round before.  Round 0 is what the processor can do; the last is the dump.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/descriptor.h"
#include "common/result.h"
#include "service/folder.h"
#include "service/link.h"
#include "service/message.h"

namespace holdfast::service {

/// The folder of a round.
std::string round_folder(const Folder& folder, std::uint32_t round);

/// Makes it, empty, with its link.
/// Errors: io.
Result<std::string> make_round(const Folder& folder, std::uint32_t round);

/// The bytes that send_round() sends.
/// Errors: io.
Result<std::uint64_t> size_of_round(const Folder& folder, std::uint32_t round);
/// Hears how many bytes were sent just now.
using SentSome = std::function<void(std::uint64_t bytes)>;
/// Sends a round's files; `ahead`: memory that was sent is not needed here any more, and goes.
/// Errors: io; those of Link::send().
Result<void> send_round(Link& link, const Folder& folder, std::uint32_t round, bool ahead,
                        const SentSome& sent);

/// Takes all images away.
void remove_images(const Folder& folder);

/// Whether images may be written: the folder is in memory that all daemons share.
/// Errors: unavailable, with the folder; io.
Result<void> has_room(const Folder& folder);

/// Writes files as they come.
class ImageWriter {
public:
    explicit ImageWriter(const Folder& folder) : folder_{folder} {}

    /// Parts come in their order, one file after the other.
    /// Errors: io, e.g. if there is no room; damaged for a round that cannot be.
    Result<void> take(const FilePart& part);

private:
    Folder folder_;
    Descriptor file_; // Of which the next part is.
    std::string path_;
};

} // namespace holdfast::service
