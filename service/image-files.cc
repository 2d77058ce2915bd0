// SPDX-License-Identifier: Apache-2.0
//
// service/image-files: see the header.
#include <config.h>

#include "service/image-files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "service/round-plan.h"

namespace holdfast::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_bytes = 4u << 20;   // Of a part.
constexpr std::chrono::seconds send_limit{60}; // For a part.
constexpr std::uint32_t last_round = most_rounds + 1;

Error io_error(const std::string& what, const std::error_code& code)
{
    return {Errc::io, what + ": " + code.message()};
}

/// One file, in parts.
Result<void> send_file(Link& link, const fs::path& path, std::uint32_t round, const SentSome& sent)
{
    const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file)
        return system_error(path);
    struct stat whole {};
    if (fstat(file.get(), &whole) != 0)
        return system_error(path);
    FilePart part{path.filename(), round, false, {}};
    for (auto left = static_cast<std::size_t>(whole.st_size); !part.last;) {
        part.bytes.resize(std::min(left, most_bytes)); // Most files are small, and room costs time.
        const auto size = read(file.get(), part.bytes.data(), part.bytes.size());
        if (size < 0)
            return system_error(path);
        part.bytes.resize(static_cast<std::size_t>(size));
        left -= static_cast<std::size_t>(size);
        part.last = size == 0 || left == 0;
        if (auto done = link.send(static_cast<std::uint8_t>(Message::file), encode(part),
                                  std::chrono::steady_clock::now() + send_limit);
            !done)
            return done;
        sent(static_cast<std::uint64_t>(size));
    }
    return {};
}

/// What goes to the other side.
Result<std::vector<fs::path>> files_of(const Folder& folder, std::uint32_t round)
{
    std::error_code code;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator{round_folder(folder, round), code})
        if (!entry.is_symlink() && entry.is_regular_file() && entry.path().extension() != ".log")
            files.push_back(entry.path());
    if (code)
        return io_error(round_folder(folder, round), code);
    return files;
}

bool is_memory(const fs::path& path)
{
    return path.filename().string().starts_with("pages-");
}

} // namespace

std::string round_folder(const Folder& folder, std::uint32_t round)
{
    return folder.file("images/") + std::to_string(round);
}

Result<std::string> make_round(const Folder& folder, std::uint32_t round)
{
    auto path = round_folder(folder, round);
    std::error_code code;
    fs::create_directories(path, code);
    if (!code && round > 1)
        fs::create_directory_symlink("../" + std::to_string(round - 1), path + "/parent", code);
    if (code)
        return io_error(path, code);
    return path;
}

Result<std::uint64_t> size_of_round(const Folder& folder, std::uint32_t round)
{
    auto files = files_of(folder, round);
    if (!files)
        return files.error();
    std::uint64_t size = 0;
    for (const auto& path : *files) {
        std::error_code code;
        size += fs::file_size(path, code);
        if (code)
            return io_error(path, code);
    }
    return size;
}

Result<void> send_round(Link& link, const Folder& folder, std::uint32_t round, bool ahead,
                        const SentSome& sent)
{
    auto files = files_of(folder, round);
    if (!files)
        return files.error();
    for (const auto& path : *files) {
        if (auto done = send_file(link, path, round, sent); !done)
            return done;
        if (ahead && is_memory(path) && truncate(path.c_str(), 0) != 0)
            return system_error(path);
    }
    return {};
}

void remove_images(const Folder& folder)
{
    std::error_code code; // What is not there need not go.
    fs::remove_all(folder.file("images"), code);
}

Result<void> has_room(const Folder& folder)
{
    struct statvfs room {};
    if (statvfs(folder.path().c_str(), &room) != 0)
        return system_error(folder.path());
    if (room.f_bavail < room.f_blocks / 10)
        return Error{Errc::unavailable, folder.path() +
                                            ": there is no room for the service's "
                                            "memory; a tenth of it stays free for others"};
    return {};
}

Result<void> ImageWriter::take(const FilePart& part)
{
    if (part.round > last_round)
        return Error{Errc::damaged, "the other side sends more rounds than there are"};
    if (auto room = has_room(folder_); !room)
        return room;
    const auto path = round_folder(folder_, part.round) + "/" + part.name;
    if (!file_ || path != path_) {
        std::error_code code;
        if (!fs::exists(round_folder(folder_, part.round), code))
            if (auto made = make_round(folder_, part.round); !made)
                return made.error();
        file_ = Descriptor{open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
        path_ = path;
        if (!file_)
            return system_error(path);
    }
    for (std::size_t n = 0; n < part.bytes.size();) {
        const auto size = write(file_.get(), part.bytes.data() + n, part.bytes.size() - n);
        if (size < 0 && errno != EINTR)
            return system_error(path);
        n += static_cast<std::size_t>(size < 0 ? 0 : size);
    }
    if (part.last)
        file_.reset(-1);
    return {};
}

} // namespace holdfast::service
