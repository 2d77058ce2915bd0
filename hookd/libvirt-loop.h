// SPDX-License-Identifier: Apache-2.0
//
// hookd/libvirt-loop: libvirt's event loop, carried by an Asio io_context.
//
// libvirt asks for descriptors to be watched and timers to be run, from any thread that
// calls it; the callbacks run on the io_context's thread alone.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>

namespace holdfast::hookd {

/// Makes `io` libvirt's event loop.  Once a process, before the first virConnectOpen; `io`
/// lives as long as the process uses libvirt.
/// Source: libvirt-event.h, virEventRegisterImpl().
void register_libvirt_loop(boost::asio::io_context& io);

} // namespace holdfast::hookd
