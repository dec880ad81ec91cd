// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "cli/spelling.h"

namespace tripla::cli {
namespace {

constexpr std::array<std::string_view, 1> kGetFlags{"--consistency"};
constexpr std::array<std::string_view, 1> kSetFlags{"--timestamp"};
constexpr std::array<std::string_view, 2> kDelFlags{"--version", "--if-revision"};
constexpr std::array<std::string_view, 3> kCasFlags{"--version", "--timestamp", "--if-revision"};

constexpr std::array<Verb, 11> kVerbs{{
    {"get", "get KEY [--consistency stale]", "read an entry",
     "Answers SUCCESS with the entry, or ERROR when there is none. With --consistency stale it is "
     "what the\n"
     "asked server has, which may be less than is acknowledged, and also without a leader; else\n"
     "linearizable.\n\n"
     "  get 42\n"
     "  get -0xff\n"
     "  get uuid:123e4567-e89b-12d3-a456-426614174000\n",
     1, 1, kGetFlags},
    {"set", "set KEY DATA [--timestamp N]", "create an entry",
     "Answers SUCCESS, and the entry has version 1; or ERROR with the entry that is there "
     "already.\n"
     "The timestamp is yours: any number, the milliseconds since 1970 when not given.\n\n"
     "  set 42 lala\n"
     "  set 42 'two words' --timestamp -5\n"
     "  set 42 @photo.jpg\n"
     "  set 42 hex:00ff\n"
     "  set 42 text:@lala        the text @lala, not a file\n",
     2, 2, kSetFlags},
    {"del", "del KEY [--version N [--if-revision N]]", "remove an entry",
     "Answers SUCCESS with what was removed. Without --version: ERROR when there is no entry. With "
     "it:\n"
     "ERROR_NE when there is none, ERROR_WV with the entry when it has another version.\n\n"
     "  del 42\n"
     "  del 42 --version 3\n",
     1, 1, kDelFlags},
    {"cas", "cas KEY DATA --version N [--timestamp N] [--if-revision N]",
     "replace an entry if it has this version",
     "Answers SUCCESS with what was there before, and the version grows by one; ERROR_NE when "
     "there is\n"
     "no entry; ERROR_WV with the entry when it has another version. --if-revision also asks for "
     "the\n"
     "revision of an earlier answer: it never repeats, whereas an entry deleted and set anew "
     "begins\n"
     "with version 1 again.\n\n"
     "  cas 42 lele --version 1\n"
     "  cas 42 lele --version 1 --if-revision 7\n",
     2, 2, kCasFlags},
    {"batch",
     "batch FILE",
     "send the get, set, del and cas lines of a file as one call",
     "One operation a line, done in this order and each decided on its own, with one durable write "
     "for\n"
     "all; one answer a line. FILE - is standard input.\n\n"
     "  batch load.txt\n",
     1,
     1,
     {}},
    {"status",
     "status",
     "what the server says about itself; of several, a row each",
     "Exits with 0 when all servers that were asked are up, ready and take writes; with 6 when one "
     "is\n"
     "down or not ready, with 9 when one is read-only.\n",
     0,
     0,
     {}},
    {"health",
     "health",
     "whether each server is ready to serve",
     "Asks each server's health service (grpc.health.v1). Exits with 0 when all are ready, else "
     "with 6.\n",
     0,
     0,
     {}},
    {"outcome",
     "outcome ID",
     "what became of a write whose answer is missing",
     "ID is what the message of that write says. Exits as the write would have: 0 SUCCESS, 3 "
     "ERROR, "
     "4\n"
     "ERROR_NE, 5 ERROR_WV; 6 it was not applied and never will be; 7 the server does not remember "
     "it.\n"
     "Of a batch: 0 when all was decided.\n",
     1,
     1,
     {}},
    {"snapshot",
     "snapshot",
     "write an image to the server's disk now",
     "Answers when the image is in force. Of several servers one writes it, and the answer names "
     "that one.\n",
     0,
     0,
     {}},
    {"transfer",
     "transfer [NODE]",
     "let another server of the cluster lead",
     "Answers when NODE leads; without NODE, when any other does. For a second or two writes are "
     "refused\n"
     "(surely not applied). For example before the leader's machine is stopped.\n\n"
     "  transfer n2\n",
     0,
     1,
     {}},
    {"help", "help [VERB]", "this, or more about one verb", "", 0, 1, {}},
}};

// What other databases and shells call them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 19> kOtherNames{{
    {"create", "set"},        {"insert", "set"},
    {"put", "set"},           {"add", "set"},
    {"read", "get"},          {"select", "get"},
    {"show", "get"},          {"delete", "del"},
    {"remove", "del"},        {"rm", "del"},
    {"update", "cas"},        {"replace", "cas"},
    {"cad", "del"},           {"testandset", "cas"},
    {"info", "status"},       {"ping", "health"},
    {"save", "snapshot"},     {"move-leader", "transfer"},
    {"stepdown", "transfer"},
}};

}  // namespace

std::span<const Verb> Verbs() { return kVerbs; }

const Verb* FindVerb(std::string_view name) {
  const auto* const found =
      std::ranges::find_if(kVerbs, [&](const Verb& verb) { return IsSameWord(verb.name, name); });
  return found == kVerbs.end() ? nullptr : found;
}

std::string_view VerbMeantBy(std::string_view word) {
  for (const auto& [other, verb] : kOtherNames) {
    if (IsSameWord(word, other)) return verb;
  }
  std::vector<std::string_view> names;
  for (const Verb& verb : kVerbs) names.push_back(verb.name);
  return NearestOf(word, names);
}

}  // namespace tripla::cli
