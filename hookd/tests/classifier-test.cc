// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/classifier and common/flow-match (spec C8, "Bad input").
#include <config.h>

#include "hookd/classifier.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

TEST_GROUP(Classifier){std::string error(const std::string& text){auto match = parse_match(text);
return match ? std::string{} : match.error().message;
}
}
;

TEST(Classifier, NumberBeyondItsFieldIsRefused)
{
    CHECK_EQUAL(std::string("dl_vlan=5000 is out of range: ovs-fields(7) says which values "
                            "dl_vlan has"),
                error("tcp,dl_vlan=5000"));
    for (const std::string text :
         {"dl_vlan_pcp=8", "vlan_vid=0x2001", "ip,nw_tos=3", "ip,ip_dscp=64", "ip,nw_ecn=4",
          "ipv6,ipv6_label=0x100000", "ipv6,ipv6_label=0/0x100000", "mpls,mpls_label=0x100000",
          "mpls,mpls_tc=8", "mpls,mpls_bos=2", "arp,arp_op=256", "tcp,tp_dst=65536",
          "ip,nw_proto=256", "ip,nw_dst=256.1.1.1", "ip,nw_dst=10.0.0.-1", "arp,arp_tpa=10.0.0.999",
          "dl_dst=52:54:00:00:00:1ff", "ip,nw_src=10.0.0.1/255.255.256.0"})
        CHECK_TEXT(!error(text).empty(), text.c_str());
}

TEST(Classifier, HighestAndLowestNumbersOfAFieldAreTaken)
{
    for (const std::string text : {"dl_vlan=4095",
                                   "dl_vlan=0xffff",
                                   "dl_vlan=0,dl_vlan_pcp=7",
                                   "vlan_vid=0x1388",
                                   "vlan_vid=0x1000/0x1000",
                                   "vlan_tci=0xffff",
                                   "ip,nw_tos=252",
                                   "ip,ip_dscp=63",
                                   "ip,nw_ecn=3",
                                   "ipv6,ipv6_label=0xfffff",
                                   "mpls,mpls_label=0xfffff,mpls_tc=7,mpls_bos=1",
                                   "arp,arp_op=255",
                                   "tcp,tp_dst=65535,tcp_flags=0xfff",
                                   "tcp,tcp_flags=+syn-ack",
                                   "ip,ip_frag=later",
                                   "in_port=LOCAL,ip",
                                   "ip,nw_dst=255.255.255.255",
                                   "ip,nw_dst=10.0.0.0/24",
                                   "ip,nw_src=10.0.0.0/255.255.0.255",
                                   "dl_dst=ff:ff:ff:ff:ff:fe",
                                   "dl_src=01:00:00:00:00:00/01:00:00:00:00:00"})
        CHECK_EQUAL(std::string{}, error(text));
}

TEST(Classifier, WhatTheSwitchChangesIsRefused)
{
    for (const std::string text : {"ip,pkt_mark=5", "ip,dp_hash=5"})
        CHECK_EQUAL(std::string("pkt_mark and dp_hash are not part of a frame, and the switch "
                                "changes them on its way: leave them out"),
                    error(text));
}

TEST(Classifier, WhatOpenFlowDoesNotHaveIsRefusedAsSuch)
{
    CHECK_EQUAL(std::string("skb_priority is no field of OpenFlow: leave it out"),
                error("ip,skb_priority=5"));
}

TEST(Classifier, MatchesMeetIfAFrameCanBeOfBothButNotOneFromAHostToItself)
{
    CHECK_TRUE(relate("ip,nw_src=10.0.0.20", "ip,nw_dst=10.0.0.30").meet);
    CHECK_TRUE(relate("ip,nw_src=10.0.0.20", "ip,nw_dst=10.0.0.0/24").meet);
    CHECK_TRUE(relate("arp,arp_spa=10.0.0.20", "arp,arp_tpa=10.0.0.20").meet);
    CHECK_TRUE(relate("ip,nw_dst=10.0.0.20", "tcp,nw_dst=10.0.0.20").meet);
    for (const auto& [back, there] :
         {std::pair{"ip,nw_src=10.0.0.20", "tcp,nw_dst=10.0.0.20"},
          std::pair{"ipv6,ipv6_src=2001:db8::1", "tcp6,ipv6_dst=2001:db8::1"},
          std::pair{"dl_src=52:54:00:00:00:01", "ip,dl_dst=52:54:00:00:00:01"}})
        CHECK_FALSE(relate(back, there).meet);
}

TEST(Classifier, MatchByInPortMistakesFramesOfOtherPortsForItsOwn)
{
    CHECK_TRUE(mistakes("tcp,in_port=3", "ip,nw_dst=10.0.0.20"));
    CHECK_TRUE(mistakes("tcp,in_port=3", "tcp,in_port=LOCAL"));
    CHECK_FALSE(mistakes("tcp,in_port=3", "ip,in_port=3"));
    CHECK_FALSE(mistakes("tcp,in_port=3", "udp"));
    CHECK_FALSE(mistakes("ip", "tcp,in_port=3"));
}
