// SPDX-License-Identifier: Apache-2.0
//
// sockets/tests/mover: a whole move of sockets between two namespaces of a World, step by step.
#pragma once

#include <span>
#include <vector>

#include "common/descriptor.h"
#include "sockets/flush.h"
#include "sockets/image.h"
#include "sockets/tests/world.h"

namespace holdfast::sockets::tests {

/// Moves sockets as a service's are moved, without the service.
class Mover {
public:
    Mover(World& world, Net& from, Net& to) : world_{world}, from_{from}, to_{to} {}

    /// All steps; the sockets at the target in the order given.
    template <class... Descriptors>
    std::vector<Descriptor> move(Descriptors&... sockets)
    {
        std::vector<Descriptor*> all{&sockets...};
        return move_all(all);
    }
    std::vector<Descriptor> move_all(std::span<Descriptor* const> sockets);
    /// The same without a flush: nothing passes from before the first step on.
    template <class... Descriptors>
    std::vector<Descriptor> move_unflushed(Descriptors&... sockets)
    {
        std::vector<Descriptor*> all{&sockets...};
        save(all);
        restore();
        return finish(all);
    }

    /// The steps, for tests that look in between.
    void flush(std::span<Descriptor* const> sockets);
    void save(std::span<Descriptor* const> sockets);
    void restore();
    /// Not `announced`: who moves them ends right after the gate's opening.
    std::vector<Descriptor> go_live(bool announced = true);
    void discard() { restored_.clear(); }

    std::vector<SocketImage> images;
    Flushed flushed;

private:
    std::vector<Descriptor> finish(std::span<Descriptor* const> sockets);

    World& world_;
    Net& from_;
    Net& to_;
    std::vector<Descriptor> restored_;
};

} // namespace holdfast::sockets::tests
