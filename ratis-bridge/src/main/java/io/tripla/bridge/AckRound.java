// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

/**
 * A round of acknowledgements: shows that this node was still the leader after the round had begun,
 * because a majority has answered messages that it sent after that (the Raft paper, 8). It takes a message
 * where the {@link Lease} takes none, and rests on no clock but the order of this node's own moments.
 *
 * <p>One round at a time. Any thread.
 */
final class AckRound {
  private final int othersNeeded;
  private final LongSupplier clock;
  private final Set<String> acknowledged = new HashSet<>();
  private long term = -1;
  private long begun;
  private CompletableFuture<Boolean> done = CompletableFuture.completedFuture(false);

  /**
   * @param members of the cluster, this node included
   * @param clock nanoseconds, as System.nanoTime()
   */
  AckRound(int members, LongSupplier clock) {
    othersNeeded = members / 2;
    this.clock = clock;
  }

  /** Begins a round of the leader of this term; true once a majority has acknowledged it. */
  CompletableFuture<Boolean> begin(long ofTerm) {
    end();
    synchronized (this) {
      term = ofTerm;
      begun = clock.getAsLong();
      acknowledged.clear();
      done = othersNeeded == 0 ? CompletableFuture.completedFuture(true) : new CompletableFuture<>();
      return done;
    }
  }

  /** A node has acknowledged the leader of this term; the message was sent at {@code nanos}. */
  void acknowledge(long ofTerm, String node, long nanos) {
    CompletableFuture<Boolean> complete;
    synchronized (this) {
      if (done.isDone() || ofTerm != term || nanos - begun < 0) {
        return;
      }
      acknowledged.add(node);
      if (acknowledged.size() < othersNeeded) {
        return;
      }
      complete = done;
    }
    complete.complete(true);
  }

  /** Ends the round that is under way, if one is, without success. */
  void end() {
    CompletableFuture<Boolean> ended;
    synchronized (this) {
      ended = done;
    }
    ended.complete(false);
  }
}
