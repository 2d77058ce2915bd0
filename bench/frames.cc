// SPDX-License-Identifier: Apache-2.0
//
// bench/frames: sends frames faster than Python can.
//
//     frames ask INTERFACE ADDRESS WINDOW COUNT SECONDS < "ADDRESS MAC" lines
//         asks for these addresses in turn by ARP, as ADDRESS, with WINDOW requests outstanding,
//         until COUNT are asked or the time is over; says how many answers were right, wrong, late
//         (after a second: missing by then), and how long it took: one line of JSON
//     frames send SECONDS RATE < "PID INTERFACE HEX" lines
//         sends each frame on that interface of process PID's network; RATE frames a second, once
//         all of them; or, RATE 0, as many as it can, over and over, the interfaces taking turns;
//         says how many
//     frames connect syn|places|whole FIRST COUNT WINDOW < lines
//         opens connections to a balanced address, both ends played here (connect.h)
#include <config.h>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/connect.h"
#include "bench/link.h"

namespace {

using namespace holdfast::bench;
using Clock = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds{1};

Mac own_mac(int fd, const std::string& interface)
{
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCGIFHWADDR, &request) != 0)
        die(interface);
    Mac mac;
    std::memcpy(mac.data(), request.ifr_hwaddr.sa_data, mac.size());
    return mac;
}

// --- ask ---

struct Asked {
    std::uint32_t address = 0;
    Mac mac{};
    Frame request;
    bool outstanding = false;
    Clock::time_point since{};
};

struct Asker {
    std::string interface;
    std::uint32_t self;
    std::size_t window, count;
    double seconds;
    int fd = -1;
    Mac mac{};
    std::vector<Asked> all;
    std::map<std::uint32_t, std::size_t> places; // By address.
    std::size_t next = 0, n_outstanding = 0;
    std::uint64_t asked = 0, answered = 0, wrong = 0, late = 0, missing = 0;
};

Frame request_for(const Asker& asker, std::uint32_t address)
{
    ether_arp arp{};
    arp.arp_hrd = htons(ARPHRD_ETHER);
    arp.arp_pro = htons(ETHERTYPE_IP);
    arp.arp_hln = 6;
    arp.arp_pln = 4;
    arp.arp_op = htons(ARPOP_REQUEST);
    std::copy(asker.mac.begin(), asker.mac.end(), arp.arp_sha);
    std::memcpy(arp.arp_spa, &asker.self, 4);
    std::memcpy(arp.arp_tpa, &address, 4);
    Frame frame(60);
    std::fill_n(frame.begin(), 6, 0xff);
    std::copy(asker.mac.begin(), asker.mac.end(), frame.begin() + 6);
    frame[12] = 0x08, frame[13] = 0x06;
    std::memcpy(&frame[14], &arp, sizeof arp);
    return frame;
}

void read_addresses(Asker& asker)
{
    std::string address, mac;
    while (std::cin >> address >> mac) {
        Asked one;
        one.address = ip_of(address);
        one.mac = mac_of(mac);
        one.request = request_for(asker, one.address);
        asker.places.emplace(one.address, asker.all.size());
        asker.all.push_back(std::move(one));
    }
    if (asker.all.size() < asker.window)
        die("fewer addresses than may be outstanding");
}

/// Asks for as many as the window has room for.
void fill_window(Asker& asker, Clock::time_point now)
{
    std::array<Frame*, batch_max> batch;
    std::size_t n = 0;
    while (asker.n_outstanding < asker.window && asker.asked < asker.count) {
        auto& one = asker.all[asker.next];
        asker.next = (asker.next + 1) % asker.all.size();
        if (one.outstanding)
            continue;
        one.outstanding = true;
        one.since = now;
        asker.n_outstanding++;
        asker.asked++;
        batch[n++] = &one.request;
        if (n == batch_max)
            send_all(asker.fd, batch.data(), std::exchange(n, 0));
    }
    send_all(asker.fd, batch.data(), n);
}

void judge(Asker& asker, const std::uint8_t* frame, std::size_t size)
{
    ether_arp arp;
    if (size < 14 + sizeof arp || frame[12] != 0x08 || frame[13] != 0x06)
        return;
    std::memcpy(&arp, frame + 14, sizeof arp);
    if (arp.arp_op != htons(ARPOP_REPLY))
        return;
    std::uint32_t from, to;
    std::memcpy(&from, arp.arp_spa, 4);
    std::memcpy(&to, arp.arp_tpa, 4);
    const auto at = asker.places.find(from);
    if (at == asker.places.end()) {
        asker.wrong++;
        return;
    }
    auto& one = asker.all[at->second];
    if (!one.outstanding) {
        asker.late++;
        return;
    }
    one.outstanding = false;
    asker.n_outstanding--;
    const bool right = to == asker.self &&
                       std::equal(one.mac.begin(), one.mac.end(), arp.arp_sha) &&
                       std::equal(asker.mac.begin(), asker.mac.end(), arp.arp_tha) &&
                       std::equal(asker.mac.begin(), asker.mac.end(), frame) &&
                       std::equal(one.mac.begin(), one.mac.end(), frame + 6);
    (right ? asker.answered : asker.wrong)++;
}

