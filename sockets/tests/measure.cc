// SPDX-License-Identifier: Apache-2.0
//
// sockets/tests/measure: microseconds for each connection, to save, restore, verify and go live;
// median of several runs, at 1, 100 and 10,000 connections.  Needs root.
//
//     sockets/tests/measure [RUNS]
#include <config.h>

#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "sockets/restore.h"
#include "sockets/save.h"
#include "sockets/tests/world.h"

using namespace holdfast;
using namespace holdfast::sockets;
using namespace holdfast::sockets::tests;

namespace {

using Clock = std::chrono::steady_clock;

struct Figures {
    std::vector<double> save, encode, restore, verify, live;
};

/// Microseconds for each of `n`.
template <class Work>
void timed(std::vector<double>& figures, std::size_t n, Work work)
{
    const auto began = Clock::now();
    work();
    const std::chrono::duration<double, std::micro> took = Clock::now() - began;
    figures.push_back(took.count() / static_cast<double>(n));
}

double median(std::vector<double> figures)
{
    std::sort(figures.begin(), figures.end());
    return figures[figures.size() / 2];
}

/// One move of all connections to the target, and back home again.
void run(World& world, const std::vector<World::Pair>& pairs, const SocketImage& listener,
         Figures& figures)
{
    const std::size_t n = pairs.size();
    std::vector<SocketImage> images;
    std::vector<Descriptor> restored;
    images.reserve(n);
    restored.reserve(n);
    world.home.gate(Gate::shut);
    world.home.in([&] {
        timed(figures.save, n, [&] {
            for (const World::Pair& pair : pairs)
                images.push_back(must(save(world.home.space(), pair.service.get())));
        });
    });
    timed(figures.encode, n, [&] {
        for (SocketImage& image : images)
            image = must(decode(encode(image)));
    });
    world.target.gate(Gate::shut);
    world.target.in([&] {
        auto& space = world.target.space();
        const Descriptor parent = must(restore(space, listener));
        timed(figures.restore, n, [&] {
            for (const SocketImage& image : images)
                restored.push_back(must(restore(space, image)));
        });
        timed(figures.verify, n, [&] {
            for (std::size_t i = 0; i < n; ++i)
                must(verify(space, restored[i].get(), images[i]));
        });
        world.plug(world.target);
        timed(figures.live, n, [&] {
            for (std::size_t i = 0; i < n; ++i)
                must(release(space, restored[i].get(), images[i]));
            must(set_gate(Gate::open));
            for (std::size_t i = 0; i < n; ++i)
                must(go_live(space, restored[i].get(), images[i]));
        });
        must(set_gate(Gate::shut));
        for (const Descriptor& fd : restored) // Silent at its end.
            must(save(space, fd.get()));
        restored.clear();
    });
    world.plug(world.home);
    world.home.gate(Gate::open);
    world.home.in([&] {
        for (std::size_t i = 0; i < n; ++i)
            must(unsave(world.home.space(), pairs[i].service.get(), images[i]));
    });
}

void measure(std::size_t n, int runs)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80, 1024);
    std::vector<World::Pair> pairs;
    for (std::size_t i = 0; i < n; ++i)
        pairs.push_back(world.connect(listener.get(), 80));
    const SocketImage parent =
        world.home.in([&] { return must(save(world.home.space(), listener.get())); });
    Figures figures;
    for (int i = 0; i < runs; ++i)
        run(world, pairs, parent, figures);
    std::printf("%11zu  %6.1f  %6.1f  %7.1f  %6.1f  %7.1f\n", n, median(figures.save),
                median(figures.encode), median(figures.restore), median(figures.verify),
                median(figures.live));
    std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv)
{
    const rlimit files{65536, 65536};
    if (setrlimit(RLIMIT_NOFILE, &files)) {
        std::perror("measure: RLIMIT_NOFILE");
        return 1;
    }
    const int runs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
    std::printf("microseconds for each connection, median of %d runs\n", runs);
    std::printf("connections    save  encode  restore  verify  go live\n");
    try {
        Wires wires;
        World::wires = &wires;
        for (const std::size_t n : {1u, 100u, 10000u})
            measure(n, runs);
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "measure: %s\n", failed.what());
        return 1;
    }
}
