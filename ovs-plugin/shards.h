// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/shards: a hash table that holds millions and grows a little at a time (spec B9).
//
// When a hash table grows, all of its entries move at once, at some 100 ns each: with millions the
// switch would stand still for as long.  So this one is many small ones, whose number follows from
// the most that it is to hold, and a key's hash says in which it is.
//
// A small table is an array of slots of eight bytes: some bits of a key's hash, and the number of
// the entry.  Entries lie beside it, in blocks, and never move; so a table that grows reads no
// entry, and a key that is not there is not found without reading one.
//
// Cost, with n entries of at most N:
//     look-up           two cache lines besides those of the small table's description, whatever n
//     new entry         moves the slots of one small table, 8192 at most: some 10 us, whatever n
//     removed entry     likewise, where a table is nearly empty
//     memory            25 bytes for each 256 of N at first; then each entry's own and 11 to 22
//                       bytes, up to 64 where most have gone.  A block of which all have gone is
//                       given back
//
// Not to be called by two threads at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace holdfast::plugin {

/// `Hash` is cheap.  Its upper half must be as good as its lower one, and nobody outside may know
/// it.
template <class Key, class Value, class Hash>
class Shards {
public:
    /// It stays where it is until it is removed.
    using Entry = std::pair<const Key, Value>;
    static_assert(std::is_trivially_destructible_v<Entry>, "a block is given back as it is");

    /// As many entries one table has on average, when there are as many as there may be.
    static constexpr std::size_t a_shard = 4096;
    /// As many slots move at once at most.
    static constexpr std::size_t moved_max = 2 * a_shard;

    /// Shape:   `most` entries, below 2^31; more are held, too, but the tables grow longer then.
    explicit Shards(std::size_t most) : shards_(most / a_shard + 1)
    {
        blocks_.reserve(most / n_block + 1); // So that adding one moves no others.
    }

    /// What an entry costs as long as few are removed: of eight slots, of eight bytes, three are
    /// used at least.
    static constexpr std::size_t entry_cost = sizeof(Entry) + 8 * 8 / 3;

    /// Null if it is not there.
    Entry* find(const Key& key)
    {
        const auto [shard, tag] = place_of(key);
        if (!shard->n_used)
            return nullptr;
        const auto& slot = shard->slots[at(*shard, tag, key)];
        return slot.number ? &entry(slot.number) : nullptr;
    }
    const Entry* find(const Key& key) const { return const_cast<Shards*>(this)->find(key); }

    /// The entry of this key; a new one has this value.
    Entry& add(const Key& key, const Value& value)
    {
        const auto [shard, tag] = place_of(key);
        if (shard->n_used >= shard->n_slots - shard->n_slots / 4)
            resize(*shard, std::max(first_slots, shard->n_slots * 2));
        auto& slot = shard->slots[at(*shard, tag, key)];
        if (!slot.number) {
            slot = {tag, unused()};
            new (&entry(slot.number)) Entry{key, value};
            ++shard->n_used;
            ++size_;
        }
        return entry(slot.number);
    }

    void remove(const Key& key)
    {
        const auto [shard, tag] = place_of(key);
        if (!shard->n_used)
            return;
        const auto found = at(*shard, tag, key);
        if (!shard->slots[found].number)
            return;
        give_back(shard->slots[found].number);
        close_gap(*shard, found);
        --shard->n_used;
        --size_;
        if (shard->n_slots > first_slots && shard->n_used < shard->n_slots / 8)
            resize(*shard, shard->n_slots / 2);
    }

    std::size_t size() const { return size_; }

    /// How many slots there are: eight for each entry at most, and eight for each table.
    std::size_t n_slots() const { return n_slots_; }

    /// How many slots to look at ten times a second, for all to have their turn in a minute or
    /// two: a thousandth, of few all, and 5,000 at most, which takes half a millisecond.
    std::size_t n_in_turn() const
    {
        constexpr std::size_t turns = 1'000, few = 500, most = 5'000;
        return std::min({n_slots_, n_slots_ / turns + few, most});
    }

    template <class Each>
    void for_each(const Each& each) const
    {
        for (const auto& shard : shards_)
            for (std::size_t i = 0; i < shard.n_slots; ++i)
                if (const auto number = shard.slots[i].number)
                    each(entry(number));
    }

    /// Looks at the entries of the next `n` slots, as long as `look` returns true; it changes
    /// nothing here.
    template <class Look>
    void look_at_next(std::size_t n, const Look& look)
    {
        while (size_ && n > 0) {
            const auto& shard = shards_[shard_];
            if (slot_ >= shard.n_slots) {
                slot_ = 0;
                shard_ = (shard_ + 1) % shards_.size();
                continue;
            }
            --n;
            if (const auto number = shard.slots[slot_++].number; number && !look(entry(number)))
                return;
        }
    }

private:
    struct Slot {
        std::uint32_t tag = 0;    // The lower half of the key's hash.
        std::uint32_t number = 0; // Of the entry; 0: it is empty.
    };
    /// Open addressing, by steps of one.
    struct Shard {
        std::unique_ptr<Slot[]> slots;
        std::uint32_t n_slots = 0; // A power of two, or none.
        std::uint32_t n_used = 0;  // Three quarters at most, so a search ends.
    };
    static constexpr std::uint32_t first_slots = 8;
    static constexpr std::uint32_t n_block = 256; // Entries.
    static constexpr std::uint32_t none = UINT32_MAX;
    /// For an entry; while it is free its first bytes are the next free one of its block.
    struct Room {
        alignas(Entry) std::byte bytes[sizeof(Entry)];
    };
    static_assert(sizeof(Room) >= sizeof(std::uint32_t));
    /// Those with free rooms are a list, and so are those without memory.
    struct Block {
        std::unique_ptr<Room[]> rooms; // Null: it was given back.
        std::uint32_t n_used = 0;
        std::uint32_t free = 0; // The first free room, if there is one.
        std::uint32_t before = none, after = none;
    };

