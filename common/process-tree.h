// SPDX-License-Identifier: Apache-2.0
//
// common/process-tree: a process and all below it.
#pragma once

#include <vector>

namespace holdfast {

/// The process, if it is there, and its children, theirs, and so on, as they are now.
/// Source:  proc(5), /proc/PID/task/TID/children.
std::vector<int> process_tree(int pid);

} // namespace holdfast
