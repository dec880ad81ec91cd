// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class LeaseTest {
  private static final long NOW = 1234;
  private static final long LEASE = Lease.TIME.toNanos();

  @Test
  void ofThreeOneAnswerIsEnoughAndTheLaterOneCounts() {
    Lease lease = new Lease(3, () -> NOW);
    assertFalse(lease.holds(1));
    lease.extend(1, "n2", NOW);
    assertTrue(lease.holds(1));
    lease.extend(1, "n3", NOW - LEASE);
    assertTrue(lease.holds(1), "an old answer takes nothing back");
  }

  @Test
  void ofFiveTheOlderOfTheTwoLatestAnswersCounts() {
    Lease lease = new Lease(5, () -> NOW);
    lease.extend(1, "n2", NOW);
    assertFalse(lease.holds(1));
    lease.extend(1, "n3", NOW - LEASE);
    assertFalse(lease.holds(1));
    lease.extend(1, "n4", NOW);
    assertTrue(lease.holds(1));
  }

  @Test
  void itCountsFromWhenTheLeaderAskedNotFromTheAnswer() {
    Lease lease = new Lease(3, () -> NOW);
    lease.extend(1, "n2", NOW - LEASE);
    assertFalse(lease.holds(1));
  }

  @Test
  void itIsOfOneTerm() {
    Lease lease = new Lease(3, () -> NOW);
    lease.extend(2, "n2", NOW);
    assertFalse(lease.holds(1));
    lease.extend(1, "n3", NOW);
    assertTrue(lease.holds(2), "a late answer of an earlier term changes nothing");
    assertFalse(lease.holds(1));
    lease.extend(3, "n2", NOW - LEASE);
    assertFalse(lease.holds(3), "answers of the term before do not count");
  }

  @Test
  void whoIsAskedToLeadCountsNoMoreInThisTerm() {
    Lease lease = new Lease(3, () -> NOW);
    lease.extend(1, "n2", NOW);
    lease.free(1, "n2");
    assertFalse(lease.holds(1));
    lease.extend(1, "n2", NOW);
    assertFalse(lease.holds(1), "nor does an answer that comes after that");
    lease.extend(2, "n2", NOW);
    assertTrue(lease.holds(2));
  }

  @Test
  void whileOneIsAskedToLeadThePromisesOfTheOthersCount() {
    Lease lease = new Lease(3, () -> NOW);
    lease.extend(1, "n2", NOW);
    lease.extend(1, "n3", NOW);
    lease.free(1, "n2");
    assertTrue(lease.holds(1));
    lease.free(1, "n3");
    assertFalse(lease.holds(1));
  }

  @Test
  void whoIsAskedBeforeItAnswersInThisTermDoesNotCountEither() {
    Lease lease = new Lease(3, () -> NOW);
    lease.extend(1, "n2", NOW);
    lease.free(2, "n2");
    lease.extend(2, "n2", NOW);
    assertFalse(lease.holds(2));
  }

  @Test
  void ofFiveTwoOthersMustStillPromise() {
    Lease lease = new Lease(5, () -> NOW);
    lease.extend(1, "n2", NOW);
    lease.extend(1, "n3", NOW);
    lease.free(1, "n2");
    assertFalse(lease.holds(1));
    lease.extend(1, "n4", NOW);
    assertTrue(lease.holds(1));
  }

  @Test
  void aSingleMemberAlwaysHasIt() {
    assertTrue(new Lease(1, () -> NOW).holds(1));
  }

  @Test
  void itIsShorterThanThePromiseItRestsOn() {
    assertTrue(Lease.TIME.compareTo(VotePromise.TIME) < 0);
  }
}
