// SPDX-License-Identifier: Apache-2.0
//
// sockets/guard: what may pass between a service's namespace and the world, by libnftables.
#include <config.h>

#include "sockets/guard.h"

#include <fcntl.h>
#include <sys/select.h>
#include <unistd.h>

#include <memory>
#include <string>

#include <nftables/libnftables.h>

#include "common/descriptor.h"
#include "common/text.h"
#include "sockets/forge.h"

namespace holdfast::sockets {

namespace {

// Naming the table before it is deleted makes the deletion good if there is none.
constexpr const char* clean = "table inet holdfast\ndelete table inet holdfast\n";

/// The chains of a gate.  Behind the service's own rules and connection tracking, which so sees
/// the window as it is.
std::string chains(Gate gate)
{
    const std::string marked = "meta mark " + std::to_string(mark) + " accept\n";
    const std::string in = "chain in { type filter hook input priority 300\n" + marked;
    const std::string out = "chain out { type filter hook output priority 300\n" + marked;
    const std::string no_syn = "iifname != lo tcp flags & (fin | syn | rst | ack) == syn drop\n";
    const std::string window = "oifname != lo tcp flags & (syn | rst) == 0 tcp window set 0\n";
    const std::string neighbours = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, "
                                   "nd-router-solicit, nd-router-advert } accept\n";
    switch (gate) {
    case Gate::open:
        break;
    case Gate::no_entry:
        return in + no_syn + "}\n";
    case Gate::quiet:
        return in + no_syn + "}\n" + out + window + "}\n";
    case Gate::shut:
        return in + neighbours + "drop\n}\n" + out + neighbours + "drop\n}\n";
    }
    return {};
}

/// The word by which a gate is known again: the table's comment.
const char* word_of(Gate gate)
{
    switch (gate) {
    case Gate::open:
        break;
    case Gate::no_entry:
        return "no-entry";
    case Gate::quiet:
        return "quiet";
    case Gate::shut:
        return "shut";
    }
    return "";
}

/// Leaves a descriptor free that select(2) can wait for, as libnftables does: a service's sockets
/// may have all of them.  Whose place that is gets it back in the end.
class LowPlace {
public:
    LowPlace()
        : flags_{fcntl(place, F_GETFD)}, owner_{flags_ < 0
                                                    ? -1
                                                    : fcntl(place, F_DUPFD_CLOEXEC, FD_SETSIZE)}
    {
        if (owner_)
            close(place);
    }
    ~LowPlace()
    {
        if (owner_)
            dup3(owner_.get(), place, flags_ & FD_CLOEXEC ? O_CLOEXEC : 0);
    }
    LowPlace(const LowPlace&) = delete;

private:
    static constexpr int place = FD_SETSIZE - 1;

    int flags_;        // Of the descriptor in this place; -1: there is none.
    Descriptor owner_; // That descriptor, elsewhere.
};

/// Has nftables carry `order` out in the calling thread's namespace; what it prints.
Result<std::string> run(const std::string& order)
{
    const LowPlace low;
    const std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> nft{nft_ctx_new(NFT_CTX_DEFAULT),
                                                           nft_ctx_free};
    if (!nft || nft_ctx_buffer_error(nft.get()) || nft_ctx_buffer_output(nft.get()))
        return Error{Errc::io, "nftables: no memory"};
    if (nft_run_cmd_from_buffer(nft.get(), order.c_str()))
        return Error{Errc::io, "nftables: " + one_line(nft_ctx_get_error_buffer(nft.get()))};
    return std::string{nft_ctx_get_output_buffer(nft.get())};
}

} // namespace

Result<void> set_gate(Gate gate)
{
    std::string order = clean;
    if (gate != Gate::open)
        order += std::string{"table inet holdfast {\ncomment \""} + word_of(gate) + "\"\n" +
                 chains(gate) + "}\n";
    auto done = run(order);
    return done ? Result<void>{} : done.error();
}

Result<Gate> gate_now()
{
    auto tables = run("list tables inet");
    if (!tables)
        return tables.error();
    if (tables->find("table inet holdfast\n") == std::string::npos)
        return Gate::open;
    auto table = run("list table inet holdfast");
    if (!table)
        return table.error();
    for (const Gate gate : {Gate::no_entry, Gate::quiet, Gate::shut})
        if (table->find(std::string{"comment \""} + word_of(gate) + "\"") != std::string::npos)
            return gate;
    return Error{Errc::damaged, "nftables: table inet holdfast is not as Holdfast makes it: "
                                "somebody else has changed it; delete it to open the namespace"};
}

} // namespace holdfast::sockets
