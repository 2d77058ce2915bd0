// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/kept: small records in a file, which a new process finds again when the one before
// was killed (spec B9: a connection stays where it was placed, also over a restart).
//
// Each record is written with one last byte that says that it is whole, so a process that is killed
// in the middle of it leaves none.  The file is for a restart of a process, not of the machine: it
// belongs in a folder that is empty after that, as its connections are gone then.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "common/result.h"

namespace holdfast::plugin {

/// Not to be called by two threads at once.
class Kept {
public:
    static constexpr std::size_t size = 63;
    static constexpr std::size_t size_in_file = size + 1;
    using Record = std::array<std::uint8_t, size>;
    /// The place of a record.
    using Place = std::uint32_t;
    static constexpr Place none = UINT32_MAX;

    /// Opens the file, or makes it, for `most` records.  One of another version of Holdfast is
    /// begun anew; what a larger one has beyond these is forgotten. Errors:  unavailable, one line:
    /// what, where and why.
    static Result<std::unique_ptr<Kept>> open(const std::string& path, std::size_t most);
    ~Kept();
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;

    /// Shape:   the file grows by 256 KiB at a time, 64 bytes a record, and does not shrink.
    /// Returns: `none` if there is no room: the record is not kept then.
    Place put(const Record& record);
    void change(Place place, const Record& record);
    /// `none` is fine.
    void drop(Place place);
    /// How many there are.
    std::size_t count() const { return count_; }
    /// Calls `each` for every record; it may drop that one.
    void each(const std::function<void(Place, const Record&)>& each);

private:
    struct Slot;
    Kept(int file, std::string path, std::size_t most);
    Result<void> map();
    bool grow();
    Slot& slot(Place place);

    int file_;
    std::string path_;
    std::size_t most_;
    void* mapped_ = nullptr;
    std::size_t mapped_size_ = 0;
    std::size_t n_slots_ = 0;
    std::size_t count_ = 0;
    std::deque<Place> free_; // Of which none moves when it grows.
    unsigned refused_ = 0;   // Since the disk was found full.
};

} // namespace holdfast::plugin
