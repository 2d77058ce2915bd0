// SPDX-License-Identifier: Apache-2.0
//
// recovery/tests/values: short ways to write specifications.
#pragma once

#include "recovery/specification.h"

namespace holdfast::recovery {

inline Element language(const std::string& name, const std::string& version = "")
{
    return {"language", name, version};
}
inline Element database(const std::string& name, const std::string& version = "")
{
    return {"database", name, version};
}
inline Element web_server(const std::string& name, const std::string& version = "")
{
    return {"web-server", name, version};
}

/// What it has so much of: CPUs, MiB of memory and of disk.
inline Specification made_of(std::vector<Element> elements, Quantities quantities = {})
{
    return {std::move(elements), quantities};
}

/// The published case (spec R5): VM-001 to VM-005, all Ubuntu 20.04.
inline std::vector<Specification> published_case()
{
    const Element os{"os", "Ubuntu", "20.04"};
    return {made_of({os, language("Node.js"), database("MySQL"), web_server("nginx")}),
            made_of({os, language("Node.js"), database("PostgreSQL"), web_server("Apache")}),
            made_of({os, database("PostgreSQL")}), made_of({os, web_server("nginx")}),
            made_of({os, language("Node.js"), database("MySQL"), database("PostgreSQL"),
                     web_server("nginx"), web_server("Apache")})};
}

} // namespace holdfast::recovery
