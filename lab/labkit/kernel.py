# SPDX-License-Identifier: Apache-2.0
"""The guests' kernel as it runs: unpacked here once, not by each guest.

Without KVM a guest takes as long for unpacking its kernel as for everything else until it is
ready.  QEMU starts an unpacked one by its PVH note (Linux, Documentation/x86/boot.rst and
include/xen/interface/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY), which Debian's has.
"""

import lzma
import os
import struct

XZ = b"\xfd7zXZ\0"


def unpacked(packed):
    """The file of the kernel beside `packed` (a bzImage) that QEMU is to start: unpacked, or as it
    is if it is packed otherwise than Debian 12's."""
    plain = packed.with_name("vmlinux")
    if not plain.exists():
        image = packed.read_bytes()
        content = payload(image)
        if not content.startswith(XZ):
            return packed
        new = plain.with_suffix(f".{os.getpid()}")
        new.write_bytes(lzma.LZMADecompressor().decompress(content))
        new.rename(plain)
    return plain


def payload(image):
    """The packed kernel in a bzImage (Documentation/x86/boot.rst: setup_sects, payload_offset and
    payload_length)."""
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    return image[start:start + length]
