// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain: see chain.h.
#include <config.h>

#include "hookd/chain.h"

#include <algorithm>
#include <set>

#include "common/text.h"
#include "db/find.h"
#include "hookd/chain-meet.h"
#include "hookd/name.h"
#include "hookd/service-place.h"

namespace holdfast::hookd {
namespace {

constexpr std::uint32_t serials = 1u << 12; // Serial 0 is never given.

Error refuse(const ChainRequest& request, const std::string& what, Errc code = Errc::invalid)
{
    return {code, "chain " + one_line(request.name, 64) + ": " + what};
}

Result<void> check_options(const ChainRequest& request)
{
    if (request.via.empty())
        return refuse(request, "it has no hops: name at least one VM with --via");
    if (request.via.size() > 255)
        return refuse(request, "it has more than 255 hops: split it");
    if (request.priority < 0 || request.priority > 65535) {
        return refuse(request, "priority " + std::to_string(request.priority) +
                                   " is out of range: give 0 to 65535");
    }
    return check_dead(request);
}

/// Takes "tap:" or "wire:" off the word.
std::string take_kind(std::string& word)
{
    for (const std::string kind : {"tap", "wire"}) {
        if (word.starts_with(kind + ":")) {
            word.erase(0, kind.size() + 1);
            return kind;
        }
    }
    return "pass";
}

Result<db::Hop> make_hop(const ChainRequest& request, std::string word,
                         const std::vector<db::Vm>& vms)
{
    constexpr std::size_t members_max = 64;
    db::Hop hop;
    hop.kind = take_kind(word);
    for (std::size_t at = 0; at <= word.size();) {
        const std::size_t end = std::min(word.find('|', at), word.size());
        if (end == at)
            return refuse(request, word.empty()
                                       ? "a hop has no name: give each in --via a VM"
                                       : "group " + one_line(word, 80) +
                                             " has an empty member: name a VM on each side of |");

        auto vm = db::find_vm(vms, word.substr(at, end - at));
        if (!vm)
            return refuse(request, vm.error().message, vm.error().code);
        if (hop.kind == "wire" && vm->ports.size() != 2) {
            const auto ports = vm->ports.size();
            return refuse(request, "VM " + vm->name + " has " + std::to_string(ports) +
                                       (ports == 1 ? " port" : " ports") +
                                       ": a wire has two, in and out");
        }
        if (auto may = may_be_led_to(*vm); !may)
            return refuse(request, may.error().message);
        hop.vms.push_back(vm->id);
        at = end + 1;
    }
    if (hop.kind != "pass" && hop.vms.size() > 1)
        return refuse(request, "a " + hop.kind + " is one VM, not a group: name it alone");
    if (hop.vms.size() > members_max)
        return refuse(request, "a group has at most 64 VMs: split it");
    return hop;
}

/// The next number of `number`'s block of 4095 that is not among `used`.
Result<std::uint32_t> next_in_block(const std::set<std::uint32_t>& used, int number,
                                    const char* what)
{
    const std::uint32_t base = static_cast<std::uint32_t>(number) * serials;
    auto after = used.lower_bound(base + serials);
    std::uint32_t candidate = base + 1;
    if (after != used.begin() && *std::prev(after) > base)
        candidate = *std::prev(after) + 1;
    if (candidate < base + serials)
        return candidate;
    for (candidate = base + 1; candidate < base + serials; ++candidate) {
        if (!used.contains(candidate))
            return candidate;
    }
    return Error{Errc::unavailable, std::string{"all 4095 "} + what + " of hypervisor number " +
                                        std::to_string(number) +
                                        " are in use: delete what is no longer needed"};
}

Result<void> give_spis(const ChainRequest& request, db::Chain& chain,
                       const std::vector<db::Chain>& chains, int number)
{
    std::set<std::uint32_t> used;
    for (const db::Chain& other : chains) {
        used.insert(other.spi);
        used.insert(other.rspi);
    }
    for (std::uint32_t* spi : {&chain.spi, &chain.rspi}) {
        if (spi == &chain.rspi && !chain.symmetric)
            break;
        auto free = next_in_block(used, number, "path numbers");
        if (!free)
            return refuse(request, free.error().message, free.error().code);
        used.insert(*spi = *free);
    }
    return {};
}

} // namespace

Result<void> check_dead(const ChainRequest& request)
{
    if (request.dead != "drop" && request.dead != "bypass") {
        return refuse(request,
                      "--dead " + one_line(request.dead, 40) + " is unknown: give drop or bypass");
    }
    return {};
}

Result<void> check_free(const db::Chain& wanted, const std::vector<db::Chain>& chains)
{
    for (const db::Chain& chain : chains) {
        if (chain.name == wanted.name || chain.priority != wanted.priority)
            continue;
        for (const std::string* mine : {&wanted.match, &wanted.match_reverse}) {
            if (!mine->empty() && (*mine == chain.match || *mine == chain.match_reverse)) {
                return Error{Errc::exists, "chain " + wanted.name + ": chain " + chain.name +
                                               " has this classifier (" + *mine + ") at priority " +
                                               std::to_string(chain.priority) +
                                               " already: give another --priority"};
            }
        }
    }
    return {};
}

Result<std::vector<db::Hop>> make_hops(const ChainRequest& request, const std::vector<db::Vm>& vms)
{
    std::vector<db::Hop> hops;
    std::set<std::string> seen;
    for (const std::string& word : request.via) {
        auto hop = make_hop(request, word, vms);
        if (!hop)
            return hop.error();
        for (const std::string& id : hop->vms) {
            if (!seen.insert(id).second) {
                return refuse(request, "VM " + db::find_vm(vms, id)->name +
                                           " is in it twice: name each hop once");
            }
        }
        hops.push_back(std::move(*hop));
    }
    return hops;
}

Result<db::Chain> make_chain(const ChainRequest& request, const ParsedMatch& match,
                             const std::vector<db::Chain>& chains, const std::vector<db::Vm>& vms,
                             int number)
{
    if (auto fine = check_name("chain", request.name); !fine)
        return fine.error();
    if (auto fine = check_options(request); !fine)
        return fine.error();
    auto hops = make_hops(request, vms);
    if (!hops)
        return hops.error();
    db::Chain chain;
    chain.name = request.name;
    chain.match = match.normalized;
    chain.priority = request.priority;
    chain.symmetric = request.symmetric;
    chain.dead = request.dead;
    chain.probe = request.probe;
    chain.hops = std::move(*hops);
    if (request.symmetric) {
        if (!match.reversed || *match.reversed == match.normalized) {
            return refuse(request,
                          "--symmetric needs a classifier with a source or a "
                          "destination, and \"" +
                              one_line(request.match, 80) +
                              "\" is the same both ways: add one, or leave --symmetric out");
        }
        chain.match_reverse = *match.reversed;
    }
    if (std::ranges::find(chains, chain.name, &db::Chain::name) != chains.end()) {
        return refuse(request,
                      "this name is taken: choose another, or first \"holdfast chain del " +
                          chain.name + "\"",
                      Errc::exists);
    }
    if (auto fine = check_free(chain, chains); !fine)
        return fine.error();
    if (auto fine = check_in_port(chain, chains, vms); !fine)
        return fine.error();
    if (auto fine = give_spis(request, chain, chains, number); !fine)
        return fine.error();
    return chain;
}

std::vector<db::Vm> pending_hops(const db::Chain& chain, const std::vector<db::Vm>& vms)
{
    std::vector<db::Vm> pending;
    for (const db::Hop& hop : chain.hops) {
        for (const std::string& id : hop.vms) {
            auto vm = std::find_if(vms.begin(), vms.end(),
                                   [&](const db::Vm& row) { return row.id == id; });
            if (vm == vms.end()) {
                db::Vm unknown;
                unknown.id = unknown.name = id;
                pending.push_back(unknown);
            } else if (vm->ports.empty() || vm->ports.front().ofport == 0) {
                pending.push_back(*vm);
            }
        }
    }
    return pending;
}

Result<std::uint32_t> next_label(const std::vector<db::Vm>& vms, int number)
{
    std::set<std::uint32_t> used;
    for (const db::Vm& vm : vms)
        used.insert(vm.label);
    return next_in_block(used, number, "VM labels");
}

} // namespace holdfast::hookd
