// SPDX-License-Identifier: Apache-2.0
//
// ctl/tests/answer: stands in for hookd where a test is about the command alone.
//
//     answer SOCKET LOG ANSWERS -- COMMAND...
//
// Listens on SOCKET, runs COMMAND, exits with its code.  Each request is written to LOG as
// "METHOD ARGUMENT"; its answer is the line of the file ANSWERS that begins with METHOD and
// a blank, the rest of that line; with "!" after the blank it is an error.
#include <config.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "common/tests/control-server.h"

namespace {

using namespace holdfast;

std::optional<std::string> reply(const std::string& answers, const std::string& log,
                                 const jsonrpc::Request& request)
{
    std::ofstream out{log, std::ios::app};
    out << request.method;
    for (const auto& arg : request.args)
        out << " " << arg;
    out << "\n";
    std::ifstream in{answers};
    for (std::string line; std::getline(in, line);) {
        if (line.compare(0, request.method.size() + 1, request.method + " ") != 0)
            continue;
        std::string text = line.substr(request.method.size() + 1);
        bool refused = text.starts_with("!");
        return jsonrpc::encode(
            jsonrpc::Reply{request.id, !refused, (refused ? text.substr(1) : text) + "\n"});
    }
    return jsonrpc::encode(
        jsonrpc::Reply{request.id, false, "\"" + request.method + "\" is not a valid command\n"});
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 6 || std::string{argv[4]} != "--") {
        std::fprintf(stderr, "usage: answer SOCKET LOG ANSWERS -- COMMAND...\n");
        return 1;
    }
    std::string log = argv[2], answers = argv[3];
    tests::ControlServer server{argv[1], [log, answers](const jsonrpc::Request& request) {
                                    return reply(answers, log, request);
                                }};
    pid_t child = ::fork();
    if (child == 0) {
        ::execvp(argv[5], argv + 5);
        std::perror(argv[5]);
        std::_Exit(127);
    }
    int state = 0;
    if (child < 0 || ::waitpid(child, &state, 0) < 0)
        return 127;
    return WIFEXITED(state) ? WEXITSTATUS(state) : 128;
}
