// SPDX-License-Identifier: Apache-2.0
//
// hookd/fleet-note: see fleet-note.h.
#include <config.h>

#include "hookd/fleet-note.h"

#include <cstdio>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "common/text.h"

namespace holdfast::hookd {

using Json = nlohmann::json;

Result<FleetNote> load_fleet_note(const std::string& file)
try {
    std::ifstream in{file};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    FleetNote note;
    if (text.empty())
        return note;
    Json json = Json::parse(text);
    note.address = json.at("address").get<std::string>();
    note.listen = json.at("listen").get<std::string>();
    note.joined = json.at("joined").get<bool>();
    return note;
} catch (const Json::exception&) {
    return Error{Errc::damaged, file + " is damaged: remove it, restart holdfast-hookd and join "
                                       "the fleet again"};
}

Result<void> save_fleet_note(const std::string& file, const FleetNote& note)
{
    std::string fresh = file + ".new";
    Error failed{Errc::io, file + ": cannot be written: check the folder"};
    {
        std::ofstream out{fresh};
        out << Json{{"address", note.address}, {"listen", note.listen}, {"joined", note.joined}}
            << "\n";
        if (!out.flush())
            return failed;
    }
    if (std::rename(fresh.c_str(), file.c_str()) != 0)
        return failed;
    return {};
}

Result<Listen> parse_listen(const std::string& text)
{
    Listen listen;
    std::string rest = text;
    std::string port;
    if (rest.starts_with("ptcp:")) {
        rest.erase(0, 5);
        std::size_t colon = rest.find(':');
        port = rest.substr(0, colon);
        rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
    } else {
        if (rest.starts_with("tcp:"))
            rest.erase(0, 4);
        std::size_t colon = rest.rfind(':');
        bool v6 = colon != std::string::npos && rest.find(':') != colon && rest.back() != ']' &&
                  rest[colon - 1] != ']';
        if (colon != std::string::npos && !v6 && rest.back() != ']') {
            port = rest.substr(colon + 1);
            rest.resize(colon);
        }
    }
    listen.address = rest;
    if (!port.empty()) {
        const auto number = parse_port(port);
        if (!number) {
            return Error{Errc::invalid, "\"" + one_line(text, 60) +
                                            "\" has no port that is a number: give ADDRESS:PORT"};
        }
        listen.port = *number;
    }
    if (rest.empty() || rest.find_first_not_of("0123456789abcdefABCDEF.:[]") != std::string::npos) {
        return Error{Errc::invalid, "\"" + one_line(text, 60) +
                                        "\" is no address to listen at: give an IP address of this "
                                        "machine, or ADDRESS:PORT"};
    }
    return listen;
}

std::string remote_of(const std::string& text)
{
    if (text.starts_with("ssl:") || text.starts_with("unix:"))
        return text;
    if (auto where = parse_listen(text)) {
        std::string address = where->address;
        if (address.find(':') != std::string::npos && !address.starts_with('['))
            address = "[" + address + "]";
        return "tcp:" + address + ":" + std::to_string(where->port);
    }
    std::string name = text.starts_with("tcp:") ? text.substr(4) : text;
    bool has_port = name.find(':') != std::string::npos;
    return "tcp:" + name + (has_port ? "" : ":" + std::to_string(db::fleet_port));
}

} // namespace holdfast::hookd
