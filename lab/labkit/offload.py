# SPDX-License-Identifier: Apache-2.0
"""Turns an interface's offloads off: `python3 offload.py INTERFACE`, inside its namespace."""

import ctypes
import fcntl
import socket
import struct
import sys

SIOCETHTOOL = 0x8946
ETHTOOL_SET = {"transmit checksum": 0x17, "TSO": 0x1F, "GSO": 0x24, "GRO": 0x2C}


def without_offload(interface):
    """Makes the kernel complete every frame itself: the userspace datapath passes on bytes, and
    a checksum left for the hardware would stay wrong."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for code in ETHTOOL_SET.values():
            value = ctypes.create_string_buffer(struct.pack("II", code, 0))
            request = struct.pack("16sP", interface.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(control, SIOCETHTOOL, request)
            except OSError:
                pass  # This kernel's veth does not have that one: nothing to turn off.


without_offload(sys.argv[1])
