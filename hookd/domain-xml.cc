// SPDX-License-Identifier: Apache-2.0
//
// hookd/domain-xml: see domain-xml.h.
#include <config.h>

#include "hookd/domain-xml.h"

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>

#include <algorithm>
#include <sstream>

#include "common/synthetic-mac.h"
#include "common/text.h"

namespace holdfast::hookd {
namespace {

using Tree = boost::property_tree::ptree;

Error damaged(const std::string& what)
{
    return {Errc::damaged, "domain XML: " + what};
}

/// The parser calls itself for each level, so nonsense could use up the stack: count first.
bool too_deep(std::string_view xml)
{
    constexpr int deepest = 100; // libvirt's own documents have about ten levels.
    int depth = 0;               // Never below 0: comments and text can hold any number of "/>".
    for (std::size_t i = 0; i + 1 < xml.size(); ++i) {
        if (xml[i] == '<' && xml[i + 1] == '/')
            depth = std::max(0, depth - 1);
        else if (xml[i] == '<' && xml[i + 1] != '!' && xml[i + 1] != '?' && ++depth > deepest)
            return true;
        else if (xml[i] == '/' && xml[i + 1] == '>')
            depth = std::max(0, depth - 1);
    }
    return false;
}

/// The element's name without its namespace's prefix.
std::string_view local_name(std::string_view name)
{
    std::size_t colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

void read_metadata(const Tree& metadata, DomainXml& domain)
{
    for (const auto& [name, element] : metadata) {
        if (name != "holdfast:vm")
            continue;
        for (const auto& [child_name, child] : element) {
            std::string value = one_line(child.data(), 100);
            if (local_name(child_name) == "ip" && !value.empty())
                domain.ips.push_back(plain_address(value.substr(0, value.find('/'))));
            else if (local_name(child_name) == "service")
                domain.service = value;
            else if (local_name(child_name) == "owner")
                domain.owner = value;
        }
    }
}

void read_interface(const Tree& element, DomainXml& domain)
{
    DomainInterface interface;
    interface.mac = lower(element.get("mac.<xmlattr>.address", ""));
    interface.iface_id = element.get("virtualport.parameters.<xmlattr>.interfaceid", "");
    interface.bridge = element.get("source.<xmlattr>.bridge", "");
    interface.target = element.get("target.<xmlattr>.dev", "");
    interface.alias = element.get("alias.<xmlattr>.name", "");
    interface.mtu = element.get("mtu.<xmlattr>.size", 0);
    if (element.get("virtualport.<xmlattr>.type", "") == "openvswitch" && !interface.mac.empty())
        domain.interfaces.push_back(interface);
}

} // namespace

bool is_uuid(std::string_view text)
{
    if (text.size() != 36)
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (hyphen ? text[i] != '-' : !hex)
            return false;
    }
    return true;
}

Result<DomainXml> parse_domain_xml(std::string_view xml)
try {
    if (xml.size() > domain_xml_limit)
        return damaged("longer than 1 MiB");
    if (!is_utf8(xml))
        return damaged("not UTF-8");
    if (too_deep(xml))
        return damaged("nested too deep");
    std::istringstream in{std::string{xml}};
    Tree tree;
    boost::property_tree::read_xml(in, tree);
    auto root = tree.get_child_optional("domain");
    if (!root)
        return damaged("no <domain> in it");
    DomainXml domain;
    domain.uuid = lower(one_line(root->get("uuid", ""), 40));
    domain.name = one_line(root->get("name", ""), 200);
    if (!is_uuid(domain.uuid) || domain.name.empty())
        return damaged("no name and UUID in it");
    domain.makeup = read_makeup(*root);
    if (auto metadata = root->get_child_optional("metadata"))
        read_metadata(*metadata, domain);
    if (auto devices = root->get_child_optional("devices")) {
        for (const auto& [name, element] : *devices) {
            if (name == "interface")
                read_interface(element, domain);
        }
    }
    return domain;
} catch (const boost::property_tree::xml_parser_error& failed) {
    return damaged(failed.message() + " in line " + std::to_string(failed.line()));
}

} // namespace holdfast::hookd
