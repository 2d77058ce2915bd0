// SPDX-License-Identifier: Apache-2.0
//
// hookd/qemu-ring: see qemu-ring.h.
#include <config.h>

#include "hookd/qemu-ring.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "common/text.h"

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

Error no_ring(std::string_view why)
{
    return {Errc::not_found, "its ring is not known (" + one_line(std::string{why}, 120) + ")"};
}

Result<std::string> ask(virDomainPtr domain, const Json& command)
{
    char* answer = nullptr;
    std::string text = command.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (virDomainQemuMonitorCommand(domain, text.c_str(), &answer, 0) != 0)
        return no_ring(virGetLastErrorMessage());
    text = answer;
    std::free(answer);
    return text;
}

/// What QEMU returned; null if it refused.
Json returned(std::string_view answer)
{
    Json parsed = Json::parse(answer, nullptr, false);
    return parsed.is_object() && parsed.contains("return") ? parsed["return"] : Json{};
}

} // namespace

Result<std::uint64_t> parse_queue_status(std::string_view answer)
{
    Json status = returned(answer);
    auto used = status.is_object() ? status.find("vring-used") : status.end();
    if (!status.is_object() || used == status.end() || !used->is_number_unsigned() || *used == 0)
        return no_ring(answer);
    return used->get<std::uint64_t>();
}

Result<std::uint64_t> parse_host_address(std::string_view answer)
{
    // "Host virtual address for 0x61eb240 (pc.ram) is 0x7fb087feb240"
    constexpr std::string_view mark = " is 0x";
    Json text = returned(answer);
    std::string line = text.is_string() ? text.get<std::string>() : "";
    std::size_t at = line.rfind(mark);
    std::uint64_t address = 0;
    if (at == std::string::npos)
        return no_ring(answer);
    const char* begin = line.data() + at + mark.size();
    auto [end, failed] = std::from_chars(begin, line.data() + line.size(), address, 16);
    if (failed != std::errc{} || end == begin || address == 0)
        return no_ring(answer);
    return address;
}

Result<std::uint64_t> find_ring(virDomainPtr domain, const std::string& alias)
{
    auto status = ask(
        domain, {{"execute", "x-query-virtio-queue-status"},
                 {"arguments",
                  {{"path", "/machine/peripheral/" + alias + "/virtio-backend"}, {"queue", 0}}}});
    if (!status)
        return status.error();
    auto guest_address = parse_queue_status(*status);
    if (!guest_address)
        return guest_address.error();
    char command[64];
    std::snprintf(command, sizeof command, "gpa2hva 0x%llx",
                  static_cast<unsigned long long>(*guest_address));
    auto host = ask(
        domain, {{"execute", "human-monitor-command"}, {"arguments", {{"command-line", command}}}});
    if (!host)
        return host.error();
    return parse_host_address(*host);
}

} // namespace holdfast::hookd
