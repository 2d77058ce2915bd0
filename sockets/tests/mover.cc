// SPDX-License-Identifier: Apache-2.0
//
// sockets/tests/mover: a whole move of sockets between two namespaces of a World, step by step.
#include <config.h>

#include "sockets/tests/mover.h"

#include "sockets/restore.h"
#include "sockets/save.h"

namespace holdfast::sockets::tests {

void Mover::flush(std::span<Descriptor* const> sockets)
{
    std::vector<int> fds;
    for (const Descriptor* socket : sockets)
        fds.push_back(socket->get());
    from_.in([&] { flushed = must(run_flush(from_.space(), fds, {})); });
}

void Mover::save(std::span<Descriptor* const> sockets)
{
    from_.gate(Gate::shut);
    images.clear();
    from_.in([&] {
        for (const Descriptor* socket : sockets) {
            images.push_back(must(sockets::save(from_.space(), socket->get())));
            // What goes over the wire is what is restored.
            images.back() = must(decode(encode(images.back())));
        }
    });
}

void Mover::restore()
{
    to_.gate(Gate::shut);
    restored_.clear();
    restored_.resize(images.size());
    to_.in([&] {
        for (const bool listeners : {true, false})
            for (std::size_t i = 0; i < images.size(); ++i)
                if ((images[i].kind == Kind::listener) == listeners) {
                    restored_[i] = must(sockets::restore(to_.space(), images[i]));
                    must(verify(to_.space(), restored_[i].get(), images[i]));
                }
    });
}

std::vector<Descriptor> Mover::go_live(bool announced)
{
    to_.in([&] {
        for (std::size_t i = 0; i < images.size(); ++i)
            must(release(to_.space(), restored_[i].get(), images[i]));
    });
    world_.plug(to_);
    to_.gate(Gate::open);
    if (!announced)
        return std::move(restored_);
    to_.in([&] {
        for (std::size_t i = 0; i < images.size(); ++i)
            must(sockets::go_live(to_.space(), restored_[i].get(), images[i]));
    });
    return std::move(restored_);
}

std::vector<Descriptor> Mover::finish(std::span<Descriptor* const> sockets)
{
    world_.heal();
    auto moved = go_live();
    for (Descriptor* socket : sockets)
        socket->reset(-1); // In repair mode, and home's gate is shut: nobody hears of it.
    from_.gate(Gate::open);
    return moved;
}

std::vector<Descriptor> Mover::move_all(std::span<Descriptor* const> sockets)
{
    flush(sockets);
    save(sockets);
    restore();
    return finish(sockets);
}

} // namespace holdfast::sockets::tests
