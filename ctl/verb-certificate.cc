// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-certificate: `holdfast fleet certificate`: the fleet's CA on disk, and the files of
// one hypervisor.
//
// The CA lies beside the store, in the folder `pki`: who can read the one can read the other.
#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/descriptor.h"
#include "common/text.h"
#include "ctl/certificate.h"
#include "ctl/verbs.h"

namespace holdfast::ctl {

namespace {

namespace fs = std::filesystem;

constexpr auto ca_years = std::chrono::years{20};
constexpr auto certificate_years = std::chrono::years{5};
constexpr auto clock_slack = std::chrono::hours{24}; // Of the machine that looks at it.

Error failed(const fs::path& path, const char* what, int error)
{
    return {Errc::io, path.string() + ": " + what + ": " + std::strerror(error)};
}

Validity from_now(std::chrono::years years)
{
    const auto now = std::chrono::system_clock::now();
    return {now - clock_slack,
            now + std::chrono::duration_cast<std::chrono::system_clock::duration>(years)};
}

/// Writes a file that nobody but its owner ever could read, unless `mode` says so.
/// Errors: io; exists if it is there.
Result<void> write_new(const fs::path& path, const std::string& text, mode_t mode)
{
    Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
    if (!file)
        return failed(path, "cannot be made", errno);
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(file.get())) {
        const int error = errno;
        ::unlink(path.c_str());
        return failed(path, "cannot be written", error);
    }
    return {};
}

/// Writes a file that may be there already, of an older CA.
Result<void> replace(const fs::path& path, const std::string& text)
{
    const fs::path fresh = path.string() + ".new";
    std::error_code none; // That there is none is as good.
    fs::remove(fresh, none);
    if (auto written = write_new(fresh, text, 0644); !written)
        return written;
    return ::rename(fresh.c_str(), path.c_str()) ? failed(path, "cannot be replaced", errno)
                                                 : Result<void>{};
}

Result<std::string> read_file(const fs::path& path)
{
    std::ifstream in{path, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (!in)
        return failed(path, "cannot be read", errno);
    return text;
}

/// A CA is made on the fleet's first hypervisor alone, so that a fleet has one.
Result<void> may_make_ca(const Session& session)
{
    auto store = session.open_store();
    if (!store)
        return store.error();
    auto world = read_world(*store);
    if (!world)
        return world.error();
    std::string first;
    bool here = true;
    for (const auto& row : world->hypervisors) {
        if (row.number == 1)
            first = row.name;
        if (row.self)
            here = row.number == 1;
    }
    if (here)
        return {};
    return Error{Errc::invalid, "the fleet's CA is on its first hypervisor" +
                                    (first.empty() ? "" : ", " + one_line(first, 64)) +
                                    ": make certificates there, and copy them here"};
}

/// Makes the CA in a folder that gets its name when all is in it: of two who do so at once one
/// wins, and both go on with its CA.
Result<void> make_ca_in(const fs::path& folder)
{
    auto ca = make_ca(from_now(ca_years));
    if (!ca)
        return ca.error();
    std::string fresh = folder.string() + ".XXXXXX";
    if (!::mkdtemp(fresh.data()))
        return failed(folder, "cannot be made", errno);
    auto certificate = write_new(fs::path{fresh} / "ca.pem", ca->certificate, 0644);
    auto key = write_new(fs::path{fresh} / "ca-key.pem", ca->key, 0600);
    int error = 0;
    if (certificate && key && ::rename(fresh.c_str(), folder.c_str()))
        error = errno;
    std::error_code ignored; // Nothing is left of it if it got its name.
    fs::remove_all(fresh, ignored);
    if (!certificate)
        return certificate;
    if (!key)
        return key;
    if (error && error != EEXIST && error != ENOTEMPTY)
        return failed(folder, "cannot be made", error);
    return {};
}

/// The fleet's CA, made at its first use.
Result<Pem> find_ca(const Session& session)
{
    auto store = session.store_path();
    if (!store)
        return store.error();
    const fs::path folder = fs::path{*store}.parent_path() / "pki";
    std::error_code unknown;
    if (!fs::exists(folder / "ca-key.pem", unknown)) {
        if (auto may = may_make_ca(session); !may)
            return may.error();
        if (auto made = make_ca_in(folder); !made)
            return made.error();
    }
    auto certificate = read_file(folder / "ca.pem");
    if (!certificate)
        return certificate.error();
    auto key = read_file(folder / "ca-key.pem");
    if (!key)
        return key.error();
    return Pem{std::move(*certificate), std::move(*key)};
}

/// Puts the three files into `folder`; none is left if one cannot be written.
Result<void> write_files(const fs::path& folder, const Pem& ca, const Pem& own)
{
    std::error_code code;
    fs::create_directories(folder, code);
    if (code)
        return failed(folder, "cannot be made", code.value());
    for (const char* name : {"certificate.pem", "key.pem"}) {
        if (fs::exists(folder / name, code))
            return Error{Errc::exists, (folder / name).string() +
                                           " is there already: take it away, or name another "
                                           "folder with --out"};
    }
    auto key = write_new(folder / "key.pem", own.key, 0600);
    if (!key)
        return key;
    auto certificate = write_new(folder / "certificate.pem", own.certificate, 0644);
    auto authority = certificate ? replace(folder / "ca.pem", ca.certificate) : certificate;
    if (!authority) {
        fs::remove(folder / "key.pem", code);
        if (certificate)
            fs::remove(folder / "certificate.pem", code);
        return authority;
    }
    return {};
}

} // namespace

Result<void> fleet_certificate(const Session& session, const std::string& name,
                               const std::string& folder)
{
    auto ca = find_ca(session);
    if (!ca)
        return ca.error();
    auto own = make_certificate(*ca, name, from_now(certificate_years));
    if (!own)
        return own.error();
    const std::string where = folder.empty() ? name + "-pki" : folder;
    if (auto written = write_files(where, *ca, *own); !written)
        return written;
    if (session.json)
        session.print_json({{"hypervisor", name},
                            {"ca_certificate", (fs::path{where} / "ca.pem").string()},
                            {"certificate", (fs::path{where} / "certificate.pem").string()},
                            {"private_key", (fs::path{where} / "key.pem").string()}});
    else
        session.print("certificate of " + name +
                      " made for 5 years: copy ca.pem, certificate.pem "
                      "and key.pem in " +
                      where + " to /etc/holdfast/pki on " + name +
                      ", and let nobody else read key.pem\n");
    return {};
}

} // namespace holdfast::ctl