void receive_answers(Asker& asker)
{
    pollfd ready{asker.fd, POLLIN, 0};
    if (poll(&ready, 1, 10) <= 0)
        return;
    std::array<std::array<std::uint8_t, 128>, batch_max> frames;
    std::array<mmsghdr, batch_max> messages{};
    std::array<iovec, batch_max> parts;
    for (std::size_t i = 0; i < batch_max; i++) {
        parts[i] = {frames[i].data(), frames[i].size()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int n = recvmmsg(asker.fd, messages.data(), batch_max, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < n; i++)
        judge(asker, frames[static_cast<std::size_t>(i)].data(),
              messages[static_cast<std::size_t>(i)].msg_len);
}

void give_up_old(Asker& asker, Clock::time_point now)
{
    for (auto& one : asker.all)
        if (one.outstanding && now - one.since > patience) {
            one.outstanding = false;
            asker.n_outstanding--;
            asker.missing++;
        }
}

int ask(Asker asker)
{
    asker.fd = open_packets(asker.interface, ETH_P_ARP);
    asker.mac = own_mac(asker.fd, asker.interface);
    read_addresses(asker);
    const auto begun = Clock::now();
    const auto end = begun + std::chrono::duration<double>(asker.seconds);
    auto looked = begun, now = begun;
    while (now < end && (asker.asked < asker.count || asker.n_outstanding)) {
        fill_window(asker, now);
        receive_answers(asker);
        now = Clock::now();
        if (now - looked > std::chrono::milliseconds{100}) {
            give_up_old(asker, now);
            looked = now;
        }
    }
    const double took = std::chrono::duration<double>(now - begun).count();
    // What is answered after the end was asked too late to count; what never is, is missing.
    asker.count = asker.asked;
    for (const auto last = now + patience; asker.n_outstanding && Clock::now() < last;) {
        const auto before = asker.answered;
        receive_answers(asker);
        asker.asked -= asker.answered - before;
        asker.answered = before;
    }
    asker.missing += asker.n_outstanding;
    std::printf("{\"asked\":%ju,\"answered\":%ju,\"wrong\":%ju,\"late\":%ju,\"missing\":%ju,"
                "\"seconds\":%.6f}\n",
                static_cast<std::uintmax_t>(asker.asked),
                static_cast<std::uintmax_t>(asker.answered),
                static_cast<std::uintmax_t>(asker.wrong), static_cast<std::uintmax_t>(asker.late),
                static_cast<std::uintmax_t>(asker.missing), took);
    return 0;
}

// --- send ---

struct Exit {
    int fd = -1;
    std::vector<Frame> frames;
    std::size_t next = 0;
};

Frame bytes_of(const std::string& hex)
{
    Frame frame;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        frame.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    return frame;
}

std::vector<Exit> read_exits()
{
    std::map<std::pair<std::string, std::string>, Exit> all;
    for (std::string pid, interface, hex; std::cin >> pid >> interface >> hex;) {
        auto& exit = all[{pid, interface}];
        if (exit.fd < 0)
            exit.fd = open_there(pid, interface, 0);
        exit.frames.push_back(bytes_of(hex));
    }
    std::vector<Exit> exits;
    for (auto& [name, exit] : all)
        exits.push_back(std::move(exit));
    return exits;
}

void send_batch(Exit& exit, std::size_t count)
{
    std::array<Frame*, batch_max> batch;
    for (std::size_t i = 0; i < count; i++)
        batch[i] = &exit.frames[(exit.next + i) % exit.frames.size()];
    exit.next = (exit.next + count) % exit.frames.size();
    send_all(exit.fd, batch.data(), count);
}

int send(double seconds, double rate)
{
    auto exits = read_exits();
    std::uint64_t sent = 0;
    const auto begun = Clock::now();
    const auto end = begun + std::chrono::duration<double>(seconds);
    if (rate > 0) {
        for (auto& exit : exits)
            for (std::size_t i = 0; i < exit.frames.size() && Clock::now() < end; i++, sent++) {
                std::this_thread::sleep_until(
                    begun + std::chrono::duration<double>(static_cast<double>(sent) / rate));
                send_batch(exit, 1);
            }
    } else {
        while (!exits.empty() && Clock::now() < end)
            for (auto& exit : exits) {
                send_batch(exit, batch_max);
                sent += batch_max;
            }
    }
    std::printf("%ju\n", static_cast<std::uintmax_t>(sent));
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() == 6 && words[0] == "ask") {
        Asker asker;
        asker.interface = words[1];
        asker.self = ip_of(words[2]);
        asker.window = std::stoul(words[3]);
        asker.count = std::stoul(words[4]);
        asker.seconds = std::stod(words[5]);
        return ask(std::move(asker));
    }
    if (words.size() == 3 && words[0] == "send")
        return send(std::stod(words[1]), std::stod(words[2]));
    static const std::map<std::string, Extent> extents{
        {"syn", Extent::syn}, {"places", Extent::places}, {"whole", Extent::whole}};
    if (words.size() == 5 && words[0] == "connect" && extents.contains(words[1]))
        return connect(extents.at(words[1]), std::stoul(words[2]), std::stoul(words[3]),
                       std::stoul(words[4]));
    std::fprintf(stderr, "usage: frames ask INTERFACE ADDRESS WINDOW COUNT SECONDS\n"
                         "       frames send SECONDS RATE\n"
                         "       frames connect syn|places|whole FIRST COUNT WINDOW\n");
    return 2;
}
