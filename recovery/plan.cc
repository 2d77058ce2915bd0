// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/plan.h"

#include <algorithm>
#include <limits>

#include "common/text.h"

namespace holdfast::recovery {
namespace {

constexpr std::array<std::string_view, 3> way_names{"restart", "adopt", "clone"};

/// Quantities beyond what a VM can have are taken as the most that the sums hold.
Quantities bounded(Quantities quantities)
{
    for (auto& one : quantities)
        one = std::clamp<std::int64_t>(one, 0, std::int64_t{1} << 50);
    return quantities;
}

bool contains(const std::vector<Way>& ways, Way way)
{
    return std::ranges::count(ways, way) > 0;
}

/// Whether a candidate can be used so; restart needs none.
bool serves(const PoolVm& vm, Way way)
{
    return way == Way::clone || (way == Way::adopt && vm.running);
}

} // namespace

std::string_view name_of(Way way)
{
    return way_names[static_cast<std::size_t>(way)];
}

Result<std::vector<Way>> parse_ways(std::string_view text)
{
    std::vector<Way> ways;
    for (std::string_view rest = text;;) {
        const auto comma = rest.find(',');
        const auto word = trimmed(rest.substr(0, comma));
        const auto found = std::ranges::find(way_names, word);
        if (found == way_names.end())
            return Error{Errc::invalid, "ways: \"" + one_line(word, 40) +
                                            "\": write restart, adopt or clone, several with "
                                            "commas, the first to be tried in front"};
        const auto way = static_cast<Way>(found - way_names.begin());
        if (contains(ways, way))
            return Error{Errc::invalid,
                         "ways: " + std::string{word} + " is there twice: write it once"};
        ways.push_back(way);
        if (comma == std::string_view::npos)
            return ways;
        rest.remove_prefix(comma + 1);
    }
}

std::string text_of(const std::vector<Way>& ways)
{
    std::string text;
    for (Way way : ways)
        text += (text.empty() ? "" : ",") + std::string{name_of(way)};
    return text;
}

Pool::Pool(std::vector<PoolVm> vms, Policy policy, std::set<std::string> forbidden,
           std::set<std::string> free)
    : vms_{std::move(vms)}, policy_{std::move(policy)},
      forbidden_{std::move(forbidden)}, free_{std::move(free)}
{
    for (const auto& hypervisor : free_)
        loads_[hypervisor]; // Known, and idle so far.
    Scale scale;
    scale.measure = policy_.measure;
    for (std::size_t i = 0; i < n_quantities; ++i)
        scale.quantities[i] = policy_.weight(static_cast<Quantity>(i));
    CodedPool coded;
    for (auto& vm : vms_) {
        vm.specification.quantities = bounded(vm.specification.quantities);
        if (vm.running && vm.reachable)
            loads_[vm.hypervisor] += std::max<std::int64_t>(vm.specification.quantities[0], 1);
        else
            loads_[vm.hypervisor]; // Known, and idle.
        for (const auto& element : vm.specification.elements) {
            const Weight weight = policy_.weight(element.feature);
            if (weight > 0 && numbers_
                                  .emplace(key_of(element, policy_.versions),
                                           static_cast<ElementNumber>(scale.elements.size()))
                                  .second)
                scale.elements.push_back(weight);
        }
        coded.add(numbers_of(vm.specification, nullptr), vm.specification.quantities);
    }
    index_ = std::make_unique<const Index>(std::move(scale), coded);
}

/// Those that have a weight, each once; the weight of what the pool does not have is added to
/// `others`.
std::vector<ElementNumber> Pool::numbers_of(const Specification& specification,
                                            Weight* others) const
{
    std::vector<ElementNumber> numbers;
    std::set<std::string> keys;
    for (const auto& element : specification.elements) {
        const Weight weight = policy_.weight(element.feature);
        const auto key = key_of(element, policy_.versions);
        if (weight == 0 || !keys.insert(key).second)
            continue;
        if (const auto number = numbers_.find(key); number != numbers_.end())
            numbers.push_back(number->second);
        else if (others)
            *others += weight;
    }
    return numbers;
}

Result<std::size_t> Pool::find(const std::string& id_or_name) const
{
    std::optional<std::size_t> found;
    std::vector<std::string> names;
    for (std::size_t place = 0; place < vms_.size(); ++place) {
        const PoolVm& vm = vms_[place];
        if (vm.id == id_or_name)
            return place;
        names.push_back(vm.name);
        if (vm.name != id_or_name)
            continue;
        if (found)
            return Error{Errc::invalid, "two VMs have the name " + vm.name + ": give the id, " +
                                            vms_[*found].id + " or " + vm.id};
        found = place;
    }
    if (found)
        return *found;
    const auto near = nearest(id_or_name, names);
    return Error{Errc::not_found, "there is no VM \"" + one_line(id_or_name, 60) + "\"" +
                                      (near.empty() ? ": holdfast recovery pool lists them"
                                                    : ": did you mean " + near + "?")};
}

bool Pool::may_replace(std::size_t place, std::size_t vm, const std::vector<Way>& ways) const
{
    const PoolVm& one = vms_[place];
    return place != vm && one.reachable && !forbidden_.contains(one.id) &&
           std::ranges::any_of(ways, [&](Way way) { return serves(one, way); }) &&
           !lacks(vms_[vm].specification.quantities, one.specification.quantities, policy_);
}

/// Of two that are equally similar: the less loaded hypervisor, away from the failed one, by name.
bool Pool::before(std::size_t a, std::size_t b, const std::string& failed) const
{
    const auto rank = [&](std::size_t place) {
        const PoolVm& vm = vms_[place];
        return std::tuple{loads_.at(vm.hypervisor), vm.hypervisor == failed, vm.name, vm.id};
    };
    return rank(a) < rank(b);
}

Query Pool::query_for(std::size_t vm, const Wish& wish) const
{
    Query query;
    query.elements = numbers_of(vms_[vm].specification, &query.others);
    query.quantities = vms_[vm].specification.quantities;
    query.most = wish.most;
    query.allowed = [this, vm, &wish](PoolPlace place) {
        return vms_[place].id != wish.pinned && may_replace(place, vm, wish.ways);
    };
    query.before = [this, vm](PoolPlace a, PoolPlace b) {
        return before(a, b, vms_[vm].hypervisor);
    };
    return query;
}

Candidate Pool::candidate(std::size_t place, std::size_t vm, const Wish& wish) const
{
    Candidate candidate;
    candidate.vm = place;
    candidate.match = compare(vms_[vm].specification, vms_[place].specification, policy_);
    candidate.pinned = vms_[place].id == wish.pinned;
    candidate.passes = candidate.pinned || candidate.match.similarity.reaches(policy_.threshold);
    const auto way =
        std::ranges::find_if(wish.ways, [&](Way one) { return serves(vms_[place], one); });
    if (way != wish.ways.end())
        candidate.way = *way;
    return candidate;
}

Plan Pool::plan(std::size_t vm, const Wish& wish) const
{
    Plan plan;
    for (std::size_t place = 0; place < vms_.size(); ++place)
        if (vms_[place].id == wish.pinned && may_replace(place, vm, wish.ways))
            plan.candidates.push_back(candidate(place, vm, wish));
    for (const Found& found : index_->best(query_for(vm, wish)))
        plan.candidates.push_back(candidate(found.place, vm, wish));
    choose(plan, vm, wish);
    return plan;
}

void Pool::choose(Plan& plan, std::size_t vm, const Wish& wish) const
{
    for (Way way : wish.ways) {
        if (way == Way::restart) {
            plan.hypervisor = vms_[vm].shared_disks ? quietest(vms_[vm].hypervisor) : std::string{};
            if (plan.hypervisor.empty())
                continue;
            plan.way = way;
            return;
        }
        plan.chosen = best_for(plan, vm, wish, way);
        if (plan.chosen) {
            plan.way = way;
            return;
        }
    }
    plan.why = why_none(plan, vm, wish);
}

/// Who is used for this way, as one of the candidates; whoever is better and cannot be used for it
/// does not keep it off.
std::optional<std::size_t> Pool::best_for(Plan& plan, std::size_t vm, const Wish& wish,
                                          Way way) const
{
    auto& all = plan.candidates;
    if (!wish.pinned.empty()) {
        const bool can = !all.empty() && all[0].pinned && serves(vms_[all[0].vm], way);
        return can ? std::optional<std::size_t>{0} : std::nullopt;
    }
    Wish one = wish;
    one.ways = {way};
    one.most = 1;
    const auto found = index_->best(query_for(vm, one));
    if (found.empty())
        return std::nullopt;
    const std::size_t place = found[0].place;
    const Candidate best = candidate(place, vm, wish);
    if (!best.passes)
        return std::nullopt;
    const auto listed = std::ranges::find(all, place, &Candidate::vm);
    const auto at = static_cast<std::size_t>(listed - all.begin());
    if (listed == all.end())
        all.push_back(best);
    return at;
}

/// The least loaded hypervisor that has not failed; empty if there is none.
std::string Pool::quietest(const std::string& failed) const
{
    std::set<std::string> others = free_;
    others.erase(failed);
    const auto best = std::ranges::min_element(
        others, {}, [&](const std::string& name) { return loads_.at(name); });
    return best == others.end() ? "" : *best;
}

std::string Pool::why_none(const Plan& plan, std::size_t vm, const Wish& wish) const
{
    const std::string& name = vms_[vm].name;
    if (!wish.pinned.empty() &&
        (contains(wish.ways, Way::adopt) || contains(wish.ways, Way::clone)))
        return why_not_pinned(vm, wish);
    if (plan.candidates.empty())
        return "no VM can replace " + name + " by " + text_of(wish.ways) +
               ": none that may has anything in common with it";
    const Candidate& best = plan.candidates.front();
    if (!best.passes)
        return "no VM is similar enough to " + name + ": the best, " + vms_[best.vm].name +
               ", has " + text_of(best.match.similarity) + ", and the threshold is " +
               decimal_text(policy_.threshold) + ": pin one, or set another threshold";
    return "no VM can replace " + name + " by " + text_of(wish.ways) + ": allow another way";
}

std::string Pool::why_not_pinned(std::size_t vm, const Wish& wish) const
{
    const std::string& name = vms_[vm].name;
    const auto pinned = std::ranges::find(vms_, wish.pinned, &PoolVm::id);
    if (pinned == vms_.end())
        return "the VM that is pinned to replace " + name + ", " + one_line(wish.pinned, 60) +
               ", is not there any more: pin another one";
    const std::string lead = pinned->name + " is pinned to replace " + name + ", and ";
    if (!pinned->reachable)
        return lead + "its hypervisor " + pinned->hypervisor + " is not heard of: pin another one";
    if (forbidden_.contains(pinned->id))
        return lead + "may replace none: set forbid=off of it, or pin another one";
    if (const auto lacking =
            lacks(vms_[vm].specification.quantities, pinned->specification.quantities, policy_))
        return lead + "has too little " +
               std::string{quantity_names[static_cast<std::size_t>(*lacking)]} +
               ": give it more, or pin another one";
    return lead + "is not running: start it, allow clone, or pin another one";
}

} // namespace holdfast::recovery
