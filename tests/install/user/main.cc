// SPDX-License-Identifier: Apache-2.0
// Stores a value and reads it: user HOST:PORT KEY.
#include <iostream>

#include "tripla/client.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  tripla::Client client({.endpoints = {argv[1]}});
  const absl::StatusOr<tripla::Key> key = tripla::Key::Parse(argv[2]);
  if (!key.ok()) {
    std::cerr << key.status() << "\n";
    return 2;
  }
  for (const auto& answer : {client.Set(*key, /*timestamp=*/1, "lala"), client.Get(*key)}) {
    if (!answer.ok()) {
      std::cerr << answer.failure().ToText() << "\n";
      return 1;
    }
    if (answer->result != tripla::Result::kSuccess) return 1;
    if (answer->value) std::cout << "stored " << answer->value->data << "\n";
  }
}
