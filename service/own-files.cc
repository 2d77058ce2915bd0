// SPDX-License-Identifier: Apache-2.0
//
// service/own-files: see own-files.h.  By libarchive.
#include <config.h>

#include "service/own-files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "common/text.h"
#include "service/descriptor.h"

namespace holdfast::service {
namespace {

using Reader = std::unique_ptr<archive, int (*)(archive*)>;
using Writer = Reader;
using Entry = std::unique_ptr<archive_entry, void (*)(archive_entry*)>;
using Links = std::unique_ptr<archive_entry_linkresolver, void (*)(archive_entry_linkresolver*)>;

Error failed(const std::string& what, archive* where)
{
    const char* why = archive_error_string(where);
    return {Errc::io, what + ": " + one_line(why ? why : "archive: no memory")};
}

/// The bytes of an entry that was read last.
Result<void> copy_bytes(archive* from, archive* to, const std::string& what)
{
    const void* bytes = nullptr;
    std::size_t size = 0;
    la_int64_t at = 0, written = 0;
    static const std::array<char, 4096> zeros{};
    for (;;) {
        const int read = archive_read_data_block(from, &bytes, &size, &at);
        if (read == ARCHIVE_EOF)
            return {};
        if (read != ARCHIVE_OK)
            return failed(what, from);
        while (written < at) { // A hole.
            const auto n =
                archive_write_data(to, zeros.data(),
                                   static_cast<std::size_t>(std::min<la_int64_t>(
                                       at - written, static_cast<la_int64_t>(zeros.size()))));
            if (n <= 0)
                return failed(what, to);
            written += n;
        }
        for (std::size_t done = 0; done < size;) {
            const auto n =
                archive_write_data(to, static_cast<const char*>(bytes) + done, size - done);
            if (n <= 0)
                return failed(what, to);
            done += static_cast<std::size_t>(n);
            written += n;
        }
    }
}

/// One file, if it is none that CRIU makes.
Result<void> pack_one(archive* disk, archive* out, archive_entry* entry, const std::string& name,
                      archive_entry_linkresolver* links)
{
    if (archive_entry_filetype(entry) == AE_IFSOCK)
        return {};
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry* spare = nullptr; // Of formats that tell a link's bytes at its last name.
    archive_entry_linkify(links, &entry, &spare);
    if (archive_write_header(out, entry) != ARCHIVE_OK)
        return failed(name, out);
    return archive_entry_size(entry) > 0 ? copy_bytes(disk, out, name) : Result<void>{};
}

/// One file system.
Result<void> pack_all(const std::string& path, const std::string& place, archive* out,
                      archive_entry_linkresolver* links)
{
    const Reader disk{archive_read_disk_new(), archive_read_free};
    const Entry entry{archive_entry_new(), archive_entry_free};
    if (!disk || !entry)
        return Error{Errc::io, path + ": archive: no memory"};
    archive_read_disk_set_symlink_physical(disk.get());
    archive_read_disk_set_behavior(disk.get(), ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS |
                                                   ARCHIVE_READDISK_NO_SPARSE);
    if (archive_read_disk_open(disk.get(), path.c_str()) != ARCHIVE_OK)
        return failed(path, disk.get());
    for (;;) {
        archive_entry_clear(entry.get());
        const int read = archive_read_next_header2(disk.get(), entry.get());
        if (read == ARCHIVE_EOF)
            return {};
        if (read != ARCHIVE_OK)
            return failed(path, disk.get());
        archive_read_disk_descend(disk.get());
        const std::string from = archive_entry_pathname(entry.get());
        if (auto done =
                pack_one(disk.get(), out, entry.get(), place + from.substr(path.size()), links);
            !done)
            return done;
    }
}

} // namespace

std::string place_of(const std::string& under, const std::string& point)
{
    std::string name = point;
    std::ranges::replace(name, '/', '-');
    return under + "/" + name;
}

Result<void> pack(const std::string& root, const std::vector<std::string>& points,
                  const std::string& file)
{
    const Writer out{archive_write_new(), archive_write_free};
    const Links links{archive_entry_linkresolver_new(), archive_entry_linkresolver_free};
    if (!out || !links)
        return Error{Errc::io, file + ": archive: no memory"};
    archive_entry_linkresolver_set_strategy(links.get(), ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE);
    const Descriptor to{open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!to)
        return system_error(file);
    if (archive_write_set_format_pax(out.get()) != ARCHIVE_OK ||
        archive_write_open_fd(out.get(), to.get()) != ARCHIVE_OK)
        return failed(file, out.get());
    for (const std::string& point : points)
        if (auto done = pack_all(root + point, place_of(".", point), out.get(), links.get()); !done)
            return done;
    return archive_write_close(out.get()) == ARCHIVE_OK ? Result<void>{} : failed(file, out.get());
}

Result<void> unpack(const std::string& file, const std::string& under)
{
    const Reader in{archive_read_new(), archive_read_free};
    const Writer disk{archive_write_disk_new(), archive_write_free};
    const Descriptor from{open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!in || !disk || !from)
        return system_error(file);
    archive_read_support_format_tar(in.get());
    archive_write_disk_set_options(disk.get(), ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM |
                                                   ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL |
                                                   ARCHIVE_EXTRACT_XATTR |
                                                   ARCHIVE_EXTRACT_SECURE_NODOTDOT);
    if (archive_read_open_fd(in.get(), from.get(), 65536) != ARCHIVE_OK)
        return failed(file, in.get());
    archive_entry* entry = nullptr;
    for (int read; (read = archive_read_next_header(in.get(), &entry)) != ARCHIVE_EOF;) {
        if (read != ARCHIVE_OK)
            return failed(file, in.get());
        const std::string name = archive_entry_pathname(entry);
        archive_entry_set_pathname(entry, (under + "/" + name).c_str());
        if (const char* link = archive_entry_hardlink(entry))
            archive_entry_set_hardlink(entry, (under + "/" + link).c_str());
        if (archive_write_header(disk.get(), entry) != ARCHIVE_OK)
            return failed(name, disk.get());
        if (archive_entry_size(entry) > 0)
            if (auto done = copy_bytes(in.get(), disk.get(), name); !done)
                return done;
        if (archive_write_finish_entry(disk.get()) != ARCHIVE_OK)
            return failed(name, disk.get());
    }
    return archive_write_close(disk.get()) == ARCHIVE_OK ? Result<void>{}
                                                         : failed(file, disk.get());
}

} // namespace holdfast::service
