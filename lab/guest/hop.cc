// SPDX-License-Identifier: Apache-2.0
//
// lab/guest/hop: what a lab guest does with traffic.
//
//   hop forward INTERFACE [WEIGHT]  passes every unicast frame that is not for itself back,
//   unchanged,
//                               but for this weight that it adds to the type of service
//   hop wire FIRST SECOND   passes what comes in at one of the two out at the other
//   hop serve INTERFACE     answers probe datagrams and TCP echo (port 7)
//   hop count | hop reset   says, or clears, what the running one counted
//
// A static program, the guest has no libraries.  One thread a role.
#include <config.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "lab/guest/counts.h"
#include "lab/guest/roles.h"

namespace {

constexpr const char* counts_file = "/run/counts";

lab::Counts* map_counts()
{
    const int file = open(counts_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(lab::Counts)) != 0) {
        std::fprintf(stderr, "hop: %s: %s\n", counts_file, std::strerror(errno));
        return nullptr;
    }
    void* memory = mmap(nullptr, sizeof(lab::Counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) {
        std::fprintf(stderr, "hop: %s: %s\n", counts_file, std::strerror(errno));
        return nullptr;
    }
    return static_cast<lab::Counts*>(memory);
}

} // namespace

int main(int argc, char** argv)
{
    const std::string_view verb = argc > 1 ? argv[1] : "";
    lab::Counts* counts = map_counts();
    if (!counts)
        return 1;
    if (verb == "forward" && (argc == 3 || argc == 4))
        return lab::forward(argv[2], nullptr,
                            static_cast<uint8_t>(argc == 4 ? std::atoi(argv[3]) : 0), *counts);
    if (verb == "wire" && argc == 4)
        return lab::forward(argv[2], argv[3], 0, *counts);
    if (verb == "serve" && argc == 3)
        return lab::serve(*counts);
    if (verb == "count" && argc == 2) {
        std::puts(lab::to_json(*counts).c_str());
        return 0;
    }
    if (verb == "reset" && argc == 2) {
        std::memset(static_cast<void*>(counts), 0, sizeof *counts);
        return 0;
    }
    std::fputs("usage: hop forward INTERFACE [WEIGHT] | hop wire INTERFACE INTERFACE | "
               "hop serve INTERFACE | hop count | hop reset\n",
               stderr);
    return 2;
}
