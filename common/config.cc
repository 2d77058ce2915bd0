// SPDX-License-Identifier: Apache-2.0
//
// common/config: see config.h.
#include <config.h>

#include "common/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include "common/text.h"

namespace holdfast {
namespace {

/// A key and where its value goes.
struct Key {
    const char* name;
    std::string Config::*member;
    bool may_be_empty;
};

constexpr std::array keys{
    Key{"hypervisor", &Config::hypervisor, false},
    Key{"bridge", &Config::bridge, false},
    Key{"fabric", &Config::fabric, true},
    Key{"vtep", &Config::vtep, true},
    Key{"fleet_address", &Config::fleet_address, true},
    Key{"libvirt_uri", &Config::libvirt_uri, false},
    Key{"migration_uri", &Config::migration_uri, false},
    Key{"migration_network", &Config::migration_network, true},
    Key{"store", &Config::store, false},
    Key{"ovs_db", &Config::ovs_db, true},
    Key{"ca_certificate", &Config::ca_certificate, false},
    Key{"certificate", &Config::certificate, false},
    Key{"private_key", &Config::private_key, false},
    Key{"environment_addresses", &Config::environment_addresses, true},
    Key{"environment_gateway", &Config::environment_gateway, true},
    Key{"quota_caps", &Config::quota_caps, false},
    Key{"balance_at_maximum", &Config::balance_at_maximum, false},
    Key{"balance_on_return", &Config::balance_on_return, false},
    Key{"balance_join_takes", &Config::balance_join_takes, false},
    Key{"node_control_group", &Config::node_control_group, true},
    Key{"rate_hour_a_day", &Config::rate_hour_a_day, false},
    Key{"rate_hour_a_week", &Config::rate_hour_a_week, false},
    Key{"rate_gib", &Config::rate_gib, false},
    Key{"rate_work_an_hour", &Config::rate_work_an_hour, false},
    Key{"log_level", &Config::log_level, false},
    Key{"log_file", &Config::log_file, true},
};

/// The same of a whole number.
struct Number {
    const char* name;
    int Config::*member;
    int least;
    int most;
};

constexpr std::array numbers{
    Number{"capacity", &Config::capacity, 0, 4'000'000},
    Number{"quota_base", &Config::quota_base, 1, 1'000'000},
    Number{"quota_period_days", &Config::quota_period_days, 1, 366},
    Number{"quota_interval_s", &Config::quota_interval_s, 1, 86'400},
    Number{"quota_candidate_load", &Config::quota_candidate_load, 1, 1000},
    Number{"quota_grow_at", &Config::quota_grow_at, 1, 1000},
    Number{"quota_shrink_at", &Config::quota_shrink_at, 0, 1000},
    Number{"quota_use_at", &Config::quota_use_at, 1, 1000},
    Number{"quota_spare_at", &Config::quota_spare_at, 1, 1000},
    Number{"schedd_lease_s", &Config::schedd_lease_s, 2, 3600},
    Number{"recovery_lease_s", &Config::recovery_lease_s, 5, 3600},
    Number{"balance_interval_s", &Config::balance_interval_s, 0, 3600},
    Number{"balance_average_s", &Config::balance_average_s, 1, 3600},
    Number{"balance_threshold", &Config::balance_threshold, 1, 1000},
    Number{"balance_maximum", &Config::balance_maximum, 1, 1000},
    Number{"balance_leader_threshold", &Config::balance_leader_threshold, 1, 1000},
    Number{"balance_imbalance", &Config::balance_imbalance, 1, 1000},
    Number{"balance_even", &Config::balance_even, 0, 1000},
    Number{"balance_hold", &Config::balance_hold, 1, 100},
    Number{"balance_moves", &Config::balance_moves, 1, 1000},
    Number{"balance_rest_s", &Config::balance_rest_s, 0, 604'800},
    Number{"balance_give_up_after", &Config::balance_give_up_after, 1, 100},
    Number{"balance_aside_at", &Config::balance_aside_at, 0, 1000},
    Number{"balance_merge_at", &Config::balance_merge_at, 0, 1000},
    Number{"balance_join_from", &Config::balance_join_from, 1, 100},
    Number{"node_cpus", &Config::node_cpus, 0, 65'536},
};

std::string host_name()
{
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0)
        return "localhost";
    return name.data();
}

Error wrong(const std::string& file, std::size_t line, const std::string& what)
{
    return {Errc::invalid, file + ", line " + std::to_string(line) + ": " + what};
}

Error unknown_key(const std::string& file, std::size_t line, const std::string& name)
{
    std::vector<std::string> names;
    for (const Key& key : keys)
        names.emplace_back(key.name);
    for (const Number& number : numbers)
        names.emplace_back(number.name);
    std::string near = nearest(name, names);
    std::string mend;
    if (!near.empty()) {
        mend = "did you mean \"" + near + "\"?";
    } else {
        mend = "known are";
        for (const std::string& known : names)
            mend += " " + known;
    }
    return wrong(file, line, "unknown key \"" + one_line(name, 60) + "\": " + mend);
}

/// A key whose value is one of two words.
struct Choice {
    const char* name;
    std::string Config::*member;
    const char* one;
    const char* other;
};

constexpr std::array choices{
    Choice{"quota_caps", &Config::quota_caps, "on", "off"},
    Choice{"balance_at_maximum", &Config::balance_at_maximum, "worst", "all"},
    Choice{"balance_on_return", &Config::balance_on_return, "back", "exchange"},
    Choice{"balance_join_takes", &Config::balance_join_takes, "parts", "heaviest"},
};

Result<void> check_choices(const Config& config, const std::string& file, std::size_t line)
{
    for (const auto& [name, member, one, other] : choices)
        if (const std::string& value = config.*member; value != one && value != other)
            return wrong(file, line,
                         std::string{name} + " is \"" + one_line(value, 60) + "\": give " + one +
                             " or " + other);
    return {};
}

Result<void> check(const Config& config, const std::string& file, std::size_t line)
{
    constexpr std::array levels{"trace", "debug", "info", "warning", "error"};
    if (std::find(levels.begin(), levels.end(), config.log_level) == levels.end()) {
        return wrong(file, line,
                     "log_level is \"" + one_line(config.log_level, 60) +
                         "\": give trace, debug, info, warning or error");
    }
    for (const auto& [name, rate] : {std::pair{"rate_hour_a_day", &config.rate_hour_a_day},
                                     std::pair{"rate_hour_a_week", &config.rate_hour_a_week},
                                     std::pair{"rate_gib", &config.rate_gib},
                                     std::pair{"rate_work_an_hour", &config.rate_work_an_hour}})
        if (!parse_ratio(*rate))
            return wrong(file, line,
                         std::string{name} + " is \"" + one_line(*rate, 60) +
                             "\": give UNITS or UNITS/QUANTITY, of 0 to 1000000 and 1 to 10000");
    in6_addr address{};
    if (!config.vtep.empty() && inet_pton(AF_INET, config.vtep.c_str(), &address) != 1 &&
        inet_pton(AF_INET6, config.vtep.c_str(), &address) != 1) {
        return wrong(file, line,
                     "vtep is \"" + one_line(config.vtep, 60) +
                         "\": give the IP address at which the others reach this hypervisor");
    }
    return check_choices(config, file, line);
}

/// The text of a line before its comment.  A `#` counts at the start or after a blank, so
/// that a URI may hold one.
std::string_view without_comment(std::string_view line)
{
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t'))
            return line.substr(0, i);
    }
    return line;
}

Result<void> set_number(Config& config, const Number& key, const std::string& value,
                        const std::string& file, std::size_t line)
{
    const auto number = parse_number(value);
    if (!number || *number < key.least || *number > key.most)
        return wrong(file, line,
                     std::string{key.name} + " is \"" + one_line(value, 60) + "\": give " +
                         std::to_string(key.least) + " to " + std::to_string(key.most));
    config.*(key.member) = static_cast<int>(*number);
    return {};
}

Result<void> set(Config& config, const std::string& file, std::size_t number, std::string_view line,
                 std::set<std::string>& seen)
{
    std::size_t equals = line.find('=');
    if (equals == std::string_view::npos)
        return wrong(file, number, "\"" + one_line(line, 60) + "\" is not \"key = value\"");
    std::string name{trimmed(line.substr(0, equals))};
    std::string value{trimmed(line.substr(equals + 1))};
    auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return name == k.name; });
    auto whole = std::find_if(numbers.begin(), numbers.end(),
                              [&](const Number& n) { return name == n.name; });
    if (key == keys.end() && whole == numbers.end())
        return unknown_key(file, number, name);
    if (!seen.insert(name).second)
        return wrong(file, number, name + " is set twice: keep one of the lines");
    if (value.empty() && (key == keys.end() || !key->may_be_empty))
        return wrong(file, number, name + " has no value: give one, or take the line away");
    if (whole != numbers.end())
        return set_number(config, *whole, value, file, number);
    config.*(key->member) = value;
    return check(config, file, number);
}

} // namespace

std::string default_config_file()
{
    if (const char* named = std::getenv("HOLDFAST_CONF"))
        return named;
    return HOLDFAST_SYSCONFDIR "/holdfast/holdfast.conf";
}

Result<Config> parse_config(std::string_view text, const std::string& file)
{
    Config config;
    config.file = file;
    config.hypervisor = host_name();
    config.store = HOLDFAST_LOCALSTATEDIR "/lib/holdfast/holdfast.db";
    std::set<std::string> seen;
    std::size_t number = 0;
    while (!text.empty()) {
        std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = trimmed(without_comment(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.empty())
            continue;
        if (auto done = set(config, file, number, line, seen); !done)
            return done.error();
    }
    return config;
}

Result<Config> load_config(const std::string& file)
{
    std::error_code failed;
    if (!std::filesystem::exists(file, failed) && !failed) {
        auto config = parse_config("", file);
        if (config)
            config->file.clear();
        return config;
    }
    std::ifstream in{file, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (!in || std::filesystem::is_directory(file, failed)) {
        return Error{Errc::io, file + ": cannot be read (" + std::strerror(errno) +
                                   "): mend its permissions, or name another file"};
    }
    return parse_config(text, file);
}

} // namespace holdfast