    std::pair<Shard*, std::uint32_t> place_of(const Key& key)
    {
        const auto hash = static_cast<std::uint64_t>(Hash{}(key));
        const auto shard = static_cast<std::size_t>((hash >> 32) * shards_.size() >> 32);
        return {&shards_[shard], static_cast<std::uint32_t>(hash)};
    }

    /// The key's slot in this table, which has some; an empty one if it is not there.
    std::size_t at(const Shard& shard, std::uint32_t tag, const Key& key) const
    {
        const std::size_t mask = shard.n_slots - 1;
        std::size_t i = tag & mask;
        while (shard.slots[i].number &&
               !(shard.slots[i].tag == tag && entry(shard.slots[i].number).first == key))
            i = (i + 1) & mask;
        return i;
    }

    void resize(Shard& shard, std::uint32_t n)
    {
        auto slots = std::make_unique<Slot[]>(n);
        for (std::size_t i = 0; i < shard.n_slots; ++i) {
            const auto& slot = shard.slots[i];
            std::size_t to = slot.tag & (n - 1);
            while (slot.number && slots[to].number)
                to = (to + 1) & (n - 1);
            if (slot.number)
                slots[to] = slot;
        }
        n_slots_ = n_slots_ + n - shard.n_slots;
        shard.slots = std::move(slots);
        shard.n_slots = n;
    }

    /// Empties this slot: what is behind it, and would not be found past an empty one, moves up.
    static void close_gap(Shard& shard, std::size_t gap)
    {
        const std::size_t mask = shard.n_slots - 1;
        for (auto i = (gap + 1) & mask; shard.slots[i].number; i = (i + 1) & mask) {
            const auto way = (i - shard.slots[i].tag) & mask; // From where it would be at best.
            if (way < ((i - gap) & mask))
                continue;
            shard.slots[gap] = shard.slots[i];
            gap = i;
        }
        shard.slots[gap] = {};
    }

    std::uint32_t& next_free(Block& block, std::uint32_t room)
    {
        return *std::launder(reinterpret_cast<std::uint32_t*>(block.rooms[room].bytes));
    }

    /// The number of an entry's place that nobody has.
    std::uint32_t unused()
    {
        if (with_room_ == none)
            link(with_room_, given_back_ == none ? new_block() : unlink(given_back_, given_back_));
        const auto at = with_room_;
        auto& block = blocks_[at];
        if (!block.rooms)
            allocate(block);
        const auto room = block.free;
        block.free = next_free(block, room);
        if (++block.n_used == n_block)
            unlink(with_room_, at);
        return at * n_block + room + 1;
    }

    void give_back(std::uint32_t number)
    {
        const auto at = (number - 1) / n_block, room = (number - 1) % n_block;
        auto& block = blocks_[at];
        new (block.rooms[room].bytes) std::uint32_t{block.free};
        block.free = room;
        if (block.n_used-- == n_block)
            link(with_room_, at);
        if (block.n_used || (block.before == none && block.after == none))
            return; // The last with a room: the next entry would ask for it again.
        block.rooms.reset();
        link(given_back_, unlink(with_room_, at));
    }

    std::uint32_t new_block()
    {
        blocks_.emplace_back();
        return static_cast<std::uint32_t>(blocks_.size() - 1);
    }

    void allocate(Block& block)
    {
        block.rooms = std::make_unique_for_overwrite<Room[]>(n_block);
        for (std::uint32_t i = 0; i < n_block; ++i)
            new (block.rooms[i].bytes) std::uint32_t{i + 1};
        block.free = 0;
    }

    /// Puts a block into a list.
    void link(std::uint32_t& first, std::uint32_t at)
    {
        blocks_[at].before = none;
        blocks_[at].after = first;
        if (first != none)
            blocks_[first].before = at;
        first = at;
    }

    /// Takes it out.
    std::uint32_t unlink(std::uint32_t& first, std::uint32_t at)
    {
        const auto [before, after] = std::pair{blocks_[at].before, blocks_[at].after};
        (before == none ? first : blocks_[before].after) = after;
        if (after != none)
            blocks_[after].before = before;
        return at;
    }

    Entry& entry(std::uint32_t number) const
    {
        auto& room = blocks_[(number - 1) / n_block].rooms[(number - 1) % n_block];
        return *std::launder(reinterpret_cast<Entry*>(room.bytes));
    }

    std::vector<Shard> shards_;
    std::vector<Block> blocks_;
    std::uint32_t with_room_ = none, given_back_ = none; // The first of each list.
    std::size_t n_slots_ = 0;
    std::size_t size_ = 0;
    std::size_t shard_ = 0, slot_ = 0; // Where it is looked at next.
};

} // namespace holdfast::plugin
