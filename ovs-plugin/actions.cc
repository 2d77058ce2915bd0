// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/actions: see the header.
#include "ovs-plugin/actions.h"

#include <cstdio>

namespace holdfast::plugin {

std::string hex(std::uint32_t value)
{
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", value);
    return text;
}

std::string resubmit(int table)
{
    return "resubmit(," + std::to_string(table) + ")";
}

std::string load_vm(std::uint32_t label)
{
    return "load:" + hex(label) + "->NXM_NX_REG0[]";
}

} // namespace holdfast::plugin
