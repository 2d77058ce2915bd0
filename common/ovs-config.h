/* SPDX-License-Identifier: Apache-2.0
 *
 * common/ovs-config: Open vSwitch's own config.h, which its headers expect to come first.
 *
 * Included instead of our <config.h> by the C files that use those headers: the two
 * share a name, and ours is found first. */
#ifndef HOLDFAST_OVS_CONFIG_H
#define HOLDFAST_OVS_CONFIG_H 1

#include OVS_CONFIG_H

#endif
