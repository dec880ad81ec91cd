// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;

/**
 * A follower's promise to its leader, on which the leader's {@link Lease} rests: for a second after each
 * of the leader's messages, the follower votes for no other node.
 *
 * <p>Ratis checks this only in the pre-vote, which comes before the election. A leader whose message
 * arrives between the two would be deposed without knowing it. So the promise is checked here again, for
 * the vote itself.
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
   * Promises for another second. Called before the leader's message is executed, and so before it is
   * answered. A leader of an earlier term, which was deposed and does not know it, is promised nothing.
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
   * The leader of this term gives the promise back, because it asks another node to lead. Its late
   * messages of this term renew nothing.
   */
  synchronized void release(String by, long ofTerm) {
    if (leader.equals(by) && term == ofTerm) {
      until = clock.getAsLong();
      ++term;
    }
  }

  /** Votes for a candidate, unless that breaks the promise. No promise is made meanwhile. */
  synchronized MessageLite keepOr(String candidate, Vote vote) throws IOException {
    check(candidate);
    return vote.cast();
  }

  /** An error if a vote for this candidate breaks the promise. */
  synchronized void check(String candidate) throws IOException {
    if (!candidate.equals(leader) && clock.getAsLong() - until < 0) {
      throw new IOException("it has just heard from " + leader + ", its leader");
    }
  }
}
