// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
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

  private final int othersNeeded;
  private final LongSupplier clock;
  private final Map<String, Long> sent = new HashMap<>();
  private long term = -1;
  private long releasedTerm = -1;
  private volatile Held held = new Held(-1, 0);

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
    if (ofTerm < term || ofTerm == releasedTerm) {
      return;
    }
    if (ofTerm > term) {
      sent.clear();
      term = ofTerm;
    }
    sent.put(node, nanos);
    if (sent.size() >= othersNeeded) {
      long now = clock.getAsLong();
      long oldestNeeded =
          sent.values().stream()
              .sorted(Comparator.comparingLong(each -> now - each))
              .skip(othersNeeded - 1)
              .findFirst()
              .orElseThrow();
      held = new Held(term, oldestNeeded + TIME.toNanos());
    }
  }

  /** It ends, and comes no more in this term: another node is asked to lead. */
  synchronized void release() {
    releasedTerm = term;
    held = new Held(-1, 0);
  }

  /** Whether this node, the leader of this term, is sure at this moment that it still is. */
  boolean holds(long ofTerm) {
    Held now = held;
    return othersNeeded == 0 || (now.term == ofTerm && clock.getAsLong() - now.until < 0);
  }
}
