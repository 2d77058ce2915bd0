// SPDX-License-Identifier: Apache-2.0
//
// env/proc-fs: see proc-fs.h.
#include <config.h>

#define FUSE_USE_VERSION 35

#include "env/proc-fs.h"

#include <fuse.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "db/find.h"
#include "db/store.h"
#include "env/proc-text.h"

namespace holdfast::env {
namespace {

/// All that a text can be made of.
struct View {
    Nodes nodes;
    Ticks ticks;
    double now = 0;
};

struct File {
    std::string_view path;
    std::string (*text)(const View& view);
};

std::string cpus_of(const View& view)
{
    return cpus_text(view.nodes);
}

constexpr std::array files{
    File{"/proc/cpuinfo", [](const View& view) { return cpuinfo_text(view.nodes); }},
    File{"/proc/stat", [](const View& view) { return stat_text(view.nodes, view.ticks); }},
    File{"/proc/meminfo", [](const View& view) { return meminfo_text(view.nodes); }},
    File{"/proc/loadavg", [](const View& view) { return loadavg_text(view.nodes); }},
    File{"/proc/uptime",
         [](const View& view) { return uptime_text(view.nodes, view.ticks, view.now); }},
    File{"/cpu/online", cpus_of},
    File{"/cpu/possible", cpus_of},
    File{"/cpu/present", cpus_of},
};
constexpr std::array<std::string_view, 2> folders{"/proc", "/cpu"};

double seconds_now()
{
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// The file system's state.  One thread.
class ProcFs {
public:
    explicit ProcFs(const ProcFsOrder& order) : order_{order} {}

    /// Errors: those of the store; not_found if the user has no share any more.
    Result<std::string> text_of(const File& file)
    {
        if (!store_) {
            auto store = db::Store::open_read_only(order_.store);
            if (!store)
                return store.error();
            store_ = std::move(*store);
        }
        auto rows = store_->share_rows();
        if (!rows)
            return rows.error();
        auto quota = db::find_quota(rows->quotas, order_.user);
        if (!quota)
            return quota.error();
        view_.nodes = shown_on(order_.node, members(*quota, rows->hypervisors));
        view_.now = seconds_now();
        view_.ticks.advance(view_.nodes, view_.now);
        return file.text(view_);
    }

private:
    ProcFsOrder order_;
    std::optional<db::Store> store_; // Opened by the process that reads it: SQLite minds a fork.
    View view_;
};

ProcFs& state()
{
    return *static_cast<ProcFs*>(fuse_get_context()->private_data);
}

const File* find(std::string_view path)
{
    const auto file = std::ranges::find(files, path, &File::path);
    return file == files.end() ? nullptr : &*file;
}

bool is_folder(std::string_view path)
{
    return path == "/" || std::ranges::find(folders, path) != folders.end();
}

int get_attributes(const char* path, struct stat* status, fuse_file_info*)
{
    if (!find(path) && !is_folder(path))
        return -ENOENT;
    std::memset(status, 0, sizeof *status);
    status->st_mode = is_folder(path) ? S_IFDIR | 0555 : S_IFREG | 0444;
    status->st_nlink = is_folder(path) ? 2 : 1;
    return 0;
}

int list(const char* path, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info*,
         fuse_readdir_flags)
{
    if (!is_folder(path))
        return -ENOTDIR;
    const auto tell = [&](std::string_view whole) {
        const auto slash = whole.rfind('/');
        const auto parent = slash == 0 ? std::string_view{"/"} : whole.substr(0, slash);
        if (parent == path)
            fill(buffer, std::string{whole.substr(slash + 1)}.c_str(), nullptr, 0,
                 fuse_fill_dir_flags{});
    };
    for (const char* self : {".", ".."})
        fill(buffer, self, nullptr, 0, fuse_fill_dir_flags{});
    std::ranges::for_each(folders, tell);
    for (const File& file : files)
        tell(file.path);
    return 0;
}

/// What an open file has been read from.
std::string& text_at(fuse_file_info* info)
{
    return *reinterpret_cast<std::string*>(info->fh);
}

int open_file(const char* path, fuse_file_info* info)
{
    if (!find(path))
        return is_folder(path) ? -EISDIR : -ENOENT;
    if ((info->flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    info->direct_io = 1; // How long it is says the text alone.
    info->fh = reinterpret_cast<std::uint64_t>(new std::string);
    return 0;
}

int close_file(const char*, fuse_file_info* info)
{
    delete &text_at(info);
    return 0;
}

int read_file(const char* path, char* buffer, std::size_t size, off_t offset, fuse_file_info* info)
try {
    std::string& text = text_at(info);
    if (offset == 0) {
        auto now = state().text_of(*find(path));
        if (!now)
            return -EIO;
        text = std::move(*now);
    }
    const auto from = std::min(static_cast<std::size_t>(offset), text.size());
    const auto n = std::min(size, text.size() - from);
    std::memcpy(buffer, text.data() + from, n);
    return static_cast<int>(n);
} catch (const std::exception&) {
    return -EIO;
}

fuse_operations operations()
{
    fuse_operations all{};
    all.getattr = get_attributes;
    all.readdir = list;
    all.open = open_file;
    all.release = close_file;
    all.read = read_file;
    return all;
}

struct EndFuse {
    void operator()(fuse* it) const { fuse_destroy(it); }
};

} // namespace

Result<void> serve_proc(const ProcFsOrder& order)
{
    if (auto store = db::Store::open_read_only(order.store); !store)
        return store.error();
    ProcFs state{order};
    char name[] = "holdfast-env", option[] = "-o";
    char options[] = "allow_other,default_permissions,ro,fsname=holdfast-env";
    char* words[] = {name, option, options};
    fuse_args arguments = FUSE_ARGS_INIT(3, words);
    const fuse_operations all = operations();
    const std::unique_ptr<fuse, EndFuse> served{fuse_new(&arguments, &all, sizeof all, &state)};
    fuse_opt_free_args(&arguments);
    if (!served || fuse_mount(served.get(), order.mountpoint.c_str()) != 0)
        return Error{Errc::io, order.mountpoint +
                                   ": nothing can be mounted there: is it a folder, and is there "
                                   "/dev/fuse?"};
    if (fuse_daemonize(0) != 0)
        return Error{Errc::io, "holdfast-env: no process of its own can be made"};
    fuse_loop(served.get());
    fuse_unmount(served.get());
    return {};
}

} // namespace holdfast::env
