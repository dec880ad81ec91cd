// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * The time in which a leader is sure that there is no other: a majority, itself included, keeps its
 * {@link VotePromise}. During a lease a read is linearizable without a message.
 *
 * <p>It begins when the leader sends a message, which is before the follower promises, and is a tenth
 * shorter than the promise, because clocks run at different speeds. Only answers that acknowledge the
 * leader extend it. Ratis's own lease is also extended by the answer "you lead no more", and so allows
 * stale reads for a moment.
 *
 * <p>Any thread.
 */
final class Lease {
  static final Duration TIME = VotePromise.TIME.multipliedBy(9).dividedBy(10);

  private record Held(long term, long until) {}

  private static final Held NONE = new Held(-1, 0);

  private final int othersNeeded;
  private final LongSupplier clock;
  private final Map<String, Long> sent = new HashMap<>();
  private final Set<String> freed = new HashSet<>(); // of their promise, in this term
  private long term = -1;
  private volatile Held held = NONE;

  /**
   * @param members of the cluster, this node included
   * @param clock nanoseconds, as System.nanoTime()
   */
  Lease(int members, LongSupplier clock) {
    othersNeeded = members / 2;
    this.clock = clock;
  }

  /** A node has acknowledged the leader of this term; the message was sent at {@code nanos}. */
  synchronized void extend(long ofTerm, String node, long nanos) {
    begin(ofTerm);
    if (ofTerm == term && !freed.contains(node)) {
      sent.put(node, nanos);
      count();
    }
  }

  /**
   * A node is asked to lead in place of the leader of this term, so it is freed of its promise. In this
   * term the lease rests on the others alone: they promise still. The leader's own vote needs no promise,
   * since it knows of it.
   */
  synchronized void free(long ofTerm, String node) {
    begin(ofTerm);
    if (ofTerm == term) {
      freed.add(node);
      sent.remove(node);
      count();
    }
  }

  private void begin(long ofTerm) {
    if (ofTerm > term) {
      term = ofTerm;
      sent.clear();
      freed.clear();
      held = NONE;
    }
  }

  private void count() {
    long now = clock.getAsLong();
    held =
        sent.values().stream()
            .sorted(Comparator.comparingLong(each -> now - each))
            .skip(Math.max(0, othersNeeded - 1))
            .findFirst()
            .map(oldestNeeded -> new Held(term, oldestNeeded + TIME.toNanos()))
            .orElse(NONE);
  }

  /** Whether this node, the leader of this term, is sure at this moment that it still is. */
  boolean holds(long ofTerm) {
    Held now = held;
    return othersNeeded == 0 || (now.term == ofTerm && clock.getAsLong() - now.until < 0);
  }
}
