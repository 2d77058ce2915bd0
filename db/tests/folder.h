// SPDX-License-Identifier: Apache-2.0
//
// db/tests/folder: a folder of its own for each test, and commands run in the shell.
#pragma once

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace holdfast::tests {

/// A new empty folder, removed with its content at the end.
class Folder {
public:
    Folder()
    {
        auto name = (std::filesystem::temp_directory_path() / "holdfast-test-XXXXXX").string();
        if (!::mkdtemp(name.data()))
            throw std::runtime_error{"cannot make " + name};
        path_ = name;
    }
    ~Folder()
    {
        std::error_code code;
        std::filesystem::remove_all(path_, code);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// What a shell command prints on both outputs, and its exit code at the end as "[N]".
inline std::string shell(const std::string& command)
{
    std::string output;
    std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::array<char, 4096> part;
    while (auto n = std::fread(part.data(), 1, part.size(), pipe))
        output.append(part.data(), n);
    return output + "[" + std::to_string(WEXITSTATUS(::pclose(pipe))) + "]";
}

} // namespace holdfast::tests
