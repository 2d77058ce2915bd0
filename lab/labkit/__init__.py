# SPDX-License-Identifier: Apache-2.0
"""What lab/lab is made of: hypervisors, guests and clients in namespaces of one machine."""
