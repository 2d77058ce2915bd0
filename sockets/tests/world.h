// SPDX-License-Identifier: Apache-2.0
//
// sockets/tests/world: three network namespaces, for tests of sockets that move.
//
//     home ──┐
//            ├── bridge (in a namespace of its own) ── peer
//   target ──┘
//
// Home and target have the same addresses, 10.9.0.2 and fd09::2, and the same MAC address; only
// one of their ports on the bridge is up.  The peer has 10.9.0.9 and fd09::9.  Everything runs on
// one thread, which steps from namespace to namespace.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/descriptor.h"
#include "sockets/guard.h"
#include "sockets/image.h"
#include "sockets/space.h"

namespace holdfast::sockets::tests {

/// A network namespace.  What fails here throws: the test ends with the words.
class Net {
public:
    Net();

    /// Runs `work` in the namespace.
    template <class Work>
    auto in(Work work)
    {
        const Stay stay{fd_.get()};
        return work();
    }

    /// A path that ip(8) takes for the namespace's name.
    std::string path() const;

    /// The library's view of the namespace, made at the first call: Wires has called it.
    Space& space();

    void gate(Gate gate);

    /// Rules of a test, for nftables.
    void nft(const std::string& rules);

    ~Net();
    Net(const Net&) = delete;
    Net& operator=(const Net&) = delete;

private:
    // In the namespace as long as it lives.
    class Stay {
    public:
        explicit Stay(int fd);
        ~Stay();

    private:
        Descriptor before_;
    };

    Descriptor fd_;
    std::optional<Space> space_;
};

/// A TCP segment that was seen on the wire, or a UDP datagram (`flags` 0).
struct Frame {
    bool to_peer = false;
    std::uint8_t flags = 0;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgment = 0;
    std::uint32_t window = 0; // Not scaled.
    bool has_timestamps = false;
    std::uint32_t length = 0; // Octets of data.
    std::uint16_t port = 0;   // The peer's.
};

/// The namespaces and the wires between them; made once for a program, since that takes long.
class Wires {
public:
    Wires();

    Net switch_net, home, target, peer;
    Descriptor capture; // The peer's device, all frames.

private:
    void build();
};

/// What a test sees: nothing is left of the test before, the address is at home.
class World {
public:
    /// Family: of the connections that it makes; mapped: IPv6 sockets with IPv4 addresses.
    enum class Family { v4, v6, mapped };
    explicit World(Family family);

    /// To be set before the first World is made.
    static Wires* wires;

    Net& switch_net = wires->switch_net;
    Net& home = wires->home;
    Net& target = wires->target;
    Net& peer = wires->peer;

    std::uint8_t family() const { return family_ == Family::v4 ? AF_INET : AF_INET6; }
    /// Address of the service and of the peer, as the service's sockets say it.
    Endpoint service(std::uint16_t port) const;
    Endpoint far(std::uint16_t port) const;

    /// A listener of the service in `net`.
    Descriptor listen(Net& net, std::uint16_t port, int backlog = 16,
                      const std::function<void(int)>& before_bind = {});
    /// The peer connects; non-blocking, the connection is there.
    Descriptor dial(std::uint16_t port, const std::function<void(int)>& before = {});
    /// A connection from the peer to a listener that is there.
    struct Pair {
        Descriptor service, peer;
    };
    Pair connect(int listener, std::uint16_t port);

    /// Moves the address: only this one's port is up.
    void plug(Net& net);

    /// What the service sends with this TCP flag ("fin") is lost from here on; until heal().
    void lose(const std::string& flag);
    void heal();

    /// The frames that the peer's device has seen since the last call, both ways.
    std::vector<Frame> frames();

private:
    Family family_;
};

/// Waits until `fact` is true; throws after ten seconds.
void wait_for(const char* what, const std::function<bool()>& fact);

/// Waits for these poll(2) events.
void wait_for(int fd, short events, const char* what);

/// All of it, waiting for room.
void write_all(int fd, const std::string& bytes);

/// So many octets, waiting for them.
std::string read_exactly(int fd, std::size_t size);

/// Reads until the end of the stream.
std::string read_to_end(int fd);

/// What is there to read now, without waiting; `size` at most.
std::string read_some(int fd, std::size_t size);

TcpState state_of(int fd);

/// Octets that differ from place to place.
std::string pattern(std::size_t size, unsigned seed);

/// The value, or a throw with the error's words.
template <class T>
T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message};
    return std::move(*result);
}
inline void must(const Result<void>& result)
{
    if (!result)
        throw std::runtime_error{result.error().message};
}

} // namespace holdfast::sockets::tests
