// SPDX-License-Identifier: Apache-2.0
//
// recovery/index: the few most similar of many specifications, exactly, without looking at each.
//
// A value without I/O, made for one set of weights.  It keeps for each element the VMs that have
// it, as a plane of bits (recovery/bit-sum.h), or as a list if they are few.  A query reads the
// planes of its own elements alone.  From them comes, for 512 VMs at once, an upper bound of what
// is shared, in coarse weights; who does not come up to the worst of the best so far is not looked
// at any more, all others are compared exactly.  VMs stand in the order of the weight of all that
// they have: blocks of them that are too small or too large to be similar are passed over.
//
// Costs, for N VMs and a query of e elements with a weight:
//   time     e N / 512 steps of a few instructions on 512 bits each, which is some 8 bytes of
//            memory for 64 VMs and element; a list costs its length. Whether VMs have few elements
//            or many, and how many there are in all, changes nothing. Beside it 100 ns for each VM
//            that is compared exactly: some hundreds of a million, but all VMs that are as similar
//            as the last of the best.
//   space    N / 8 bytes for each element that more than one VM of 32 has, 4 bytes for each VM that
//            has one that fewer have.
//   making   the number of all VMs' elements, and N log N.
#pragma once

#include <functional>
#include <span>

#include "recovery/bit-sum.h"
#include "recovery/similarity.h"

namespace holdfast::recovery {

using ElementNumber = std::uint32_t;
using PoolPlace = std::uint32_t; // Which of the pool's VMs, from 0.

/// Specifications with elements as numbers, one after the other.
struct CodedPool {
    std::vector<std::size_t> ends;       // Where the elements of each VM end.
    std::vector<ElementNumber> elements; // Of one VM each once.
    std::vector<Quantities> quantities;

    void add(std::span<const ElementNumber> elements_of_one, const Quantities& quantities_of_one);
    std::span<const ElementNumber> elements_of(PoolPlace place) const;
    std::size_t size() const { return ends.size(); }
};

/// What counts how much.
struct Scale {
    Measure measure = Measure::jaccard;
    std::vector<Weight> elements; // By element number, each from 1 up.
    std::array<Weight, n_quantities> quantities{};
};

struct Query {
    std::vector<ElementNumber> elements; // Each once.
    Weight others = 0;                   // The weight of its elements that no VM of the pool has.
    Quantities quantities{};
    std::size_t most = 10; // So many are wanted.
    /// Who may be among them.
    std::function<bool(PoolPlace)> allowed = [](PoolPlace) { return true; };
    /// Who of two equally similar ones comes first: a strict order.
    std::function<bool(PoolPlace, PoolPlace)> before = std::less<>{};
};

struct Found {
    PoolPlace place = 0;
    Similarity similarity;

    bool operator==(const Found&) const = default;
};

class Index {
public:
    /// Shape:   every element's number is one of the scale's.
    Index(Scale scale, const CodedPool& pool);

    /// The most similar ones, the best first; those that share nothing are left out.
    std::vector<Found> best(const Query& query) const;

    std::size_t size() const { return order_.size(); }

private:
    struct Holders;
    struct Search;
    struct Block;

    static constexpr std::size_t block_size = 4096, block_words = block_size / 64;

    void sort(const CodedPool& pool);
    void fill(const CodedPool& pool);
    Weight total(std::span<const ElementNumber> elements, const Quantities& quantities) const;
    Similarity highest(const Search& search, std::size_t block) const;
    void look_at(Search& search, std::size_t block) const;
    void look_closely(Search& search, std::size_t position) const;

    /// The VMs that have an element: a plane, or if it is empty their positions.
    struct Holders {
        std::vector<std::uint64_t> plane;
        std::vector<std::uint32_t> positions;
    };

    Scale scale_;
    std::vector<PoolPlace> order_; // By position: the VMs by the weight of all they have.
    std::vector<Weight> totals_;   // By position.
    std::vector<Quantities> quantities_;
    std::vector<Holders> elements_; // By element number.
    /// By quantity and size(): who has about so much.
    std::array<std::map<int, Holders>, n_quantities> sizes_;
};

} // namespace holdfast::recovery
