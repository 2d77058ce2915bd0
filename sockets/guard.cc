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
#include <vector>

#include <nftables/libnftables.h>

#include "common/descriptor.h"
#include "common/text.h"
#include "sockets/forge.h"

namespace holdfast::sockets {

namespace {

// Both chains.  Behind the service's own rules and connection tracking,
// which so sees the window as it is.
constexpr const char* chains = "table inet holdfast {\n"
                               "chain in { type filter hook input priority 300; }\n"
                               "chain out { type filter hook output priority 300; }\n"
                               "}\n";

// Naming the table before it is deleted makes the deletion good if there is none.
constexpr const char* clean = "table inet holdfast\ndelete table inet holdfast\n";

/// What is asked of each packet of a way, in this order; the last says what becomes of the rest.
using Rules = std::vector<std::string>;

constexpr const char* neighbours = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, "
                                   "nd-router-solicit, nd-router-advert } accept";
const std::string marked = "meta mark " + std::to_string(mark) + " accept";

Rules rules_in(Gate gate)
{
    switch (gate) {
    case Gate::open:
        break;
    case Gate::no_entry:
    case Gate::quiet:
        return {marked, "iifname != lo tcp flags & (fin | syn | rst | ack) == syn drop", "accept"};
    case Gate::shut:
        return {marked, neighbours, "drop"};
    }
    return {"accept"};
}

Rules rules_out(Gate gate)
{
    switch (gate) {
    case Gate::open:
    case Gate::no_entry:
        break;
    case Gate::quiet:
        return {marked, "oifname != lo tcp flags & (syn | rst) == 0 tcp window set 0", "accept"};
    case Gate::shut:
        return {marked, neighbours, "drop"};
    }
    return {"accept"};
}

/// Puts them before all that a chain has.  `word`: the comment of the first.
std::string insert(const char* chain, const Rules& rules, const std::string& word)
{
    std::string order;
    for (std::size_t i = rules.size(); i-- > 0;)
        order += std::string{"insert rule inet holdfast "} + chain + " " + rules[i] +
                 (i == 0 ? " comment \"" + word + "\"\n" : "\n");
    return order;
}

/// The word by which a gate is known again.
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
    return "open";
}

/// The first comment of a table that is listed: of the first rule of its chain `in`, which is
/// listed first.  A program of before, which an upgrade may find in the middle of a move, had it as
/// the table's own.
std::string first_word(const std::string& table)
{
    const std::string before = "comment \"";
    const auto at = table.find(before);
    if (at == std::string::npos)
        return "";
    const auto begin = at + before.size();
    return table.substr(begin, table.find('"', begin) - begin);
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
    const std::string order =
        insert("in", rules_in(gate), word_of(gate)) + insert("out", rules_out(gate), word_of(gate));
    // To name chains that are there already takes a grace period, too.
    if (run(order))
        return {};
    auto done = run(chains + order);
    return done ? Result<void>{} : done.error();
}

Result<void> remove_gate()
{
    auto done = run(clean);
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
    for (const Gate gate : {Gate::open, Gate::no_entry, Gate::quiet, Gate::shut})
        if (first_word(*table) == word_of(gate))
            return gate;
    return Error{Errc::damaged, "nftables: table inet holdfast is not as Holdfast makes it: "
                                "somebody else has changed it; delete it to open the namespace"};
}

} // namespace holdfast::sockets
