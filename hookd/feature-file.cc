// SPDX-License-Identifier: Apache-2.0
//
// hookd/feature-file: see feature-file.h.
#include <config.h>

#include "hookd/feature-file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace holdfast::hookd {
namespace {

/// Carried in the program, so that no file can be missing or of another version.
constexpr const char* shipped =
#include "hookd/features.inc"
    ;

Result<void> add_file(recovery::FeatureTable& table, const std::string& file)
{
    std::error_code failed;
    if (!std::filesystem::exists(file, failed) && !failed)
        return {};
    // A folder can be opened, and to read from it throws.
    const bool folder = std::filesystem::is_directory(file, failed);
    std::ifstream in{folder ? "" : file};
    std::string text;
    if (in)
        text.assign(std::istreambuf_iterator<char>{in}, {});
    if (!in)
        return Error{Errc::io,
                     file + ": " + (folder ? "it is a folder" : std::strerror(errno)) +
                         ": make it a file that holdfast-hookd may read, or take it away"};
    return table.add(text, file);
}

} // namespace

std::string feature_file(const std::string& config_file)
{
    if (config_file.empty())
        return HOLDFAST_SYSCONFDIR "/holdfast/features.conf";
    return std::filesystem::path{config_file}.replace_filename("features.conf");
}

FeatureLoad load_features(const std::string& file)
{
    FeatureLoad load;
    if (auto done = load.table.add(shipped, "features.conf"); !done)
        throw std::logic_error{done.error().message};
    if (auto done = add_file(load.table, file); !done)
        load.problem = done.error().message + "; until then none of its lines counts, and "
                                              "holdfast-hookd reads it when it is started";
    return load;
}

} // namespace holdfast::hookd
