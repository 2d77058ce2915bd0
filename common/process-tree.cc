// SPDX-License-Identifier: Apache-2.0
//
// common/process-tree: see process-tree.h.
#include <config.h>

#include "common/process-tree.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace holdfast {
namespace {

/// A process's children are its threads'.  False if the process is not there.
bool add_children(int pid, std::vector<int>& to)
{
    std::error_code ended;
    const std::filesystem::path tasks{"/proc/" + std::to_string(pid) + "/task"};
    std::filesystem::directory_iterator task{tasks, ended};
    if (ended)
        return false;
    for (; !ended && task != std::filesystem::directory_iterator{}; task.increment(ended)) {
        std::ifstream in{task->path() / "children"};
        to.insert(to.end(), std::istream_iterator<int>{in}, {});
    }
    return true;
}

} // namespace

std::vector<int> process_tree(int pid)
{
    std::vector<int> found;
    for (std::vector<int> left{pid}; !left.empty();) {
        const int next = left.back();
        left.pop_back();
        if (add_children(next, left))
            found.push_back(next);
    }
    return found;
}

} // namespace holdfast
