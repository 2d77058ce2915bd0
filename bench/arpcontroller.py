# SPDX-License-Identifier: Apache-2.0
"""Answers ARP requests for servers as an OpenFlow controller, beside bench/balancer.

Run by osken-manager.  The bytes are taken apart by hand and sent back as they are, which is several times
faster than the library's packet classes: the peer shall be as fast as Python lets it."""

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import MAIN_DISPATCHER, CONFIG_DISPATCHER, set_ev_cls
from os_ken.ofproto import ofproto_v1_3

PREFIX = b"\xae\x48"


class ArpController(app_manager.OSKenApp):
    """One for all switches."""

    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def joined(self, event):
        """ARP comes here, whole."""
        path = event.msg.datapath
        parser, protocol = path.ofproto_parser, path.ofproto
        to_us = parser.OFPActionOutput(protocol.OFPP_CONTROLLER, protocol.OFPCML_NO_BUFFER)
        path.send_msg(parser.OFPFlowMod(
            datapath=path, priority=100, match=parser.OFPMatch(eth_type=0x0806, arp_op=1),
            instructions=[parser.OFPInstructionActions(protocol.OFPIT_APPLY_ACTIONS, [to_us])]))

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def asked(self, event):
        """One request, one answer."""
        message = event.msg
        frame, path = message.data, message.datapath
        parser, protocol = path.ofproto_parser, path.ofproto
        asker, address = frame[22:32], frame[38:42]
        mac = PREFIX + address
        path.send_msg(parser.OFPPacketOut(
            datapath=path, buffer_id=protocol.OFP_NO_BUFFER, in_port=protocol.OFPP_CONTROLLER,
            actions=[parser.OFPActionOutput(message.match["in_port"])],
            data=asker[:6] + mac + frame[12:20] + b"\x00\x02" + mac + address + asker + bytes(18)))
