/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-frames: what shim.c tells shim-frames.c. */
#ifndef HOLDFAST_SHIM_FRAMES_H
#define HOLDFAST_SHIM_FRAMES_H 1

void hf_frames_init(void);
/* The port is about to go: nothing may touch its device any more. */
void hf_frames_port_gone(const char *interface);

#endif
