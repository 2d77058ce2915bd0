// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/kept: see the header.
#include "ovs-plugin/kept.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace holdfast::plugin {

namespace {

constexpr std::size_t n_grow = 4096;       // Records.
constexpr unsigned try_again_after = 4096; // Of a full disk, not for each record.
// What the file begins with; the number goes up with the meaning of records.
constexpr char head[64] = "Holdfast connections 1\n";

} // namespace

struct Kept::Slot {
    Record record;
    std::atomic<std::uint8_t> whole;
};

Result<std::unique_ptr<Kept>> Kept::open(const std::string& path, std::size_t most)
{
    static_assert(sizeof(Slot) == size_in_file && std::atomic<std::uint8_t>::is_always_lock_free);
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return Error{Errc::unavailable, path + " cannot be opened: " + std::strerror(errno) +
                                            ": connections are not kept over a restart"};
    std::unique_ptr<Kept> kept{new Kept{file, path, most}};
    if (auto mapped = kept->map(); !mapped)
        return mapped.error();
    return kept;
}

Kept::Kept(int file, std::string path, std::size_t most)
    : file_{file}, path_{std::move(path)}, most_{std::min<std::size_t>(most, none)}
{
}

Kept::~Kept()
{
    if (mapped_)
        munmap(mapped_, mapped_size_);
    close(file_);
}

/// Maps what is there, and finds the free places in it.
Result<void> Kept::map()
{
    const auto failed = [this](const char* what) {
        return Error{Errc::unavailable, path_ + ": " + what + ": " + std::strerror(errno) +
                                            ": connections are not kept over a restart"};
    };
    char found[sizeof head] = {};
    struct stat status {};
    if (fstat(file_, &status) || pread(file_, found, sizeof found, 0) < 0)
        return failed("cannot be read");
    if (std::memcmp(found, head, sizeof head) != 0) {
        if (ftruncate(file_, 0) || pwrite(file_, head, sizeof head, 0) != sizeof head)
            return failed("cannot be written");
        status.st_size = sizeof head;
    }
    n_slots_ = (static_cast<std::size_t>(status.st_size) - sizeof head) / sizeof(Slot);
    if (n_slots_ > most_) {
        n_slots_ = most_;
        status.st_size = static_cast<off_t>(sizeof head + n_slots_ * sizeof(Slot));
        if (ftruncate(file_, status.st_size))
            return failed("cannot be cut short");
    }
    // Without holes: what there is no room for would be a fatal signal when it is touched.
    if (n_slots_ && (errno = posix_fallocate(file_, 0, status.st_size)))
        return failed("there is no room");
    mapped_size_ = sizeof head + n_slots_ * sizeof(Slot);
    mapped_ = mmap(nullptr, mapped_size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (mapped_ == MAP_FAILED) {
        mapped_ = nullptr;
        return failed("cannot be mapped");
    }
    for (std::size_t i = n_slots_; i-- > 0;)
        if (slot(static_cast<Place>(i)).whole)
            ++count_;
        else
            free_.push_back(static_cast<Place>(i));
    return {};
}

bool Kept::grow()
{
    const auto n = std::min(n_grow, most_ - n_slots_);
    if (!n || (refused_ && ++refused_ % try_again_after))
        return false;
    refused_ = 1; // Until it has worked.
    const auto size = mapped_size_ + n * sizeof(Slot);
    if (posix_fallocate(file_, 0, static_cast<off_t>(size)))
        return false;
    void* const moved = mremap(mapped_, mapped_size_, size, MREMAP_MAYMOVE);
    if (moved == MAP_FAILED)
        return false;
    refused_ = 0;
    mapped_ = moved;
    mapped_size_ = size;
    for (std::size_t i = n_slots_ + n; i-- > n_slots_;)
        free_.push_back(static_cast<Place>(i));
    n_slots_ += n;
    return true;
}

Kept::Slot& Kept::slot(Place place)
{
    return reinterpret_cast<Slot*>(static_cast<char*>(mapped_) + sizeof head)[place];
}

Kept::Place Kept::put(const Record& record)
{
    if (free_.empty() && !grow())
        return none;
    const auto place = free_.back();
    free_.pop_back();
    ++count_;
    auto& at = slot(place); // It is not whole: nobody reads it yet.
    at.record = record;
    at.whole.store(1, std::memory_order_release);
    return place;
}

void Kept::change(Place place, const Record& record)
{
    if (place == none)
        return;
    auto& at = slot(place);
    at.whole.store(0, std::memory_order_release);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    at.record = record;
    at.whole.store(1, std::memory_order_release);
}

void Kept::drop(Place place)
{
    if (place == none)
        return;
    slot(place).whole.store(0, std::memory_order_release);
    free_.push_back(place);
    --count_;
}

void Kept::each(const std::function<void(Place, const Record&)>& each)
{
    for (std::size_t i = 0; i < n_slots_; ++i)
        if (auto& at = slot(static_cast<Place>(i)); at.whole)
            each(static_cast<Place>(i), at.record);
}

} // namespace holdfast::plugin
