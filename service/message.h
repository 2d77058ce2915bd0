// SPDX-License-Identifier: Apache-2.0
//
// service/message: what the two sides of a service's move say to each other.
//
// Pure.  A message is one frame of service/link: its type, and a payload that is either JSON
// or, where sockets and images are concerned, the binary form given here.  All numbers are
// little-endian.  The sequence is in doc/service-move.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "sockets/neighbours.h"

namespace holdfast::service {

/// The target's hookd listens at this TCP port of its vtep.
constexpr int port = 6652;

/// The version of this protocol: both sides speak the same, or the move is refused.
constexpr int protocol_version = 2;

/// A frame's type.  H is the home side, T the target.
enum class Message : std::uint8_t {
    hello = 1,   // H→T: Hello, as JSON.
    ready = 2,   // T→H: the service has a place: {} as JSON.
    refused = 3, // T→H, instead of ready: {"why": one line}.
    file = 4,    // H→T: a part of a file of the process state: FilePart.
    sockets =
        5, // H→T: sockets with what the service says of each: MovedSocket, one after the other.
    restore = 6, // H→T: all has been sent: {"sockets": N, "stood": [number inside of
                 // a process that stood by its own will, ...], "neighbours": [{"ip", "mac"}, ...]}.
    restored = 7, // T→H: all is there, silent: {"sockets": N, "restore_us": N}.
    failed = 8,   // T→H: it could not be, or H→T: it is not to be: {"why": one line}.
    commit = 9,   // H→T: from here on it is T's: {}.
    live = 10,    // T→H: it lives there: {"live_us": N}.
    outcome = 11, // H→T, instead of hello: what became of move {"move": id}?
    answer = 12,  // T→H: {"outcome": "live" or "failed"}.
    round = 13,   // H→T, in mode checkpoint: the files of this round are sent: {"round": N};
                  // answered by ready, or failed.
};

/// What begins a move.
struct Hello {
    int version = protocol_version;
    std::string move;    // The move's id, a UUID that H makes.
    std::string home;    // H's name in the fleet.
    std::string mode;    // "handoff" or "checkpoint".
    bool speaks = false; // Handoff: the service gives and takes by doc/handoff.md.
    std::string service; // Its id.
    std::string name;    // Its name, for people and for its folder.

    bool operator==(const Hello&) const = default;
};

nlohmann::json to_json(const Hello& hello);
/// Errors: damaged, naming what is missing; invalid, if it is of another version.
Result<Hello> hello_of(const nlohmann::json& json);

/// A payload that is JSON.
/// Errors: damaged, if it is no object.
Result<nlohmann::json> parse_payload(std::span<const std::uint8_t> payload);
std::vector<std::uint8_t> payload_of(const nlohmann::json& json);

/// Those beside the service, as JSON; and back, where nlohmann::json throws for another shape.
nlohmann::json to_json(const std::vector<sockets::Neighbour>& neighbours);
std::vector<sockets::Neighbour> neighbours_of(const nlohmann::json& json);

/// A socket on its way.
struct MovedSocket {
    std::string name; // Handoff: what the service knows it by (LISTEN_FDNAMES); checkpoint: who
                      // has it (Held).
    std::vector<std::uint8_t> image; // As sockets/image encodes it.
    std::vector<std::uint8_t> state; // The service's own bytes about it; often none.

    bool operator==(const MovedSocket&) const = default;
};

/// Where a process has a socket: its number inside, and the descriptor; the same after a
/// checkpoint.
struct Held {
    int process = 0;
    int fd = -1;

    bool operator==(const Held&) const = default;
};

/// As "12/5", a socket's name on its way in mode checkpoint; and back.
/// Errors: damaged.
std::string text(const Held& held);
Result<Held> parse_held(const std::string& text);

/// Binary: each u32 size of the name, name, u32 size of the image, image, u32 size of the
/// state, state.
std::vector<std::uint8_t> encode(std::span<const MovedSocket> sockets);
/// Errors: damaged.
Result<std::vector<MovedSocket>> decode_sockets(std::span<const std::uint8_t> bytes);

/// A part of a file.
struct FilePart {
    std::string name;                // A plain name in the folder `folder`, no slash.
    std::uint32_t round = 0;         // The memory round whose folder it is in.
    bool last = false;               // The file ends with this part.
    std::vector<std::uint8_t> bytes; // At most 4 MiB.

    bool operator==(const FilePart&) const = default;
};

/// Binary: u32 round, u8 last, u32 size of the name, name, the bytes.
std::vector<std::uint8_t> encode(const FilePart& part);
/// Errors: damaged, also where the name is no plain one.
Result<FilePart> decode_part(std::span<const std::uint8_t> bytes);

} // namespace holdfast::service
