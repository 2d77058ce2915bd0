// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/shards: a hash table that holds millions and grows a little at a time (spec B9).
//
// When a hash table grows, all of its entries move at once, at some 100 ns each: with millions the
// switch would stand still for as long.  So this one is many small ones, whose number follows from
// the most that it is to hold, and a key's hash says in which it is.
//
// Cost, with n entries of at most N:
//     look-up           one more cache line read than in one table, whatever n
//     new entry         moves those of one small table, 8192 at most: below a millisecond, whatever
//     n memory            56 bytes for each 4096 of N at first; then a hash table's
//
// Not to be called by two threads at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace holdfast::plugin {

/// `Hash` is noexcept and cheap: it is not remembered beside the entry.  Its upper half must be as
/// good as its lower one, and nobody outside may know it.
template <class Key, class Value, class Hash>
class Shards {
public:
    /// It stays where it is until it is removed.
    using Entry = std::pair<const Key, Value>;

    /// As many entries one table has on average, when there are as many as there may be.
    static constexpr std::size_t a_shard = 4096;
    /// As many entries move at once at most.
    static constexpr std::size_t moved_max = 2 * a_shard;

    /// Shape:   `most` entries; more are held, too, but the tables grow longer then.
    explicit Shards(std::size_t most) : shards_(most / a_shard + 1), n_buckets_{shards_.size()} {}

    /// Null if it is not there.
    Entry* find(const Key& key)
    {
        auto& shard = shard_of(key);
        const auto at = shard.find(key);
        return at == shard.end() ? nullptr : &*at;
    }
    const Entry* find(const Key& key) const { return const_cast<Shards*>(this)->find(key); }

    /// The entry of this key; a new one has this value.
    Entry& add(const Key& key, const Value& value)
    {
        auto& shard = shard_of(key);
        const auto before = shard.bucket_count();
        const auto [at, added] = shard.emplace(key, value);
        n_buckets_ += shard.bucket_count() - before;
        size_ += added;
        return *at;
    }

    void remove(const Key& key) { size_ -= shard_of(key).erase(key); }

    std::size_t size() const { return size_; }

    /// How many buckets there are: about as many as there were entries at most.
    std::size_t n_buckets() const { return n_buckets_; }

    /// How many buckets to look at ten times a second, for all to have their turn in a minute or
    /// two: a thousandth, of few all, and 5,000 at most, which takes half a millisecond.
    std::size_t n_in_turn() const
    {
        constexpr std::size_t turns = 1'000, few = 500, most = 5'000;
        return std::min({n_buckets_, n_buckets_ / turns + few, most});
    }

    template <class Each>
    void for_each(const Each& each) const
    {
        for (const auto& shard : shards_)
            for (const auto& entry : shard)
                each(entry);
    }

    /// Looks at the entries of the next `n` buckets, as long as `look` returns true; it changes
    /// nothing here.
    template <class Look>
    void look_at_next(std::size_t n, const Look& look)
    {
        while (size_ && n-- > 0) {
            if (++bucket_ >= shards_[shard_].bucket_count()) {
                bucket_ = 0;
                shard_ = (shard_ + 1) % shards_.size();
            }
            const auto& shard = shards_[shard_];
            for (auto at = shard.begin(bucket_); at != shard.end(bucket_); ++at)
                if (!look(*at))
                    return;
        }
    }

private:
    using Shard = std::unordered_map<Key, Value, Hash>;

    /// By the upper half of the hash: the small tables go by what is left of all of it.
    Shard& shard_of(const Key& key)
    {
        const auto upper = static_cast<std::uint64_t>(Hash{}(key)) >> 32;
        return shards_[static_cast<std::size_t>(upper * shards_.size() >> 32)];
    }

    std::vector<Shard> shards_;
    std::size_t n_buckets_;
    std::size_t size_ = 0;
    std::size_t shard_ = 0, bucket_ = 0; // Where it is looked at next.
};

} // namespace holdfast::plugin
