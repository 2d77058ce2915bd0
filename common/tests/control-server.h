// SPDX-License-Identifier: Apache-2.0
//
// common/tests/control-server: a control socket in this process, with scripted answers.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/jsonrpc.h"

namespace holdfast::tests {

/// A folder of one's own, removed with what is in it.
class Folder {
public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// Serves one connection after the other on a thread.
class ControlServer {
public:
    /// The bytes to send for a request; nothing closes the connection.
    using Script = std::function<std::optional<std::string>(const jsonrpc::Request&)>;

    ControlServer(const std::string& path, Script script);
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    int connections() const { return connections_; }

    /// A script that answers with the method and its arguments, joined by spaces.
    static std::optional<std::string> echo(const jsonrpc::Request& request);

private:
    void serve();
    void serve_one(int fd);

    std::string path_;
    Script script_;
    int listener_ = -1;
    std::mutex lock_; // Guards open_.
    int open_ = -1;   // The connection being served.
    std::atomic<bool> ending_ = false;
    std::atomic<int> connections_ = 0;
    std::thread thread_;
};

} // namespace holdfast::tests
