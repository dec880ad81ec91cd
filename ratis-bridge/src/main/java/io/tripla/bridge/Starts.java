// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.util.ArrayList;
import java.util.List;

/**
 * The starts of a node's directory, as the node says them: how many there were, and the numbers that were
 * drawn for the last ones, the newest first (src/log/ratis/starts.h).
 */
record Starts(long count, List<Long> nonces) {
  static final int NONCES_MAX = 16;

  /** @throws IllegalArgumentException when there are no nonces, or too many */
  Starts {
    if (nonces.isEmpty() || nonces.size() > NONCES_MAX) {
      throw new IllegalArgumentException(nonces.size() + " nonces");
    }
    nonces = List.copyOf(nonces);
  }

  static Starts of(long count, long[] nonces) {
    List<Long> all = new ArrayList<>();
    for (long nonce : nonces) {
      all.add(nonce);
    }
    return new Starts(count, all);
  }

  /** The nonce of the last one. */
  long last() {
    return nonces.get(0);
  }

  long[] nonceArray() {
    return nonces.stream().mapToLong(Long::longValue).toArray();
  }

  /** As the greeting has it. */
  String toText() {
    StringBuilder text = new StringBuilder(Long.toUnsignedString(count));
    for (long nonce : nonces) {
      text.append(' ').append(Long.toHexString(nonce));
    }
    return text.toString();
  }

  /** @throws IllegalArgumentException when it is no such text */
  static Starts parse(String text) {
    String[] words = text.split(" ", -1);
    List<Long> nonces = new ArrayList<>();
    for (int i = 1; i < words.length; ++i) {
      nonces.add(Long.parseUnsignedLong(words[i], 16));
    }
    return new Starts(Long.parseUnsignedLong(words[0]), nonces);
  }
}
