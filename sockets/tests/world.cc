// SPDX-License-Identifier: Apache-2.0
//
// sockets/tests/world: three network namespaces, for tests of sockets that move.
#include <config.h>

#include "sockets/tests/world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/tcp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <nftables/libnftables.h>

#include "sockets/syscalls.h"

namespace holdfast::sockets::tests {

namespace {

[[noreturn]] void fail(const std::string& what)
{
    throw std::runtime_error{what + ": " + std::strerror(errno)};
}

Descriptor own_namespace()
{
    Descriptor fd{open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (!fd)
        fail("/proc/thread-self/ns/net");
    return fd;
}

/// One run of ip(8) with these lines.
void ip_batch(const std::string& lines)
{
    FILE* ip = popen("ip -batch -", "we");
    if (!ip)
        fail("ip");
    std::fwrite(lines.data(), 1, lines.size(), ip);
    if (pclose(ip) != 0)
        throw std::runtime_error{"ip -batch failed"};
}

Endpoint endpoint(World::Family family, int host, std::uint16_t port)
{
    Endpoint found;
    found.port = port;
    const std::string v4 = "10.9.0." + std::to_string(host);
    if (family == World::Family::v4)
        inet_pton(AF_INET, v4.c_str(), found.ip.data());
    else
        inet_pton(AF_INET6,
                  family == World::Family::v6 ? ("fd09::" + std::to_string(host)).c_str()
                                              : ("::ffff:" + v4).c_str(),
                  found.ip.data());
    return found;
}

std::string set_up(const char* device, const char* mac, int host)
{
    const std::string name{device};
    const std::string number = std::to_string(host);
    return "link set lo up\nlink set " + name + " address " + mac + " up\naddr add 10.9.0." +
           number + "/24 dev " + name + "\naddr add fd09::" + number + "/64 dev " + name +
           " nodad\n";
}

bool is_running(const char* device)
{
    ifreq request{};
    std::strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
    const Descriptor fd{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    return ioctl(fd.get(), SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_RUNNING;
}

std::uint32_t number32(const unsigned char* at)
{
    return std::uint32_t{at[0]} << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/// The frame at `at`, if it is TCP or UDP.
std::optional<Frame> parse(const unsigned char* at, std::size_t size, bool outgoing)
{
    if (size < 14 + 20)
        return {};
    const bool v4 = at[12] == 8 && at[13] == 0;
    const unsigned char* ip = at + 14;
    const std::size_t header = v4 ? (ip[0] & 15) * 4u : 40u;
    const std::size_t total =
        v4 ? std::size_t{ip[2]} << 8 | ip[3] : 40 + (std::size_t{ip[4]} << 8 | ip[5]);
    const int protocol = v4 ? ip[9] : ip[6];
    const unsigned char* body = ip + header;
    Frame frame;
    frame.to_peer = !outgoing;
    frame.port =
        static_cast<std::uint16_t>(outgoing ? body[0] << 8 | body[1] : body[2] << 8 | body[3]);
    if (protocol == IPPROTO_UDP) {
        frame.length = static_cast<std::uint32_t>(total - header - 8);
        return frame;
    }
    if (protocol != IPPROTO_TCP)
        return {};
    const std::size_t tcp_header = (body[12] >> 4) * 4u;
    frame.sequence = number32(body + 4);
    frame.acknowledgment = number32(body + 8);
    frame.flags = body[13];
    frame.window = static_cast<std::uint32_t>(body[14] << 8 | body[15]);
    frame.length = static_cast<std::uint32_t>(total - header - tcp_header);
    for (std::size_t i = 20; i < tcp_header;) {
        if (body[i] == 8)
            frame.has_timestamps = true;
        if (body[i] == 0)
            break;
        i += body[i] == 1 ? 1 : body[i + 1];
    }
    return frame;
}

} // namespace

Net::Net()
{
    const Descriptor before = own_namespace();
    if (unshare(CLONE_NEWNET))
        fail("unshare(CLONE_NEWNET)");
    fd_ = own_namespace();
    if (setns(before.get(), CLONE_NEWNET))
        fail("setns");
}

Net::~Net()
{
    const Stay stay{fd_.get()};
    space_.reset();
}

Net::Stay::Stay(int fd) : before_{own_namespace()}
{
    if (setns(fd, CLONE_NEWNET))
        fail("setns");
}

Net::Stay::~Stay()
{
    if (setns(before_.get(), CLONE_NEWNET))
        std::abort(); // All that follows would run in the wrong place.
}

std::string Net::path() const
{
    return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_.get());
}

Space& Net::space()
{
    if (!space_)
        in([&] { space_.emplace(must(Space::open())); });
    return *space_;
}

void Net::gate(Gate gate)
{
    in([&] { must(set_gate(gate)); });
}

Wires* World::wires = nullptr;

Wires::Wires()
{
    build();
    for (Net* net : {&home, &target})
        net->space();
    // The kernel sees to a carrier when it finds the time.
    for (const auto& [net, device] : {std::pair{&switch_net, "home0"},
                                      {&switch_net, "target0"},
                                      {&switch_net, "peer0"},
                                      {&home, "eth0"},
                                      {&target, "eth0"},
                                      {&peer, "eth0"}})
        net->in([&, name = device] {
            wait_for("the carrier of a device", [&] { return is_running(name); });
        });
}

void Wires::build()
{
    switch_net.in([&] {
        std::string lines = "link add bridge0 type bridge forward_delay 0\nlink set bridge0 up\n";
        const std::pair<const char*, Net*> ends[] = {
            {"home0", &home}, {"target0", &target}, {"peer0", &peer}};
        for (const auto& [name, net] : ends)
            lines += std::string{"link add "} + name + " type veth peer name eth0 netns " +
                     net->path() + "\n";
        ip_batch(lines +
                 "link set peer0 master bridge0 up\nlink set home0 up\nlink set target0 up\n");
    });
    const char* mac = "02:00:00:00:09:02";
    home.in([&] { ip_batch(set_up("eth0", mac, 2)); });
    target.in([&] { ip_batch(set_up("eth0", mac, 2)); });
    peer.in([&] {
        ip_batch(set_up("eth0", "02:00:00:00:09:09", 9) +
                 "neigh add 10.9.0.2 lladdr 02:00:00:00:09:02 dev eth0\n"
                 "neigh add fd09::2 lladdr 02:00:00:00:09:02 dev eth0\n");
        capture.reset(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)));
        sockaddr_ll at{};
        at.sll_family = AF_PACKET;
        at.sll_protocol = htons(ETH_P_ALL);
        at.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
        set_int(capture.get(), SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20);
        if (bind(capture.get(), reinterpret_cast<sockaddr*>(&at), sizeof at))
            fail("capture");
    });
    for (Net* net : {&home, &target})
        net->in([&] {
            ip_batch("neigh add 10.9.0.9 lladdr 02:00:00:00:09:09 dev eth0\n"
                     "neigh add fd09::9 lladdr 02:00:00:00:09:09 dev eth0\n");
        });
}

World::World(Family family) : family_{family}
{
    home.gate(Gate::open);
    target.gate(Gate::open);
    heal();
    plug(home);
    frames();
}

void Net::nft(const std::string& rules)
{
    in([&] {
        const std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> nft{nft_ctx_new(NFT_CTX_DEFAULT),
                                                               nft_ctx_free};
        if (nft_run_cmd_from_buffer(nft.get(), rules.c_str()))
            throw std::runtime_error{"nft refuses " + rules};
    });
}

Endpoint World::service(std::uint16_t port) const
{
    return endpoint(family_, 2, port);
}
Endpoint World::far(std::uint16_t port) const
{
    return endpoint(family_, 9, port);
}

Descriptor World::listen(Net& net, std::uint16_t port, int backlog,
                         const std::function<void(int)>& before_bind)
{
    return net.in([&] {
        Descriptor fd{socket(family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const SocketAddress at{family(), service(port), 0};
        set_int(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        if (before_bind)
            before_bind(fd.get());
        if (bind(fd.get(), at.get(), at.size()) || ::listen(fd.get(), backlog))
            fail("listen");
        return fd;
    });
}

Descriptor World::dial(std::uint16_t port, const std::function<void(int)>& before)
{
    return peer.in([&] {
        const Family real = family_ == Family::mapped ? Family::v4 : family_;
        const std::uint8_t af = real == Family::v4 ? AF_INET : AF_INET6;
        Descriptor fd{socket(af, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        const SocketAddress to{af, endpoint(real, 2, port), 0};
        if (before)
            before(fd.get());
        if (::connect(fd.get(), to.get(), to.size()) && errno != EINPROGRESS)
            fail("connect");
        wait_for(fd.get(), POLLOUT, "a connection");
        return fd;
    });
}

World::Pair World::connect(int listener, std::uint16_t port)
{
    Pair pair;
    pair.peer = dial(port);
    wait_for(listener, POLLIN, "a connection to accept");
    pair.service.reset(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!pair.service)
        fail("accept");
    return pair;
}

void World::plug(Net& net)
{
    const std::string plugged = &net == &home ? "home0" : "target0";
    const std::string pulled = &net == &home ? "target0" : "home0";
    switch_net.in([&] {
        ip_batch("link set " + pulled + " nomaster\nlink set " + plugged + " master bridge0\n");
    });
}

void World::lose(const std::string& flag)
{
    // At the other end: what netfilter drops on its way out counts as not sent.
    peer.nft("table inet test { chain in { type filter hook input priority 0; tcp flags & " + flag +
             " == " + flag + " drop; }; }");
}

void World::heal()
{
    peer.nft("table inet test\ndelete table inet test");
}

std::vector<Frame> World::frames()
{
    std::vector<Frame> found;
    std::vector<unsigned char> buffer(1 << 17);
    for (;;) {
        sockaddr_ll from{};
        socklen_t size = sizeof from;
        const ssize_t n = recvfrom(wires->capture.get(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
        if (n < 0)
            return found;
        const auto frame =
            parse(buffer.data(), static_cast<std::size_t>(n), from.sll_pkttype == PACKET_OUTGOING);
        if (frame)
            found.push_back(*frame);
    }
}

void wait_for(const char* what, const std::function<bool()>& fact)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!fact()) {
        if (std::chrono::steady_clock::now() > end)
            throw std::runtime_error{std::string{"waited in vain for "} + what};
        poll(nullptr, 0, 1);
    }
}

void wait_for(int fd, short events, const char* what)
{
    pollfd look{fd, events, 0};
    if (poll(&look, 1, 10000) != 1)
        throw std::runtime_error{std::string{"waited in vain for "} + what};
}

void write_all(int fd, const std::string& bytes)
{
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t n =
            send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            done += static_cast<std::size_t>(n);
        else if (errno == EAGAIN)
            wait_for(fd, POLLOUT, "room to write");
        else
            fail("send");
    }
}

std::string read_some(int fd, std::size_t size)
{
    std::string bytes(size, '\0');
    const ssize_t n = recv(fd, bytes.data(), size, MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        fail("recv");
    bytes.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return bytes;
}

std::string read_exactly(int fd, std::size_t size)
{
    std::string bytes;
    while (bytes.size() < size) {
        wait_for(fd, POLLIN, "something to read");
        const std::string more = read_some(fd, size - bytes.size());
        if (more.empty())
            throw std::runtime_error{"the stream ended after " + std::to_string(bytes.size()) +
                                     " of " + std::to_string(size) + " octets"};
        bytes += more;
    }
    return bytes;
}

std::string read_to_end(int fd)
{
    std::string bytes;
    for (;;) {
        wait_for(fd, POLLIN, "the stream's end");
        const std::string more = read_some(fd, 1 << 20);
        if (more.empty())
            return bytes;
        bytes += more;
    }
}

TcpState state_of(int fd)
{
    tcp_info info{};
    if (!get_option(fd, IPPROTO_TCP, TCP_INFO, info))
        fail("TCP_INFO");
    return static_cast<TcpState>(info.tcpi_state);
}

std::string pattern(std::size_t size, unsigned seed)
{
    std::string bytes(size, '\0');
    std::uint32_t x = seed * 2654435761u + 1;
    for (char& octet : bytes) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        octet = static_cast<char>(x);
    }
    return bytes;
}

} // namespace holdfast::sockets::tests
