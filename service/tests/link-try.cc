// SPDX-License-Identifier: Apache-2.0
//
// link-try: either side of a link, for tests.
//
//     link-try accept PORTFILE NAME[,NAME] DIR     takes one connection on a port that it writes to
//                                                  PORTFILE, sends every frame back, says who came
//     link-try connect ADDRESS PORT NAME DIR SIZE...
//                                                  sends a frame of each SIZE and checks what comes
//     link-try issue CADIR NAME DIR FROM UNTIL     makes key and certificate in DIR, valid between
//                                                  so many days from now; CADIR gets a CA if it has
//                                                  none
//
// DIR holds ca.pem, certificate.pem and key.pem.  Exit 1 with the error's line on standard error.
#include <config.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "ctl/certificate.h"
#include "service/link.h"

using namespace holdfast;
using namespace holdfast::service;

namespace {

Deadline soon()
{
    return std::chrono::steady_clock::now() + std::chrono::seconds{20};
}

Credentials in(const std::string& folder)
{
    return {folder + "/ca.pem", folder + "/certificate.pem", folder + "/key.pem"};
}

std::vector<std::string> names_in(const std::string& text)
{
    std::vector<std::string> names;
    std::istringstream in{text};
    for (std::string name; std::getline(in, name, ',');)
        names.push_back(name);
    return names;
}

/// A port that is free, written to `file` once it listens.
Descriptor listen(const std::string& file)
{
    Descriptor fd{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    socklen_t size = sizeof address;
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) || ::listen(fd.get(), 8) ||
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size))
        return {};
    std::ofstream{file + ".new"} << ntohs(address.sin6_port) << "\n";
    std::filesystem::rename(file + ".new", file);
    return fd;
}

Result<void> accept(const std::vector<std::string>& words)
{
    Descriptor listener = listen(words.at(0));
    Descriptor tcp{::accept(listener.get(), nullptr, nullptr)};
    auto link = Link::accept(std::move(tcp), in(words.at(2)), names_in(words.at(1)), soon());
    if (!link)
        return link.error();
    std::cout << "peer " << link->peer_name() << std::endl;
    for (;;) {
        auto frame = link->receive(soon());
        if (!frame)
            return frame.error();
        if (auto sent = link->send(frame->type, frame->payload, soon()); !sent)
            return sent;
    }
}

Result<void> connect(const std::vector<std::string>& words)
{
    auto port = static_cast<std::uint16_t>(std::stoi(words.at(1)));
    auto link = Link::connect(words.at(0), port, in(words.at(3)), words.at(2), soon());
    if (!link)
        return link.error();
    std::cout << "peer " << link->peer_name() << std::endl;
    for (std::size_t i = 4; i < words.size(); ++i) {
        std::vector<std::uint8_t> payload(std::stoul(words[i]));
        for (std::size_t at = 0; at < payload.size(); ++at)
            payload[at] = static_cast<std::uint8_t>(at * 31 + at / 251 + i);
        const auto type = static_cast<std::uint8_t>(i);
        if (auto sent = link->send(type, payload, soon()); !sent)
            return sent;
        auto frame = link->receive(soon());
        if (!frame)
            return frame.error();
        const bool same = frame->type == type && frame->payload == payload;
        std::cout << payload.size() << (same ? " came back" : " came back altered") << std::endl;
    }
    return {};
}

Result<std::string> read(const std::string& file)
{
    std::ifstream stream{file};
    return std::string{std::istreambuf_iterator<char>{stream}, {}};
}

Result<void> issue(const std::vector<std::string>& words)
{
    const auto now = std::chrono::system_clock::now();
    const std::string ca_folder = words.at(0), folder = words.at(2);
    std::filesystem::create_directories(ca_folder);
    std::filesystem::create_directories(folder);
    if (!std::filesystem::exists(ca_folder + "/ca-key.pem")) {
        auto ca = ctl::make_ca({now - std::chrono::years{1}, now + std::chrono::years{1}});
        if (!ca)
            return ca.error();
        std::ofstream{ca_folder + "/ca.pem"} << ca->certificate;
        std::ofstream{ca_folder + "/ca-key.pem"} << ca->key;
    }
    ctl::Pem ca{*read(ca_folder + "/ca.pem"), *read(ca_folder + "/ca-key.pem")};
    auto own = ctl::make_certificate(ca, words.at(1),
                                     {now + std::chrono::days{std::stoi(words.at(3))},
                                      now + std::chrono::days{std::stoi(words.at(4))}});
    if (!own)
        return own.error();
    std::ofstream{folder + "/ca.pem"} << ca.certificate;
    std::ofstream{folder + "/certificate.pem"} << own->certificate;
    std::ofstream{folder + "/key.pem"} << own->key;
    return {};
}

} // namespace

int main(int argc, char** argv)
{
    std::vector<std::string> words{argv + 1, argv + argc};
    if (words.empty())
        return 2;
    const std::string verb = words[0];
    words.erase(words.begin());
    auto done = verb == "accept"    ? accept(words)
                : verb == "connect" ? connect(words)
                                    : issue(words);
    if (done)
        return 0;
    std::cerr << done.error().message << "\n";
    return 1;
}
