// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;

/**
 * What a node owes its leader, and the other half of {@link Lease}: having heard from it, it takes part
 * in no election of another for a while.
 *
 * <p>Ratis asks voters for that too, but only before an election, in the round that counts for nothing:
 * a leader that is heard from between that round and the election would be deposed at once, and not
 * know it. So the promise is kept here, for the vote itself.
 *
 * <p>Any thread.
 */
final class VotePromise {
  static final Duration TIME = Duration.ofMillis(1000);

  /** Votes, as far as this node may. */
  interface Vote {
    MessageLite cast() throws IOException;
  }

  private final LongSupplier clock;
  private String leader = "";
  private long term = -1;
  private long until;

  /** @param clock nanoseconds, as System.nanoTime() */
  VotePromise(LongSupplier clock) {
    this.clock = clock;
    until = clock.getAsLong();
  }

  /**
   * Before the leader's message is executed, and so before it is answered. One of an earlier term was
   * deposed and does not know it: what was promised to its successor stands.
   */
  synchronized void renew(String to, long ofTerm) {
    if (ofTerm < term) {
      return;
    }
    term = ofTerm;
    leader = to;
    until = clock.getAsLong() + TIME.toNanos();
  }

  /**
   * The leader of this term does not count on it any more, nor on what it has sent before and comes
   * later. In another term it counts on another promise.
   */
  synchronized void release(String by, long ofTerm) {
    if (leader.equals(by) && term == ofTerm) {
      until = clock.getAsLong();
      ++term;
    }
  }

  /** Votes for a candidate, unless another was promised; no promise is made meanwhile. */
  synchronized MessageLite keepOr(String candidate, Vote vote) throws IOException {
    check(candidate);
    return vote.cast();
  }

  /** An error if another was promised. */
  synchronized void check(String candidate) throws IOException {
    if (!candidate.equals(leader) && clock.getAsLong() - until < 0) {
      throw new IOException("it has just heard from " + leader + ", its leader");
    }
  }
}
