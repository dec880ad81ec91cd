// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class LeaseTest {
  private static final long LEASE = Lease.TIME.toNanos();

  @Test
  void ofThreeOneAnswerIsEnoughAndTheLaterOneCounts() {
    Lease lease = new Lease(3);
    assertFalse(lease.holds(1));
    lease.extend(1, "n2", System.nanoTime());
    assertTrue(lease.holds(1));
    lease.extend(1, "n3", System.nanoTime() - LEASE);
    assertTrue(lease.holds(1), "an old answer takes nothing back");
  }

  @Test
  void ofFiveTheOlderOfTheTwoLatestAnswersCounts() {
    Lease lease = new Lease(5);
    long now = System.nanoTime();
    lease.extend(1, "n2", now);
    assertFalse(lease.holds(1));
    lease.extend(1, "n3", now - LEASE);
    assertFalse(lease.holds(1));
    lease.extend(1, "n4", now);
    assertTrue(lease.holds(1));
  }

  @Test
  void itCountsFromWhenTheLeaderAskedNotFromTheAnswer() {
    Lease lease = new Lease(3);
    lease.extend(1, "n2", System.nanoTime() - LEASE);
    assertFalse(lease.holds(1));
  }

  @Test
  void itIsOfOneTerm() {
    Lease lease = new Lease(3);
    long now = System.nanoTime();
    lease.extend(2, "n2", now);
    assertFalse(lease.holds(1));
    lease.extend(1, "n3", now);
    assertTrue(lease.holds(2), "a late answer of an earlier term changes nothing");
    assertFalse(lease.holds(1));
    lease.extend(3, "n2", now - LEASE);
    assertFalse(lease.holds(3), "answers of the term before do not count");
  }

  @Test
  void onceReleasedItComesBackInAnotherTermOnly() {
    Lease lease = new Lease(3);
    lease.extend(1, "n2", System.nanoTime());
    lease.release();
    lease.extend(1, "n3", System.nanoTime());
    assertFalse(lease.holds(1));
    lease.extend(2, "n3", System.nanoTime());
    assertTrue(lease.holds(2));
  }

  @Test
  void aSingleMemberAlwaysHasIt() {
    assertTrue(new Lease(1).holds(1));
  }

  @Test
  void itIsShorterThanThePromiseItRestsOn() {
    assertTrue(Lease.TIME.compareTo(VotePromise.TIME) < 0);
  }
}
