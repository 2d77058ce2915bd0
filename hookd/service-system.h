// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-system: what a service needs of this hypervisor, and the commands that make and end
// it.  Everything here waits: it is called aside (hookd/tool.h).
#pragma once

#include <string>

#include "common/result.h"
#include "db/rows.h"
#include "service/folder.h"

namespace holdfast::hookd {

/// Where Open vSwitch is, and which bridge is ours.
struct OurBridge {
    std::string name;
    std::string ovs_db; // Empty: the default.
};

/// What look_at_system() found.
struct System {
    std::string program;   // The command's file, where it was named without a folder.
    bool offloads = false; // The bridge has the kernel's datapath.
};

/// The program that does everything about services that has to wait.
std::string service_program();
/// Any of those that the daemon runs for what takes time.
std::string program_of_ours(const std::string& name);

/// Whether user, command, directory and bridge are there.
/// Errors: not_found or invalid, one line with the mend; io or unavailable if Open vSwitch cannot
///         be asked.
Result<System> look_at_system(const db::Service& row, const OurBridge& bridge);
/// Whether this hypervisor has what a service of this mode is to be moved with.
/// Errors: not_found, with the package.
Result<void> look_at_engine(const std::string& mode);

/// Makes its folder, its network and its port, and plugs the port into the bridge.
Result<std::string> make_service(const service::Folder& folder, const std::string& rundir,
                                 const db::Service& row, bool offloads, const OurBridge& bridge);
/// Plugs the port of a service into the bridge; its network is there.
/// `tag`: the VLAN of which it is an access port; 0: of none.
Result<std::string> plug_service(const db::Service& row, int tag, const OurBridge& bridge);
/// Starts its command; the first process's number.
Result<int> start_service(const std::string& rundir, const db::Service& row);
/// Ends it if it runs, and takes all of it away but, without `forget`, its folder.
/// Returns why it had ended, if that is known.
Result<std::string> undo_service(const std::string& rundir, const db::Service& row, bool forget,
                                 const OurBridge& bridge);

} // namespace holdfast::hookd
