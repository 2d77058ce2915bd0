// SPDX-License-Identifier: Apache-2.0
//
// ctl/service: services as people and scripts see them.
//
// Pure: rows in, text or JSON out.  The JSON keys are an interface, as those of ctl/view.
#pragma once

#include <string>

#include "ctl/view.h"

namespace holdfast::ctl {

std::string service_table(const World& world, const Style& style);
std::string service_page(const db::Service& service, const World& world, const Style& style);
Json service_json(const db::Service& service, const World& world);

} // namespace holdfast::ctl
