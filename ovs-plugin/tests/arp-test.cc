// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/arp.h"

#include <algorithm>
#include <string>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr Mac director{0x52, 0x54, 0, 0, 0, 5}, synthetic{0xae, 0x48, 10, 0, 20, 11},
    broadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/// "Who has 10.0.20.LAST?" by 10.0.10.5.
Frame request(const Mac& to, std::uint8_t last, bool tagged = false)
{
    Frame frame(to.begin(), to.end());
    frame.insert(frame.end(), director.begin(), director.end());
    if (tagged)
        frame.insert(frame.end(), {0x81, 0, 0, 10});
    frame.insert(frame.end(), {8, 6, 0, 1, 8, 0, 6, 4, 0, 1});
    frame.insert(frame.end(), director.begin(), director.end());
    frame.insert(frame.end(), {10, 0, 10, 5, 0, 0, 0, 0, 0, 0, 10, 0, 20, last});
    return frame;
}

} // namespace

TEST_GROUP(Arp)
{
    Answers answers;
    Answer answer{};

    void setup() override
    {
        answers.known = {{ip_of({10, 0, 20, 11}), synthetic},
                         {ip_of({10, 0, 20, 12}), {0xae, 0x48, 10, 0, 20, 12}}};
    }

    std::size_t ask(const Frame& frame)
    {
        return answer_to(answers, frame, answer);
    }
};

TEST(Arp, a_request_for_a_server_is_answered_with_its_synthetic_address)
{
    CHECK_EQUAL(60u, ask(request(broadcast, 11)));
    Frame wanted(director.begin(), director.end());
    wanted.insert(wanted.end(), synthetic.begin(), synthetic.end());
    wanted.insert(wanted.end(), {8, 6, 0, 1, 8, 0, 6, 4, 0, 2});
    wanted.insert(wanted.end(), synthetic.begin(), synthetic.end());
    wanted.insert(wanted.end(), {10, 0, 20, 11});
    wanted.insert(wanted.end(), director.begin(), director.end());
    wanted.insert(wanted.end(), {10, 0, 10, 5});
    CHECK(std::equal(wanted.begin(), wanted.end(), answer.begin()));
    CHECK(std::all_of(answer.begin() + 42, answer.end(), [](auto byte) { return byte == 0; }));
}

TEST(Arp, a_tagged_request_is_answered_in_its_vlan)
{
    CHECK_EQUAL(60u, ask(request(broadcast, 11, true)));
    CHECK_EQUAL(0x81, answer[12]);
    CHECK_EQUAL(10, answer[15]);
    CHECK_EQUAL(2, answer[25]); // The operation.
}

TEST(Arp, a_probe_of_the_synthetic_address_is_answered)
{
    CHECK_EQUAL(60u, ask(request(synthetic, 11)));
    CHECK_EQUAL(0u, ask(request({0x52, 0x54, 0, 0, 0, 9}, 11))); // To another machine.
}

TEST(Arp, an_address_of_no_server_is_not_answered)
{
    CHECK_EQUAL(0u, ask(request(broadcast, 10)));
    CHECK_EQUAL(0u, ask(request(broadcast, 13)));
    answers.known.clear();
    CHECK_EQUAL(0u, ask(request(broadcast, 11)));
}

TEST(Arp, who_looks_whether_an_address_is_free_is_not_answered)
{
    auto probe = request(broadcast, 11);
    std::fill_n(probe.begin() + 28, 4, std::uint8_t{0}); // RFC 5227: from nobody.
    CHECK_EQUAL(0u, ask(probe));
    auto announcement = request(broadcast, 11);
    std::copy_n(announcement.begin() + 38, 4, announcement.begin() + 28);
    CHECK_EQUAL(0u, ask(announcement));
}

TEST(Arp, what_is_no_request_is_not_answered)
{
    auto reply = request(broadcast, 11);
    reply[21] = 2;
    CHECK_EQUAL(0u, ask(reply));
    auto ip = request(broadcast, 11);
    ip[13] = 0;
    CHECK_EQUAL(0u, ask(ip));
    const auto whole = request(broadcast, 11), tagged = request(broadcast, 11, true);
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_EQUAL(0u,
                    ask(Frame(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))));
    for (std::size_t size = 0; size < tagged.size(); ++size)
        CHECK_EQUAL(0u,
                    ask(Frame(tagged.begin(), tagged.begin() + static_cast<std::ptrdiff_t>(size))));
}
