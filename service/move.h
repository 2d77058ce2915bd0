// SPDX-License-Identifier: Apache-2.0
//
// service/move: the two sides of a service's move, each a process of its own (doc/service-move.md).
//
// Sequential: they wait, with a deadline for each wait. hookd starts them (hookd/job), and answers
// what they ask:
//
// move-out   hears    {"rundir","service","name","move","home","mode","target","address","port",
//                     "credentials":{"ca_certificate","certificate","private_key"}}
//            asks     turn    {}: the processes stand still; answered when the switch holds what
//                             comes for the service
//                     commit  {"bytes"}: answered when the row says `committed`
//            says     step    {"step","text"}: what it does now, for people
//                     progress {"figures"}: how far it is: connections, round, bytes, rate (bytes a
//                             second), left_ms
//                     marks   {"times","figures"}: when the parts of the pause were done, once that
//                             is over, and the figures that are known by then: also save_us and
//                             restore_us, microseconds that all sockets took
//                     live | failed {"why"}: the last it says
// move-in    hears    {"rundir","credentials","members":[NAME..]}
//            asks     welcome {"peer","hello"}: answers {"definition"}
//                     plug    {}: the port is there; answered when it is in the bridge, and the
//                             switch holds what comes for it
//                     commit  {}: home has said so; answered when the row says it
//                     outcome {"peer","move"}: answers {"outcome":"live"|"failed"}
//            says     step    {"step","text"}
//                     live    {"pid","trouble","time_ns"} | failed {"why"}
//                     marks   {"times"}, after live
//
// Exit status 0 if the service has moved (or a question was answered), 1 if it has not.
#pragma once

#include <string>

#include "service/talk.h"

namespace holdfast::service {

/// Home's side, told what to do by `talk`.
int move_out(Talk& talk);

/// The target's side, on the TCP connection `tcp` (home's, as accepted).
int move_in(Talk& talk, int tcp);

/// Home, while nobody knows what became of a move: asks the target.  Hears what move-out hears;
/// says live | failed {"why"}, or {"say":"unknown","why"} if the target cannot be asked.
int move_ask(Talk& talk);

/// Either side, after a process of the move that did not end by itself: the service of the folder
/// goes on here: the lock is taken away, sockets leave repair mode, processes and program go on.
/// Can be done at any time, again, and while the service runs. Errors on standard error; the exit
/// status then is 1.
int go_on(const std::string& rundir, const std::string& name);

/// Whether the lock is in the service's namespace, once no process of a move is at work: prints
/// "open", "shut" or "none" (no namespace).
int tell_lock(const std::string& rundir, const std::string& name);

} // namespace holdfast::service
