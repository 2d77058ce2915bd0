# SPDX-License-Identifier: Apache-2.0
"""An operator's OpenFlow controller, run by osken-manager: the switches know nothing by themselves, and
it gives each two addresses that talk a flow of their own, by which the switch is to bridge (NORMAL)."""

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import addrconv
from os_ken.ofproto import ofproto_v1_3


class Controller(app_manager.OSKenApp):
    """One for all switches."""

    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def joined(self, event):
        """What has no flow comes here, whole."""
        path = event.msg.datapath
        protocol = path.ofproto
        to_us = path.ofproto_parser.OFPActionOutput(protocol.OFPP_CONTROLLER,
                                                    protocol.OFPCML_NO_BUFFER)
        self.add(path, 0, path.ofproto_parser.OFPMatch(), to_us)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def unknown(self, event):
        """The first frame of two addresses."""
        message = event.msg
        path, frame = message.datapath, message.data
        parser, protocol = path.ofproto_parser, path.ofproto
        normal = parser.OFPActionOutput(protocol.OFPP_NORMAL)
        to, sender = (addrconv.mac.bin_to_text(frame[at:at + 6]) for at in (0, 6))
        self.add(path, 10, parser.OFPMatch(eth_dst=to, eth_src=sender), normal)
        path.send_msg(parser.OFPPacketOut(
            datapath=path, buffer_id=protocol.OFP_NO_BUFFER, in_port=message.match["in_port"],
            actions=[normal], data=frame))

    @staticmethod
    def add(path, priority, match, action):
        """One flow."""
        parser = path.ofproto_parser
        path.send_msg(parser.OFPFlowMod(
            datapath=path, priority=priority, match=match,
            instructions=[parser.OFPInstructionActions(path.ofproto.OFPIT_APPLY_ACTIONS, [action])]))
