// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.time.Duration;
import java.util.function.LongPredicate;
import java.util.function.LongSupplier;

/**
 * Lets others stand for election first while the log of this node has no room. As a leader it would have
 * to write an entry before it answers anybody, and would keep those from leading that have room. When no
 * other has become the leader for some seconds, it stands.
 *
 * <p>Any thread.
 */
final class CandidateRoom {
  /** In this time servers with room have chosen one of them. */
  static final Duration PATIENCE = Duration.ofSeconds(5);

  private final LongPredicate entryRoom;
  private final LongSupplier clock;
  private boolean waits;
  private long since;

  /**
   * @param entryRoom whether the log has room for entries of so many bytes
   * @param clock nanoseconds, as System.nanoTime()
   */
  CandidateRoom(LongPredicate entryRoom, LongSupplier clock) {
    this.entryRoom = entryRoom;
    this.clock = clock;
  }

  /** An error if this node is not to stand for election now. */
  synchronized void check() throws IOException {
    if (entryRoom.test(0)) {
      waits = false;
      return;
    }
    if (!waits) {
      waits = true;
      since = clock.getAsLong();
    }
    if (clock.getAsLong() - since < PATIENCE.toNanos()) {
      throw new IOException("its disk is full, so others stand for election first");
    }
  }

  /** There is a leader: the next time others stand first again. */
  synchronized void follow() {
    waits = false;
  }
}
