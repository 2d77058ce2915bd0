// SPDX-License-Identifier: Apache-2.0
//
// The files of a service's own file systems, packed and unpacked (S5).
#include <config.h>

#include "service/own-files.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "db/tests/folder.h"
#include "service/descriptor.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::service;
namespace fs = std::filesystem;

TEST_GROUP(OwnFiles)
{
    tests::Folder folder;
    std::string root = folder.path() + "/root", under = folder.path() + "/under",
                file = folder.path() + "/files";

    void setup() override
    {
        fs::create_directories(root + "/run/deep");
        fs::create_directories(root + "/dev/shm");
        fs::create_directories(under + "/-run");
        fs::create_directories(under + "/-dev-shm");
    }
    void write(const std::string& path, const std::string& text)
    {
        std::ofstream{path} << text;
    }
    void carry()
    {
        auto packed = pack(root, {"/run", "/dev/shm"}, file);
        CHECK_TEXT(bool(packed), packed ? "" : packed.error().message.c_str());
        auto unpacked = unpack(file, under);
        CHECK_TEXT(bool(unpacked), unpacked ? "" : unpacked.error().message.c_str());
    }
};

TEST(OwnFiles, BytesModesOwnersAndTimesAreKept)
{
    const std::string large(3'000'001, 'x');
    write(root + "/run/deep/large", large);
    write(root + "/run/empty", "");
    write(root + "/dev/shm/segment", std::string{"a\0b", 3});
    chmod((root + "/run/empty").c_str(), 04751);
    chmod((root + "/run/deep").c_str(), 01777);
    const timespec times[2]{{1'000'000'000, 5}, {1'100'000'000, 123'456'789}};
    utimensat(AT_FDCWD, (root + "/run/empty").c_str(), times, 0);
    carry();
    CHECK_TRUE(read_text(under + "/-run/deep/large") == large);
    CHECK_TRUE((read_text(under + "/-dev-shm/segment") == std::string{"a\0b", 3}));
    struct stat told {};
    LONGS_EQUAL(0, stat((under + "/-run/empty").c_str(), &told));
    LONGS_EQUAL(04751, told.st_mode & 07777);
    LONGS_EQUAL(1'100'000'000, told.st_mtim.tv_sec);
    LONGS_EQUAL(123'456'789, told.st_mtim.tv_nsec);
    LONGS_EQUAL(0, stat((under + "/-run/deep").c_str(), &told));
    LONGS_EQUAL(01777, told.st_mode & 07777);
}

TEST(OwnFiles, LinksPipesAndHolesAreKept)
{
    write(root + "/run/one", "text");
    LONGS_EQUAL(0, link((root + "/run/one").c_str(), (root + "/run/deep/two").c_str()));
    LONGS_EQUAL(0, symlink("/nowhere", (root + "/run/symbolic").c_str()));
    LONGS_EQUAL(0, mkfifo((root + "/run/pipe").c_str(), 0600));
    write(root + "/run/holes", "begin");
    LONGS_EQUAL(0, truncate((root + "/run/holes").c_str(), 1'000'000));
    carry();
    struct stat one {
    }, two{};
    LONGS_EQUAL(0, stat((under + "/-run/one").c_str(), &one));
    LONGS_EQUAL(0, stat((under + "/-run/deep/two").c_str(), &two));
    CHECK_TRUE(one.st_ino == two.st_ino && one.st_nlink == 2);
    STRCMP_EQUAL("text", read_text(under + "/-run/deep/two").c_str());
    STRCMP_EQUAL("/nowhere", fs::read_symlink(under + "/-run/symbolic").c_str());
    CHECK_TRUE(fs::is_fifo(under + "/-run/pipe"));
    CHECK_TRUE(read_text(under + "/-run/holes") == "begin" + std::string(999'995, '\0'));
}

TEST(OwnFiles, SocketsAreLeftToCriu)
{
    const Descriptor bound{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un name{AF_UNIX, {}};
    std::strcpy(name.sun_path, (root + "/run/door").substr(0, sizeof name.sun_path - 1).c_str());
    LONGS_EQUAL(0, bind(bound.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name));
    write(root + "/run/other", "text");
    carry();
    CHECK_FALSE(fs::exists(under + "/-run/door"));
    CHECK_TRUE(fs::exists(under + "/-run/other"));
}

TEST(OwnFiles, WhatIsNoArchiveIsAnErrorWithItsName)
{
    write(file, "no archive at all");
    const auto unpacked = unpack(file, under);
    CHECK_FALSE(bool(unpacked));
    STRCMP_CONTAINS(file.c_str(), unpacked.error().message.c_str());
    CHECK_FALSE(bool(unpack(folder.path() + "/nothing", under)));
    CHECK_FALSE(bool(pack(root, {"/nowhere"}, folder.path() + "/other")));
}

TEST(OwnFiles, NothingIsWrittenOutsideOfItsPlace)
{
    fs::create_directories(root + "/run/x");
    write(root + "/run/x/y", "text");
    CHECK_TRUE(bool(pack(root, {"/run"}, file)));
    auto bytes = read_text(file);
    for (auto at = bytes.find("-run/x/y"); at != std::string::npos; at = bytes.find("-run/x/y"))
        bytes.replace(at, 8, "-run/../");
    write(file, bytes);
    CHECK_FALSE(bool(unpack(file, under)));
}
